"""Which quantile of the errors gives the false alarms that were asked for."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats
from dataflows.detector.state import ArrayState

DAY = 86_400.0
"""Seconds."""

PAUSE = 60.0
"""Seconds without an event after which a vehicle is taken to have been off, not slow."""

FIRST_GUESS = 1.0
"""Seconds between two events of a vehicle, before any were seen."""

LOWEST, HIGHEST = 0.5, 1.0 - 1e-9
"""Range of the quantile."""


class AlarmRate(ArrayState):
    """Turns false alarms per vehicle and day into a quantile, by how often vehicles send.

    Of the events that a vehicle sends in 24 hours of sending, so many may be flagged though nothing is
    wrong. Flagged events that follow each other are one alarm for a person, so there are at most as many
    alarms as that.

    Args:
        percentile: of normal events stay below the threshold; counts if `per_day` is not given.
        per_day: false alarms per vehicle and day, > 0.
        memory: events after which old intervals are forgotten.
    """

    SHARED: ClassVar = ("interval", "seen")

    def __init__(self, *, percentile: float, per_day: float | None, memory: float) -> None:
        self.percentile, self.per_day, self.memory = percentile, per_day, memory
        self.interval = FIRST_GUESS
        self.seen = 0.0

    @property
    def level(self) -> float:
        """Quantile, 0–1."""
        if self.per_day is None:
            return self.percentile / 100.0
        return min(max(1.0 - self.per_day * self.interval / DAY, LOWEST), HIGHEST)

    def learn(self, intervals: Floats) -> None:
        """Merge a block of intervals in seconds, shape (n,); NaN where a vehicle was new."""
        counted = intervals[intervals <= PAUSE]
        if len(counted) == 0:
            return
        self.seen = min(self.seen + len(counted), self.memory)
        share = min(1.0, len(counted) / self.seen)
        self.interval += share * (float(np.mean(counted)) - self.interval)
