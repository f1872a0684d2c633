"""Processor time and memory of a process with its children, and how fast something grows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import psutil

HOUR = 3600.0


class ProcessTree:
    """A process with its children.

    Args:
        pid: of the process.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def processor_seconds(self) -> float:
        """Seconds of a processor that they have used so far, children that have ended included."""
        total = 0.0
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def memory(self) -> int:
        """Bytes that are resident; what processes share is counted for each of them."""
        total = 0
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._root, *self._root.children(recursive=True)]
        return []


def growth_per_hour(at: Sequence[float], sizes: Sequence[float]) -> float:
    """How fast something grows in the second half of the time: the slope of least squares.

    Args:
        at: seconds, rising, shape (n,).
        sizes: in any unit, shape (n,).

    Returns:
        The unit of `sizes` per hour; NaN with fewer than three points in that half.
    """
    times, values = np.asarray(at, np.float64), np.asarray(sizes, np.float64)
    if not len(times):
        return float("nan")
    late = times >= (times[0] + times[-1]) / 2.0
    if late.sum() < 3:
        return float("nan")
    return float(np.polyfit(times[late], values[late], 1)[0] * HOUR)
