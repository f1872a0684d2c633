"""What people do about alerts: sent once for all viewers, and remembered until the job answers."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataflows.events import ActionName, Alert, AlertAction

MAX_SENT = 1_000
"""Unanswered actions remembered."""


class ActionPublisher(ABC):
    """Publishes actions; safe to use from several threads."""

    @abstractmethod
    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        """Publish, and wait for the broker within a deadline.

        Args:
            actions: each with the id of the vehicle that it is about.

        Returns:
            for each action why the broker has not confirmed it; empty if it has.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """An action, and what it is going to change.

    Attributes:
        action: what is asked of the job.
        vehicle_id: that it is about; empty for more than one. Over Kafka, the key of the message.
        alerts: those whose next revision is the answer, as far as the page knows.
    """

    action: AlertAction
    vehicle_id: str
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class SentAction:
    """An action that the broker has confirmed.

    Attributes:
        action: what.
        revision: of the alert when it was sent; a higher one is the answer.
        sent_at: seconds since the epoch.
    """

    action: ActionName
    revision: int
    sent_at: float


class ActionDesk:
    """Sends actions, and knows which have not been answered; safe to use from several threads.

    Args:
        publisher: to send them with.
        clock: seconds since the epoch.
    """

    def __init__(self, publisher: ActionPublisher, clock: Callable[[], float] = time.time) -> None:
        self._publisher = publisher
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: OrderedDict[str, SentAction] = OrderedDict()

    def send(self, requests: Sequence[Request]) -> str:
        """Send actions, one message for each request.

        Returns:
            what went wrong, as the broker words it; empty if the broker has confirmed all of them.
        """
        reasons = self._publisher.publish([(request.vehicle_id, request.action) for request in requests])
        with self._lock:
            for request, reason in zip(requests, reasons, strict=True):
                for alert in () if reason else request.alerts:
                    name = request.action.action
                    self._sent[alert.alert_id] = SentAction(name, alert.revision, self._clock())
                    self._sent.move_to_end(alert.alert_id)
            while len(self._sent) > MAX_SENT:
                self._sent.popitem(last=False)
        failures = Counter(reason for reason in reasons if reason)
        return "; ".join(
            reason if count == len(reasons) else f"{count} of {len(reasons)}: {reason}"
            for reason, count in failures.items()
        )

    def sent(self, alert: Alert) -> SentAction | None:
        """What was sent about an alert; ``None`` once the alert has a higher revision."""
        with self._lock:
            sent = self._sent.get(alert.alert_id)
            if sent is not None and alert.revision > sent.revision:
                del self._sent[alert.alert_id]
                return None
            return sent
