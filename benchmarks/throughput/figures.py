"""The figures of `benchmarks.throughput`: medians of runs that take turns, and their ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console

Name = TypeVar("Name", bound=Hashable)
Report = dict[str, dict[str, Any]]
"""Part → figures, as ``--json`` prints them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much to measure.

    Attributes:
        events: events of a run in process or from Kafka; slower parts use a share of them.
        repetitions: runs of each case.
        notes: for progress lines.
    """

    events: int
    repetitions: int
    notes: Console


def medians(
    part: str, cases: Mapping[Name, Callable[[], float]], repetitions: int, notes: Console
) -> dict[Name, float]:
    """Run the cases in turns, `repetitions` times, and take the median of each.

    Args:
        part: name of the part, for the progress line.
        cases: name → function that runs the case and returns events per second.
        repetitions: runs of each.
        notes: for a progress line.
    """
    found: dict[Name, list[float]] = {name: [] for name in cases}
    with notes.status("") as status:
        for repetition in range(repetitions):
            for name, run in cases.items():
                status.update(f"{part}: {name}, run {repetition + 1} of {repetitions}")
                found[name].append(run())
    return {name: statistics.median(speeds) for name, speeds in found.items()}


def beside_limit(speed: float, limit: float) -> dict[str, float]:
    """A speed and its upper limit, both in events per second."""
    return {
        "events_per_second": round(speed),
        "limit_events_per_second": round(limit),
        "ratio": round(speed / limit, 3),
    }


def times_slower(speed: float, ours: float) -> dict[str, float]:
    """A peer's speed, in events per second, and how many times as fast ours is."""
    return {"events_per_second": round(speed), "times_slower": round(ours / speed, 1)}
