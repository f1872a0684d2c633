"""Judges whether a job that ran for a long time could run forever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MEBIBYTE = 2**20
MEMORY_GROWTH = 0.05
"""Share by which memory may grow over the second half; the allocator's noise within an hour is less."""

STORE_GROWTH = 0.25
"""Share by which the peak of the recovery directory in the second half may exceed that in the first."""

SLACK = MEBIBYTE
"""Bytes of growth that are always allowed."""


class Sample(NamedTuple):
    """The state of the job at one moment.

    Attributes:
        at: seconds since the first sample.
        memory: resident memory, bytes.
        store: size of the recovery directory, bytes.
        published: events on the telemetry topic so far.
        emitted: events on the enriched topic so far.
    """

    at: float
    memory: int
    store: int
    published: int
    emitted: int

    @property
    def behind(self) -> int:
        """Number of events published but not emitted yet."""
        return self.published - self.emitted


class SoakReport:
    """Judges samples by their second half, when model and caches are warm.

    Args:
        samples: in order of time, four or more.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = list(samples)
        middle = (self.samples[0].at + self.samples[-1].at) / 2.0
        self._first = [sample for sample in self.samples if sample.at < middle]
        self._second = [sample for sample in self.samples if sample.at >= middle]

    @property
    def memory_slope(self) -> float:
        """Growth of memory over the second half, in bytes per second: the slope of least squares."""
        at = np.array([sample.at for sample in self._second])
        memory = np.array([float(sample.memory) for sample in self._second])
        at = at - at.mean()
        return float(at @ memory / max(float(at @ at), 1e-9))

    def problems(self) -> list[str]:
        """What is wrong, one phrase each; empty if nothing is."""
        found = []
        last = self.samples[-1]
        if last.behind:
            found.append(f"{last.behind:,} of {last.published:,} events were not emitted")
        duration = self._second[-1].at - self._second[0].at
        grown, usual = self.memory_slope * duration, float(np.median([one.memory for one in self._second]))
        if grown > MEMORY_GROWTH * usual + SLACK:
            found.append(f"memory grew by {grown / MEBIBYTE:.1f} MiB over the last {duration:.0f} s")
        before = max(sample.store for sample in self._first)
        after = max(sample.store for sample in self._second)
        if after > (1.0 + STORE_GROWTH) * before + SLACK:
            found.append(
                f"the recovery directory grew from {before / MEBIBYTE:.1f} to {after / MEBIBYTE:.1f} MiB"
            )
        return found

    def lines(self) -> list[str]:
        """The report, for people."""
        last, stores = self.samples[-1], [sample.store for sample in self.samples]
        memory = [sample.memory / MEBIBYTE for sample in self.samples]
        return [
            f"{last.at:,.0f} s: {last.published:,} events published, {last.emitted:,} emitted, "
            f"at most {max(sample.behind for sample in self.samples):,} in flight",
            f"memory: {memory[0]:.0f} MiB at the start, {memory[-1]:.0f} MiB at the end, at most "
            f"{max(memory):.0f} MiB; "
            f"over the second half {self.memory_slope * 3600 / MEBIBYTE:+.1f} MiB per hour",
            f"recovery directory: at most {max(stores) / MEBIBYTE:.1f} MiB",
        ]
