"""Commands: sent once for all viewers, and remembered until it is known what became of them."""

from __future__ import annotations

import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dataflows.events import Command
from ui.commands.catalogue import Arguments

MAX_SENT = 1_000
"""Commands that are remembered."""

VALID_FOR = timedelta(seconds=60)
"""After that a command is not obeyed any more: whoever sent it no longer watches the vehicle."""

LONGEST_NAME = 100
"""Characters of a sender's name, as in the contract."""


class CommandPublisher(ABC):
    """Publishes commands; safe to use from several threads."""

    @abstractmethod
    def publish(self, vehicle_id: str, command: Command) -> str:
        """Publish a command to a vehicle, and wait for the broker within a deadline.

        Returns:
            why the broker has not confirmed it; empty if it has.
        """


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that was sent from this page.

    Attributes:
        vehicle_id: to which vehicle.
        command: what.
        sent_at: UTC.
        trouble: why the broker has not confirmed it; empty if it has.
    """

    vehicle_id: str
    command: Command
    sent_at: datetime
    trouble: str


class CommandDesk:
    """Sends commands, and knows which were sent; safe to use from several threads.

    Args:
        publisher: to send them with.
        clock: seconds since the epoch.
        max_sent: commands that are remembered.
    """

    def __init__(
        self, publisher: CommandPublisher, clock: Callable[[], float] = time.time, max_sent: int = MAX_SENT
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._max_sent = max_sent
        self._lock = threading.Lock()
        self._sent: OrderedDict[str, SentCommand] = OrderedDict()

    def send(self, vehicle_id: str, name: str, arguments: Arguments, by: str) -> SentCommand:
        """Send a command under an id of its own.

        Args:
            vehicle_id: to which vehicle.
            name: what.
            arguments: of the command.
            by: who sends it.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        command = Command(
            id=secrets.token_hex(8),
            name=name,
            arguments=dict(arguments),
            by=by[:LONGEST_NAME],
            expires_at=now + VALID_FOR,
        )
        sent = SentCommand(vehicle_id, command, now, self._publisher.publish(vehicle_id, command))
        with self._lock:
            self._sent[command.id] = sent
            while len(self._sent) > self._max_sent:
                self._sent.popitem(last=False)
        return sent

    def to(self, vehicle_id: str) -> list[SentCommand]:
        """What was sent to a vehicle, the latest first."""
        with self._lock:
            return [sent for sent in reversed(self._sent.values()) if sent.vehicle_id == vehicle_id]
