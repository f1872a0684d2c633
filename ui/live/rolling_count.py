"""Events in the last seconds, counted in a ring of buckets: memory does not grow with the rate."""

from __future__ import annotations

import math


class RollingCount:
    """Counts events of the last `buckets` × `width` seconds.

    Args:
        width: of a bucket, in seconds.
        buckets: number of buckets.
    """

    def __init__(self, width: float, buckets: int) -> None:
        self._width = width
        self._counts = [0] * buckets
        self._newest: int | None = None
        self._oldest: int | None = None

    def add(self, at: float) -> None:
        """Count one event at `at`, in seconds since the epoch; events older than the ring are ignored."""
        number = math.floor(at / self._width)
        if self._newest is None or self._oldest is None:
            self._newest = self._oldest = number
        if number > self._newest:
            self._advance(number)
        if number > self._newest - len(self._counts):
            self._counts[number % len(self._counts)] += 1
            self._oldest = min(self._oldest, number)

    def total(self, now: float) -> int:
        """Events in the last `buckets` buckets, including the current one."""
        return self._sum(math.floor(now / self._width), len(self._counts))

    def per_second(self, now: float) -> float:
        """Events per second over the completed buckets since the first event; 0 before there is one.

        The current bucket is left out, since the rate would dip whenever a bucket starts.
        """
        if self._oldest is None:
            return 0.0
        last = math.floor(now / self._width) - 1
        completed = min(last - self._oldest + 1, len(self._counts) - 1)
        return self._sum(last, completed) / (completed * self._width) if completed > 0 else 0.0

    def _advance(self, number: int) -> None:
        assert self._newest is not None
        for skipped in range(max(self._newest, number - len(self._counts)) + 1, number + 1):
            self._counts[skipped % len(self._counts)] = 0
        self._newest = number

    def _sum(self, last: int, length: int) -> int:
        if self._newest is None:
            return 0
        first = max(last - length, self._newest - len(self._counts)) + 1
        return sum(
            self._counts[number % len(self._counts)] for number in range(first, min(last, self._newest) + 1)
        )
