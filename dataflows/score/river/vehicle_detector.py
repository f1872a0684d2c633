"""One vehicle's detector of River's, and the errors of its scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dataflows.detector.threshold import kept_share
from dataflows.score.river import pickles

STEEPEST = 6.0
"""Standard scores are clipped to this: e⁶ is where the threshold's histogram ends."""

USUAL = 1.0
"""Error of a row that a detector cannot score."""


@dataclass(slots=True)
class VehicleDetector:
    """One vehicle's detector and the moments of its scores.

    Attributes:
        objects: River's scaler and detector, pickled until they are needed.
        learned: rows that the detector has learned.
        blind: those of them that were learned before it could score anything.
        judged: scores in the moments, whether or not they have faded.
        weight, mean, scatter: sum of the weights, mean and weighted sum of squares of the scores.
    """

    objects: tuple[Any, Any] | bytes
    learned: int = 0
    blind: int = 0
    judged: int = 0
    weight: float = 0.0
    mean: float = 0.0
    scatter: float = 0.0

    def score(self, event: dict[str, float]) -> float:
        """River's score; NaN where the detector has none: River's detectors return 0 until they have."""
        if not self.learned or not event:
            return math.nan
        scaler, detector = self._unpickled()
        score = float(detector.score_one(_scaled(scaler, event)))
        return score if math.isfinite(score) and score != 0.0 else math.nan

    def error(self, score: float) -> float:
        """The error of a score, > 0: monotone in the score, about 1 for a usual one."""
        if math.isnan(score) or self.scatter <= 0.0:
            return USUAL
        standard = (score - self.mean) / math.sqrt(self.scatter / self.weight)
        return math.exp(min(max(standard, -STEEPEST), STEEPEST))

    def learn(self, event: dict[str, float], blank: dict[str, float]) -> None:
        """Learn an event; `blank` is an event with every signal at its neutral value."""
        if not event:
            return
        scaler, detector = self._unpickled()
        scaler.learn_one(event)
        # River's trees and projections use only the signals of the first event that they learn.
        scaled = _scaled(scaler, event)
        detector.learn_one(scaled if self.learned else blank | scaled)
        self.learned += 1
        self.blind += not self.judged

    def count(self, score: float, weight: float, memory: float) -> None:
        """Add a score to the moments (West, "Updating mean and variance estimates", 1979)."""
        if math.isnan(score) or weight <= 0.0:
            return
        self.judged += 1
        kept = kept_share(self.judged, memory)
        self.weight = self.weight * kept + weight
        step = score - self.mean
        self.mean += step * weight / self.weight
        self.scatter = self.scatter * kept + weight * step * (score - self.mean)

    def pickled(self) -> bytes:
        """River's objects as bytes."""
        return self.objects if isinstance(self.objects, bytes) else pickles.dump(*self.objects)

    def _unpickled(self) -> tuple[Any, Any]:
        # Half-space trees take milliseconds, which a start should not spend on every vehicle it knows.
        if isinstance(self.objects, bytes):
            self.objects = pickles.load(self.objects)
        return self.objects


def _scaled(scaler: Any, event: dict[str, float]) -> dict[str, float]:
    # The scaler returns NaN for a signal that it has not seen yet.
    scaled = scaler.transform_one(event)
    return {name: value for name, value in scaled.items() if math.isfinite(value)}
