"""The detectors that peers score with, one call an event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Event = dict[str, Any]
Scorer = Callable[[Event], float]
"""Scores an event by what its vehicle sent before, and learns it."""

SECOND = 1_000_000
FULL_SCALE = 100.0
"""Half-space trees take values from 0 to 1."""


def names_of_signals(event: Event) -> list[str]:
    """The keys of an event that are numbers."""
    return [name for name, value in event.items() if isinstance(value, float | int)]


def river_trees() -> Any:
    """River's half-space trees as in Bytewax's own example, ``examples/redpanda_anomaly_detection.py``.

    That is 5 trees of height 3 and windows of 5. River's defaults, 10 trees of height 8, are 5,110 Python
    objects a vehicle: several times slower, and gigabytes with 1,000 vehicles.
    """
    from river import anomaly

    return anomaly.HalfSpaceTrees(n_trees=5, height=3, window_size=5, seed=42)


def tree_score(trees: Any, event: Event) -> float:
    """Score an event and learn it."""
    values = {name: value / FULL_SCALE for name, value in event.items() if isinstance(value, float | int)}
    score: float = trees.score_one(values)
    trees.learn_one(values)
    return score


def scorer(detector: str) -> Scorer:
    """Trees for each vehicle in a dict, or our detector, which holds all vehicles."""
    if detector == "ours":
        return our_detector()
    trees: dict[str, Any] = {}

    def score(event: Event) -> float:
        vehicle = event["vehicle_id"]
        if vehicle not in trees:
            trees[vehicle] = river_trees()
        return tree_score(trees[vehicle], event)

    return score


def our_detector() -> Scorer:
    """Our detector with its defaults, for all vehicles; called event by event it cannot show its speed."""
    import numpy as np

    from config.settings import DEFAULT_FILE, load
    from dataflows.detector import Detector

    settings = load(DEFAULT_FILE).detector
    detector: Detector | None = None
    names: list[str] = []

    def score(event: Event) -> float:
        nonlocal detector, names
        if detector is None:
            names = names_of_signals(event)
            detector = Detector(settings, names)
        values = np.array([[event[name] for name in names]], dtype=float)
        times = np.array([int(datetime.fromisoformat(event["ts"]).timestamp() * SECOND)], dtype=np.int64)
        return float(detector.process([event["vehicle_id"]], times, values).error[0])

    return score
