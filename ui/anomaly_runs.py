"""Runs of anomalies: a fault lasts many events, and people want to read about it once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from dataflows.events import Enriched

MAX_RUNS = 200
"""Runs kept, of all vehicles."""


@dataclass(frozen=True, slots=True)
class AnomalyRun:
    """Anomalous events of one vehicle with no long gap between them.

    Attributes:
        started_at: arrival of the first event, seconds since the epoch.
        ended_at: arrival of the last event so far, seconds since the epoch.
        events: number of anomalous events.
        worst: the event with the highest severity.
    """

    started_at: float
    ended_at: float
    events: int
    worst: Enriched


class AnomalyLog:
    """The last `MAX_RUNS` runs of anomalies.

    Args:
        gap: seconds without an anomaly after which a run is over.
    """

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._runs: OrderedDict[tuple[str, int], AnomalyRun] = OrderedDict()
        self._current: dict[str, int] = {}
        self._started = 0

    def add(self, event: Enriched, seen_at: float) -> None:
        """Record an anomalous event that arrived at `seen_at`, seconds since the epoch."""
        key = (event.vehicle_id, self._current.get(event.vehicle_id, -1))
        run = self._runs.get(key)
        if run is not None and seen_at - run.ended_at <= self._gap:
            self._runs[key] = replace(
                run,
                ended_at=max(seen_at, run.ended_at),
                events=run.events + 1,
                worst=max(run.worst, event, key=lambda candidate: candidate.severity),
            )
            return
        self._started += 1
        self._current[event.vehicle_id] = self._started
        self._runs[event.vehicle_id, self._started] = AnomalyRun(seen_at, seen_at, 1, event)
        if len(self._runs) > MAX_RUNS:
            (vehicle_id, number), _ = self._runs.popitem(last=False)
            if self._current[vehicle_id] == number:
                del self._current[vehicle_id]

    def latest_first(self) -> tuple[AnomalyRun, ...]:
        """The runs, the one that started last first."""
        return tuple(sorted(self._runs.values(), key=lambda run: -run.started_at))
