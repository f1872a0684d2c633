"""Says when many messages are delivered twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

SPAN = 60.0
"""Seconds over which the share is taken."""

USUAL_SHARE = 0.05
"""Share of the events of a span up to which duplicates are what QoS 1 and a restart cost."""


class DuplicateWatch:
    """Warns once if more than `USUAL_SHARE` of the events of a minute were duplicates.

    One for all shards of a process.

    Args:
        now: seconds on a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since = now()
        self._events = self._duplicates = 0
        self._warned = False

    def count(self, events: int, duplicates: int) -> None:
        """Count the events of a batch, and how many of them were duplicates."""
        if self._warned:
            return
        self._events += events
        self._duplicates += duplicates
        if self._now() - self._since < SPAN:
            return
        share = self._duplicates / max(self._events, 1)
        if share > USUAL_SHARE:
            self._warned = True
            logger.warning(
                "%.0f %% of the events of the last minute (%d of %d) were duplicates, and dropped: they have "
                "vehicle, time and sequence (or the whole message, without a sequence) of another one; "
                "perhaps two clients publish the same data, a bridge forwards in a loop, or "
                "payload.sequence points to something that does not change from event to event",
                100.0 * share,
                self._duplicates,
                self._events,
                extra={"count": self._duplicates, "events": self._events},
            )
        self._since = self._now()
        self._events = self._duplicates = 0
