"""Our detector as one of River's anomaly detectors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from river import base

from dataflows.clock import SECOND
from dataflows.detector import Detector, Parameters

VEHICLE = "stream"


class ReconstructionDetector(base.AnomalyDetector):
    """Online reconstruction of every signal from the others, for River's pipelines and metrics.

    A stream is treated as one vehicle that sends an event per second. The model learns in small blocks, as in
    the dataflow; a score says how far an event is from what was learned before.

    A feature that is missing from an event keeps its value for a few events, then is left out of the score. A
    feature that was never seen before restarts the model, because all features take part in it.

    Args:
        percentile: share of normal events, 0–100, taken to be normal; the others are learned with a small
            weight.
        ridge: regularisation, > 0. Small values detect small deviations from exact relations between
            features, large ones are more robust.
        memory: number of events that the model spans.

    Examples:
        >>> from dataflows.river_detector import ReconstructionDetector
        >>> detector = ReconstructionDetector()
        >>> for row in range(500):
        ...     detector.learn_one({"speed": row % 50, "rpm": 40.0 * (row % 50) + row % 7})
        >>> usual = detector.score_one({"speed": 20, "rpm": 803.0})
        >>> broken = detector.score_one({"speed": 20, "rpm": 200.0})
        >>> broken > usual
        True
    """

    def __init__(self, percentile: float = 99.5, ridge: float = 0.001, memory: int = 100_000) -> None:
        self.percentile = percentile
        self.ridge = ridge
        self.memory = memory
        self._features: list[str] = []
        self._detector: Detector | None = None
        self._events = 0
        self._ahead: tuple[dict[Any, Any], Detector] | None = None

    def score_one(self, x: dict[Any, Any]) -> float:
        """How anomalous an event would be if it came next. Learns nothing.

        Args:
            x: feature → number.

        Returns:
            0–1, as River's metrics expect: ``error / (1 + error)``, so about 0.5 for a usual event; 0 before
            anything was learned.
        """
        if self._detector is None:
            return 0.0
        # The detector that has learned this event is kept, because `learn_one` of it usually follows.
        ahead = copy.deepcopy(self._detector)
        score = self._process(ahead, x)
        self._ahead = (dict(x), ahead)
        return score

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn an event.

        Args:
            x: feature → number.
        """
        if self._ahead is not None and self._ahead[0] == x and set(x) <= set(self._features):
            self._detector = self._ahead[1]
        else:
            new = sorted(set(x) - set(self._features), key=str)
            if new:
                self._features = [*self._features, *new]
                self._detector = Detector(self._parameters(), [str(name) for name in self._features])
            if self._detector is not None:
                self._process(self._detector, x)
        self._ahead = None
        self._events += 1

    def _process(self, detector: Detector, x: dict[Any, Any]) -> float:
        values = np.array([[_number(x.get(name)) for name in self._features]])
        time = np.array([self._events * SECOND], np.int64)
        error = float(detector.process([VEHICLE], time, values).error[0])
        return error / (1.0 + error)

    def _parameters(self) -> Parameters:
        return Parameters(percentile=self.percentile, ridge=self.ridge, memory=self.memory)


def _number(value: Any) -> float:
    """A feature as a number; anything else counts as missing."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
