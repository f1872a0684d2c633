"""Which quantile of the errors gives the number of false alarms that was asked for."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats
from dataflows.detector.state import ArrayState

DAY = 86_400.0
"""Seconds."""

PAUSE = 60.0
"""Seconds: after a longer silence a vehicle is taken to have been switched off, not to send slowly."""

FIRST_GUESS = 1.0
"""Seconds between two events of a vehicle, assumed before any were seen."""

LOWEST, HIGHEST = 0.5, 1.0 - 1e-9
"""Range of the quantile level."""


class AlarmRate(ArrayState):
    """Turns false alarms per vehicle and day into a quantile level, by how often vehicles send.

    `per_day` of the events that a vehicle sends in 24 hours of sending may be flagged although nothing is
    wrong. To a person, consecutive flagged events are one alarm, so this is an upper bound on the alarms.

    Args:
        percentile: share of normal events below the threshold, in per cent; used if `per_day` is ``None``.
        per_day: false alarms per vehicle and day, > 0.
        memory: events after which old intervals are forgotten.

    Attributes:
        interval: mean number of seconds between two events of a vehicle.
        seen: number of intervals behind it, at most `memory`.
    """

    SHARED: ClassVar = ("interval", "seen")

    def __init__(self, *, percentile: float, per_day: float | None, memory: float) -> None:
        self.percentile, self.per_day, self.memory = percentile, per_day, memory
        self.interval = FIRST_GUESS
        self.seen = 0.0

    @property
    def level(self) -> float:
        """Quantile level, 0–1."""
        if self.per_day is None:
            return self.percentile / 100.0
        return min(max(1.0 - self.per_day * self.interval / DAY, LOWEST), HIGHEST)

    def learn(self, intervals: Floats) -> None:
        """Learn a block of intervals in seconds, shape (n,); NaN where a vehicle was new."""
        counted = intervals[intervals <= PAUSE]
        if len(counted) == 0:
            return
        self.seen = min(self.seen + len(counted), self.memory)
        share = min(1.0, len(counted) / self.seen)
        self.interval += share * (float(np.mean(counted)) - self.interval)
