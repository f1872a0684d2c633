"""The time of a replay: it runs at a speed, can be stopped and set, and stands still while nobody looks."""

from __future__ import annotations

import time
from collections.abc import Callable

SPEEDS = (1, 2, 5, 10, 60)
"""Recorded seconds in a second."""

LONGEST_TICK = 2.0
"""Seconds for which the clock runs without being looked at: a replay whose browser has gone stands still."""


class ReplayClock:
    """Recorded time; moves only when `move_to` is called, usually to `due`.

    Args:
        start, end: of the recording, seconds since the epoch.
        timer: seconds, from any origin.

    Attributes:
        start, end: of the recording, seconds since the epoch.
        at: recorded time now, seconds since the epoch, from `start` to `end`.
        speed: recorded seconds in a second.
        is_paused: whether it stands still; it does at the end of the recording.
    """

    def __init__(self, start: float, end: float, timer: Callable[[], float] = time.monotonic) -> None:
        self.start, self.end = start, max(start, end)
        self.at = start
        self.speed: float = 1.0
        self.is_paused = True
        self._timer = timer
        self._ticked = timer()

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left to be replayed."""
        return self.at >= self.end

    def due(self) -> float:
        """Where the clock should be now: how long it has not been moved, times the speed."""
        if self.is_paused:
            return self.at
        passed = min(max(0.0, self._timer() - self._ticked), LONGEST_TICK)
        return min(self.end, self.at + passed * self.speed)

    def move_to(self, at: float) -> None:
        """Set the clock; what is outside of the recording becomes its start or end, where it stops."""
        self.at = min(max(at, self.start), self.end)
        self._ticked = self._timer()
        if self.is_at_end:
            self.is_paused = True

    def play(self) -> None:
        """Let it run on; from the start if it is at the end."""
        if self.is_at_end:
            self.at = self.start
        self.is_paused = self.is_at_end
        self._ticked = self._timer()

    def pause(self) -> None:
        """Stop it where it is."""
        self.is_paused = True
