"""Whether this process is fit for work: it runs, its connections stand, epochs are completed, messages come.

One object for the whole process, as the registry of metrics is: connectors and jobs report to it, and
`dataflows.job.monitoring` serves what it knows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from dataflows.metrics import SNAPSHOT_AT, SNAPSHOT_TIME

Trouble = Callable[[], str]
"""Says why something does not work; the empty text if it does."""


class Health:
    """What is known of the state of a process.

    Args:
        clock: seconds since 1970-01-01 UTC.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._connections: dict[str, Trouble] = {}
        self._lock = threading.Lock()
        self._heard_at: float | None = None
        self._runs = False
        self._epoch_at = clock()
        SNAPSHOT_AT.set(self._epoch_at)

    def watch(self, connection: str, trouble: Trouble) -> None:
        """From now on a connection is needed.

        Args:
            connection: its name.
            trouble: says why it does not stand; called whenever health is asked for, in another thread.
        """
        with self._lock:
            self._connections[connection] = trouble

    def forget(self, connection: str) -> None:
        """A connection was closed on purpose."""
        with self._lock:
            self._connections.pop(connection, None)

    def heard(self) -> None:
        """A message has come, or a source that may not be silent for long is about to be read."""
        self._heard_at = self._clock()

    def running(self) -> None:
        """The engine asks sources for messages."""
        self._runs = True

    def epoch_completed(self, ended_at: float) -> None:
        """An epoch has passed through the dataflow, and is stored if anything is.

        Args:
            ended_at: when its snapshots were taken, seconds since 1970-01-01 UTC.
        """
        self._epoch_at = max(self._epoch_at, ended_at)
        SNAPSHOT_AT.set(self._epoch_at)
        SNAPSHOT_TIME.set(self._clock() - ended_at)

    def connections(self) -> Mapping[str, str]:
        """Name of each connection → why it does not stand; the empty text if it does."""
        with self._lock:
            connections = dict(self._connections)
        return {name: trouble() for name, trouble in sorted(connections.items())}

    def troubles(
        self,
        connections: Mapping[str, str],
        *,
        max_epoch_age: float | None = None,
        max_silence: float | None = None,
    ) -> list[str]:
        """Why the process is not ready, each in a line; nothing if it is.

        Args:
            connections: as `connections` returned them.
            max_epoch_age: seconds since the last completed epoch, or since the start.
            max_silence: seconds since the latest message, or since the start.
        """
        now = self._clock()
        if not self._runs:
            return ["the dataflow has not started yet"]
        troubles = [f"{name}: not connected: {reason}" for name, reason in connections.items() if reason]
        if max_epoch_age is not None and (age := now - self._epoch_at) > max_epoch_age:
            troubles.append(
                f"the last completed epoch ended {age:.0f} s ago, more than monitoring.max_snapshot_age = "
                f"{max_epoch_age:g}: a sink or the recovery directory holds it up"
            )
        silence = 0.0 if self._heard_at is None else now - self._heard_at
        if max_silence is not None and silence > max_silence:
            troubles.append(
                f"no message for {silence:.0f} s, longer than monitoring.max_silence = {max_silence:g}"
            )
        return troubles


HEALTH = Health()
"""That of this process."""
