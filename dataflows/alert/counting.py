"""The metrics of alerts, brought up to date after each batch."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import get_args

from dataflows import metrics
from dataflows.alert.tally import Tally
from dataflows.clock import NEVER, SECOND
from dataflows.events import AlertKind
from dataflows.messages import OutgoingBatch
from dataflows.state_size import StateSize
from dataflows.stored_state import Stored

KINDS: tuple[str, ...] = get_args(AlertKind)


class AlertMetrics:
    """The metrics of one book of alerts, which may have been restored.

    Args:
        tally: of the book.
        step: that keeps it.
    """

    def __init__(self, tally: Tally, step: str) -> None:
        self._tally = tally
        self._size = StateSize(step)
        self._counted = Tally()
        self._event_times = cache(lambda shard: metrics.EVENT_TIME.labels(str(shard)))
        self._count()

    def count(self, messages: list[OutgoingBatch]) -> None:
        """Count what has changed, as far as there are messages about it."""
        if messages:
            metrics.ALERT_MESSAGES.inc(sum(map(len, messages)))
            self._count()

    def reached(self, shard: int, event_time: int) -> None:
        """Note the event time that a shard has reached, microseconds since 1970-01-01 UTC."""
        if event_time != NEVER:
            self._event_times(shard).set(event_time / SECOND)

    def snapshot(self, stored: Stored) -> Stored:
        """Report the size of a snapshot of the alerts, and return it."""
        return self._size.of(stored)

    def _count(self) -> None:
        now, before = self._tally, self._counted
        for kind in KINDS:
            metrics.ALERTS_OPENED.labels(kind).inc(now.opened[kind] - before.opened[kind])
            metrics.ALERTS_CLEARED.labels(kind).inc(now.cleared[kind] - before.cleared[kind])
            # Of several shards of a process, each adds its share.
            metrics.ALERTS_OPEN.labels(kind).inc(now.open[kind] - before.open[kind])
        self._counted = deepcopy(now)
