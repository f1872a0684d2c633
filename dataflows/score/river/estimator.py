"""Our detector as one of River's anomaly detectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from river import base

from dataflows.clock import SECOND
from dataflows.compiled import Floats, Integers
from dataflows.detector import Detector, Parameters
from dataflows.detector.parameters import TERMS, Reconstructor

VEHICLE = "stream"


class ReconstructionDetector(base.AnomalyDetector):
    """Online reconstruction of every signal from the others, for River's pipelines and metrics.

    A stream is treated as one vehicle that sends an event per second. The model learns in small blocks, as in
    the dataflow; a score says how far an event is from what was learned before.

    A feature that is missing from an event keeps its value for a few events, then is left out of the score. A
    feature that was never seen before restarts the model, because all features take part in it.

    Args:
        percentile: percentage of normal events, above 0 and below 100, taken to be normal; the others are
            not learned until they are accepted.
        ridge: linear: regularisation, > 0. Small values detect small deviations from exact relations between
            features, large ones are more robust.
        memory: number of events that the model spans, ≥ 1.
        window: events, ≥ 1, over which a feature's usual change is averaged. Until as many were learned, no
            event is taken to be abnormal.
        hold: events for which a missing feature keeps its value, ≥ 0.
        learn_every: most events that are scored before they are learned together, ≥ 1; more are cheaper.
        reconstructor: ``linear`` is immediate and exact, ``mlp`` a small network that needs thousands of
            events.
        hidden: mlp: hidden units, ≥ 1.
        learning_rate: mlp: step size of Adam, > 0.
        steps: mlp: steps of Adam per block, ≥ 1.
        terms: weight of each kind of evidence in the score by its name, ≥ 0: all of
            `dataflows.detector.terms.NAMES`, or ``None`` for the weights of `Parameters`.
        start_up: first events, ≥ 1, of which none is taken to be abnormal.
        threshold_memory: number of events whose errors decide what is taken to be normal, ≥ 1.
        accept_after: events in a row that are not normal after which they are learned as a new normal, ≥ 0;
            sooner while little is known.

    Raises:
        ValueError: there is no such reconstructor, or a term is unknown or has no weight.

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

    def __init__(
        self,
        percentile: float = 99.5,
        ridge: float = 0.001,
        memory: int = 100_000,
        window: int = 10,
        hold: float = 5.0,
        learn_every: int = 1024,
        reconstructor: Reconstructor = "linear",
        hidden: int = 8,
        learning_rate: float = 0.005,
        steps: int = 4,
        terms: Mapping[str, float] | None = None,
        start_up: int = 100,
        threshold_memory: int = 10_000,
        accept_after: float = 300.0,
    ) -> None:
        self.percentile = percentile
        self.ridge = ridge
        self.memory = memory
        self.window = window
        self.hold = hold
        self.learn_every = learn_every
        self.reconstructor = reconstructor
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.steps = steps
        self.terms = terms
        self.start_up = start_up
        self.threshold_memory = threshold_memory
        self.accept_after = accept_after
        self._parameters = Parameters(
            **self._get_params() | {"terms": dict(TERMS if terms is None else terms)}
        )
        self._features: list[Any] = []
        self._detector: Detector | None = None
        self._events = 0

    def score_one(self, x: dict[Any, Any]) -> float:
        """How anomalous an event would be if it came next. Learns nothing and copies no state.

        Args:
            x: feature → number.

        Returns:
            0–1, as River's metrics expect: ``error / (1 + error)``, so about 0.5 for a usual event; 0 before
            anything was learned.
        """
        if self._detector is None:
            return 0.0
        error = float(self._detector.judge(*self._event(x)).error[0])
        return error / (1.0 + error)

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn an event.

        Args:
            x: feature → number.
        """
        new = sorted(set(x) - set(self._features), key=str)
        if new:
            self._features = [*self._features, *new]
            self._detector = Detector(self._parameters, [str(name) for name in self._features])
        if self._detector is not None:
            self._detector.process(*self._event(x))
        self._events += 1

    def _event(self, x: dict[Any, Any]) -> tuple[list[str], Integers, Floats]:
        values = np.array([[_number(x.get(name)) for name in self._features]])
        return [VEHICLE], np.array([self._events * SECOND], np.int64), values


def _number(value: Any) -> float:
    """A feature as a number; anything else counts as missing."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
