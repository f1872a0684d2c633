"""Any of River's anomaly detectors in the place of our model."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataflows.compiled import Floats, Slots
from dataflows.detector.block import LearnBatch
from dataflows.detector.model import Evaluation
from dataflows.detector.threshold import kept_share
from dataflows.detector.window import Samples
from dataflows.score.river.kinds import river_kind

LEARNED_FROM = 0.5
"""Weight from which on a row is learned: River's detectors know no weights."""

STEEPEST = 6.0
"""Standard deviations within which scores are told apart: e⁶ is where the threshold's histogram ends."""

USUAL = 1.0
"""Error of a row that a detector cannot judge."""


@dataclass(slots=True)
class Watched:
    """One vehicle's detector and what is usual of its scores.

    Attributes:
        scaler, detector: River's.
        learned: rows that the detector has learned.
        blind: those of them that came before it could judge anything.
        judged: scores in the moments, whether or not they have faded.
        weight, mean, scatter: moments of the scores.
    """

    scaler: Any
    detector: Any
    learned: int = 0
    blind: int = 0
    judged: int = 0
    weight: float = 0.0
    mean: float = 0.0
    scatter: float = 0.0

    def score(self, event: dict[str, float]) -> float:
        """River's score; NaN where the detector cannot judge: River's say 0 until they can."""
        if not self.learned or not event:
            return math.nan
        score = float(self.detector.score_one(self._scaled(event)))
        return score if math.isfinite(score) and score != 0.0 else math.nan

    def error(self, score: float) -> float:
        """A score as an error, > 0: monotone in the score, about 1 as usual."""
        if math.isnan(score) or self.scatter <= 0.0:
            return USUAL
        standard = (score - self.mean) / math.sqrt(self.scatter / self.weight)
        return math.exp(min(max(standard, -STEEPEST), STEEPEST))

    def learn(self, event: dict[str, float], blank: dict[str, float]) -> None:
        """Learn an event; `blank` is an event with every signal in the middle."""
        if not event:
            return
        self.scaler.learn_one(event)
        # River's trees and projections know only the signals of the first event that they learn.
        scaled = self._scaled(event)
        self.detector.learn_one(scaled if self.learned else blank | scaled)
        self.learned += 1
        self.blind += not self.judged

    def count(self, score: float, weight: float, memory: float) -> None:
        """Take a score into the moments (West, "Updating mean and variance estimates", 1979)."""
        if math.isnan(score) or weight <= 0.0:
            return
        self.judged += 1
        kept = kept_share(self.judged, memory)
        self.weight = self.weight * kept + weight
        step = score - self.mean
        self.mean += step * weight / self.weight
        self.scatter = self.scatter * kept + weight * step * (score - self.mean)

    def _scaled(self, event: dict[str, float]) -> dict[str, float]:
        # A signal that the scaler has not met yet comes out as NaN.
        scaled = self.scaler.transform_one(event)
        return {name: value for name, value in scaled.items() if math.isfinite(value)}


class RiverModel:
    """One of River's detectors for each vehicle, behind the interface `Model`.

    A row is scored by the vehicle's detector as it was at the last block boundary, and learned at the next
    one, in order. Rows that are to be learned with a weight below `LEARNED_FROM` are not learned. Before
    the detector stands a scaler of River's, `MinMaxScaler` or `StandardScaler` as the detector needs it; a
    wild first event stretches the range of the former for good.

    River's scores have any range and sign; the error is ``exp(z)`` of the score standardised by the
    vehicle's own scores: about 1 as usual, and monotone in the score within `STEEPEST`. A detector that
    cannot judge yet, as half-space trees during their first window, gives an error of 1, and its vehicle
    gets no verdict until it has been judged as often as it had been learned blindly. The model says neither
    which signal it was nor what was expected.

    Signals that are missing are left out of what the detector sees; an event without any is not learned.

    Args:
        kind: ``river.anomaly.NAME``.
        parameters: for the detector's constructor.
        signals: number of signals S.
        memory: scores of a vehicle after which old ones have faded.

    Raises:
        SettingsError: there is no such detector, it needs labels or another detector, or it does not take
            these parameters.
    """

    def __init__(self, kind: str, parameters: Mapping[str, Any], signals: int, *, memory: float) -> None:
        self._kind = river_kind(kind, parameters)
        self._names = [str(signal) for signal in range(signals)]
        self._blank = dict.fromkeys(self._names, self._kind.middle)
        self._memory = memory
        self._watched: list[Watched] = []

    @property
    def vehicles(self) -> int:
        """Vehicles that something was learned of."""
        return sum(watched.learned > 0 for watched in self._watched)

    def rows(self, slots: Slots) -> Floats:
        """Judged rows of each vehicle, shape (n,); 0 while fewer than were learned blindly."""
        chosen = [self._watched[slot] for slot in slots.tolist()]
        return np.array([float(one.judged if one.judged >= one.blind else 0) for one in chosen])

    def evaluate(self, slots: Slots, samples: Samples) -> Evaluation:
        """Judge n rows by what was learned before."""
        shape = samples.values.shape
        errors, scores = np.empty(shape[0]), np.empty(shape[0])
        with self._kind.told_in_one_line():
            for row, (slot, event) in enumerate(zip(slots.tolist(), self._events(samples), strict=True)):
                scores[row] = score = self._watched[slot].score(event)
                errors[row] = self._watched[slot].error(score)
        return Evaluation(errors, np.zeros(shape), np.full(shape, np.nan), scores[:, None])

    def learn(self, block: LearnBatch) -> None:
        """Learn a block of rows, one after the other."""
        columns = (block.slots.tolist(), block.model_weights.tolist(), block.memo[:, 0].tolist())
        with self._kind.told_in_one_line():
            for slot, weight, score, event in zip(*columns, self._events(block.samples), strict=True):
                self._watched[slot].count(score, weight, self._memory)
                if weight >= LEARNED_FROM:
                    self._watched[slot].learn(event, self._blank)

    def grow(self, vehicles: int) -> None:
        """Make room for `vehicles` slots."""
        while len(self._watched) < vehicles:
            self._watched.append(self._fresh())

    def forget(self, slots: Slots) -> None:
        """Put a fresh detector into these slots."""
        for slot in slots.tolist():
            self._watched[slot] = self._fresh()

    def snapshot(self, vehicles: int) -> dict[str, Any]:
        """Copy the state of the first `vehicles` slots: bytes, which take a sixth of a deep copy's time."""
        return {"watched": [pickle.dumps(watched) for watched in self._watched[:vehicles]]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `snapshot` returned."""
        self._watched = [pickle.loads(watched) for watched in state["watched"]]  # noqa: S301

    def _fresh(self) -> Watched:
        return Watched(self._kind.scaler.clone(), self._kind.detector.clone())

    def _events(self, samples: Samples) -> list[dict[str, float]]:
        names = self._names
        if samples.observed.all():
            return [dict(zip(names, row, strict=True)) for row in samples.values.tolist()]
        rows = zip(samples.values.tolist(), samples.observed.tolist(), strict=True)
        return [
            {name: value for name, value, known in zip(names, row, observed, strict=True) if known}
            for row, observed in rows
        ]
