"""When a sender of the tests sends how many messages."""

from __future__ import annotations

import time

TICK = 0.05
"""Seconds between two portions of messages."""


class Pace:
    """From now on messages are sent at a steady rate, in portions."""

    def __init__(self, first: int, end: int, rate: float) -> None:
        """Start the clock.

        Args:
            first: number of messages that were sent before.
            end: number of messages after the last one.
            rate: messages a second; infinite for all at once.
        """
        self._started = time.monotonic()
        self._first, self._end, self._rate = first, end, rate

    def due(self, sent: int) -> int:
        """Number of messages that should have been sent by the next tick, at least one more than ``sent``."""
        elapsed = time.monotonic() - self._started + TICK
        return max(int(self._first + min(elapsed * self._rate, self._end - self._first)), sent + 1)
