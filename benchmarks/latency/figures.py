"""What `benchmarks.latency` reports: percentiles of all events, and of those in flight during a snapshot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

PERCENTILES = (50.0, 95.0, 99.0)
SAME_SNAPSHOT = 1_000_000_000
"""Nanoseconds: changes of the recovery store that are closer together than this belong to one snapshot."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Latencies in milliseconds, from the time an event was due to be published until it was received.

    Every percentile is the latency of an event. One that never arrived counts as infinitely late.

    Attributes:
        events: number of events that were due.
        missing: number of them that never arrived.
        p50: half of the events were at least as fast.
        p95: 95 % of them.
        p99: 99 % of them.
        max: all of them.
    """

    events: int
    missing: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, latencies: NDArray[np.floating[Any]]) -> Figures:
        """Summarise latencies in milliseconds, infinite if an event never arrived; NaN if there are none."""
        if not len(latencies):
            return cls(0, 0, math.nan, math.nan, math.nan, math.nan)
        p50, p95, p99 = np.percentile(latencies, PERCENTILES, method="inverted_cdf").tolist()
        return cls(len(latencies), int(np.isinf(latencies).sum()), p50, p95, p99, float(latencies.max()))

    def report(self) -> dict[str, int | float | None]:
        """For JSON, which has neither NaN nor infinity: they become null."""
        return {
            name: (round(value, 3) if math.isfinite(value) else None) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """One rate over one wire. Times are `time.monotonic_ns`; the arrays have one row per event.

    Attributes:
        wire: ``mqtt`` or ``kafka``.
        rate: events per second.
        due: when each event was due to be published, shape (n,).
        received: when it was received, 0 if it never was, shape (n,).
        late: nanoseconds by which the publisher itself was behind schedule, shape (n,).
        stored: start and end of every observed change of the recovery store.
    """

    wire: str
    rate: float
    due: NDArray[np.int64]
    received: NDArray[np.int64]
    late: NDArray[np.int64]
    stored: Sequence[tuple[int, int]]

    def after(self, seconds: float) -> Measured:
        """Without the events that were due in the first `seconds` seconds."""
        counted = self.due >= self.due[0] + round(seconds * 1e9)
        return replace(self, due=self.due[counted], received=self.received[counted], late=self.late[counted])

    @property
    def latencies(self) -> NDArray[np.float64]:
        """Milliseconds; infinite for an event that never arrived."""
        return np.where(self.received > 0, (self.received - self.due) / 1e6, np.inf)

    @property
    def snapshots(self) -> int:
        """Number of snapshots that were stored while events were due."""
        begins = [begin for begin, end in self.stored if len(self.due) and self.due[0] <= end <= self.due[-1]]
        return sum(
            number == 0 or begin - begins[number - 1] > SAME_SNAPSHOT for number, begin in enumerate(begins)
        )

    def during_snapshots(self) -> NDArray[np.bool_]:
        """Whether each event was in flight while the recovery store changed, shape (n,)."""
        met = np.zeros(len(self.due), np.bool_)
        for begin, end in self.stored:
            met |= (self.due <= end) & ((self.received >= begin) | (self.received == 0))
        return met


def report(measured: Sequence[Measured]) -> dict[str, dict[str, dict[str, int | float | None]]]:
    """Name of the measurement → ``all``, ``during_snapshots``, ``publisher`` → figures."""
    return {
        f"{one.wire}_{one.rate:g}": {
            "all": Figures.of(one.latencies).report(),
            "during_snapshots": Figures.of(one.latencies[one.during_snapshots()]).report()
            | {"snapshots": one.snapshots},
            "publisher": Figures.of(one.late / 1e6).report(),
        }
        for one in measured
    }


def table(measured: Sequence[Measured]) -> Table:
    """Two rows for each measurement, in milliseconds."""
    found = Table(title="milliseconds from the time an event is due until its enriched event is received")
    for title in ("over", "events/s", "", "events", "missing", "p50", "p95", "p99", "max"):
        found.add_column(title, justify="left" if title in ("over", "") else "right")
    for one in measured:
        times = f"during {one.snapshots} snapshot{'' if one.snapshots == 1 else 's'}"
        for what, latencies in (("all", one.latencies), (times, one.latencies[one.during_snapshots()])):
            figures = Figures.of(latencies)
            found.add_row(
                one.wire,
                f"{one.rate:,g}",
                what,
                f"{figures.events:,}",
                f"{figures.missing:,}",
                *(_words(value) for value in (figures.p50, figures.p95, figures.p99, figures.max)),
            )
    return found


def _words(milliseconds: float) -> str:
    if math.isnan(milliseconds):
        return ""
    return f"{milliseconds:,.1f}" if math.isfinite(milliseconds) else "never"
