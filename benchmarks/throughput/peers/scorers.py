"""The detectors that the peers use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

Event = dict[str, Any]
Scorer = Callable[[Sequence[Event]], list[float]]
"""Scores events in order, each by what was learned from earlier ones, and learns them."""

SECOND = 1_000_000
"""Microseconds."""

FULL_SCALE = 100.0
"""Values are divided by this: half-space trees expect them between 0 and 1."""


def names_of_signals(event: Event) -> list[str]:
    """The keys of an event that are numbers."""
    return [name for name, value in event.items() if isinstance(value, float | int)]


def river_trees() -> Any:
    """River's half-space trees as in Bytewax's own example, ``examples/redpanda_anomaly_detection.py``.

    That is 5 trees of height 3 and windows of 5. River's defaults, 10 trees of height 8, are 5,110 Python
    objects per vehicle: several times slower, and gigabytes with 1,000 vehicles.
    """
    from river import anomaly

    return anomaly.HalfSpaceTrees(n_trees=5, height=3, window_size=5, seed=42)


def large_trees() -> Any:
    """River's half-space trees as in `benchmarks.quality`: 25 of height 8, windows of 250, scaled to 0–1."""
    from river import anomaly, preprocessing

    return preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=25, window_size=250, seed=42)


TREES = {"river": river_trees, "river_large": large_trees}


def tree_score(trees: Any, event: Event) -> float:
    """Score an event and learn it."""
    values = {name: value / FULL_SCALE for name, value in event.items() if isinstance(value, float | int)}
    score: float = trees.score_one(values)
    trees.learn_one(values)
    return score


def scorer(detector: str) -> Scorer:
    """A function that scores events.

    Args:
        detector: a name in `TREES`, for one detector per vehicle in a dict; or ``ours``, one for all
            vehicles.

    Raises:
        ValueError: there is no such detector.
    """
    if detector == "ours":
        return our_detector()
    if detector not in TREES:
        raise ValueError(f"expected the detector {', '.join(TREES)} or ours, got {detector!r}")
    trees: dict[str, Any] = {}

    def score(event: Event) -> float:
        vehicle = event["vehicle_id"]
        if vehicle not in trees:
            trees[vehicle] = TREES[detector]()
        return tree_score(trees[vehicle], event)

    return lambda events: [score(event) for event in events]


def our_detector() -> Scorer:
    """Our detector with its defaults, for all vehicles: fast if it gets many events at once."""
    import numpy as np

    from dataflows.detector import Detector, Parameters

    detector: Detector | None = None
    names: list[str] = []

    def score(events: Sequence[Event]) -> list[float]:
        nonlocal detector, names
        if detector is None:
            names = names_of_signals(events[0])
            detector = Detector(Parameters(), names)
        vehicles = [event["vehicle_id"] for event in events]
        values = np.array([[event[name] for name in names] for event in events], dtype=float)
        times = [int(datetime.fromisoformat(event["ts"]).timestamp() * SECOND) for event in events]
        scores = detector.process(vehicles, np.array(times, dtype=np.int64), values)
        errors: list[float] = scores.error.tolist()
        return errors

    return score
