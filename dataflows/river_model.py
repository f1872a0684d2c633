"""Any of River's anomaly detectors in the place of our model."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from config.errors import SettingsError
from dataflows.detector.block import Lessons
from dataflows.detector.model import Evaluation
from dataflows.detector.rowwise import Floats, Slots
from dataflows.detector.window import Filled

PREFIX = "river.anomaly."

LEARNED_FROM = 0.5
"""Weight from which on a row is learned: River's detectors know no weights."""

STEEPEST = 6.0
"""Standard deviations within which scores are told apart: e⁶ is where the threshold's histogram ends."""

SCALED = ("HalfSpaceTrees",)
"""Detectors that want signals within 0–1; all others get them standardised."""


class RiverModel:
    """One of River's detectors for each vehicle, behind the interface `Model`.

    A row is scored by the vehicle's detector as it was at the last block boundary, and learned at the next
    one, in order. River's scores have any range and sign; the error is ``exp(z)`` of the score standardised
    by the scores of the whole shard: about 1 as usual, and monotone in the score. The model says neither
    which signal it was nor what was expected.

    Signals that are missing are left out of what the detector sees.

    Args:
        kind: ``river.anomaly.NAME``.
        parameters: for the detector's constructor.
        signals: number of signals S.

    Raises:
        SettingsError: there is no such detector, it needs labels or text, or it does not take the parameters.
    """

    def __init__(self, kind: str, parameters: Mapping[str, Any], signals: int) -> None:
        self._prototype = _pipeline(kind, parameters)
        self._names = [str(signal) for signal in range(signals)]
        self._detectors: list[Any] = []
        self._learned = np.zeros(0)
        self._count, self._mean, self._scatter = 0.0, 0.0, 0.0

    @property
    def vehicles(self) -> int:
        """Vehicles that something was learned of."""
        return int((self._learned > 0).sum())

    def rows(self, slots: Slots) -> Floats:
        """Rows learned of each vehicle, shape (n,)."""
        return self._learned[slots]

    def evaluate(self, slots: Slots, filled: Filled) -> Evaluation:
        """Judge n rows by what was learned before."""
        rows, signals = filled.values.shape
        scores = np.zeros(rows)
        for row, (slot, event) in enumerate(zip(slots.tolist(), self._events(filled), strict=True)):
            score = float(self._detectors[slot].score_one(event))
            scores[row] = score if math.isfinite(score) else self._mean
        deviation = math.sqrt(self._scatter / self._count) if self._count else 0.0
        standard = (scores - self._mean) / deviation if deviation > 0 else np.zeros(rows)
        error = np.exp(np.clip(standard, -STEEPEST, STEEPEST))
        nothing = np.zeros((rows, signals))
        return Evaluation(error, nothing, np.full((rows, signals), np.nan), scores[:, None])

    def learn(self, block: Lessons) -> None:
        """Learn a block of rows, one after the other."""
        weights = block.model_weights.tolist()
        events = self._events(block.filled)
        for slot, weight, event in zip(block.slots.tolist(), weights, events, strict=True):
            if weight >= LEARNED_FROM:
                self._detectors[slot].learn_one(event)
                self._learned[slot] += 1.0
        for score, weight in zip(block.terms[:, 0].tolist(), weights, strict=True):
            # West, "Updating mean and variance estimates", 1979: Welford's algorithm with weights.
            self._count += weight
            step = score - self._mean
            self._mean += step * weight / self._count if self._count else 0.0
            self._scatter += weight * step * (score - self._mean)

    def grow(self, vehicles: int) -> None:
        """Make room for `vehicles` slots."""
        while len(self._detectors) < vehicles:
            self._detectors.append(self._prototype.clone())
        self._learned = np.concatenate((self._learned, np.zeros(vehicles - len(self._learned))))

    def snapshot(self, vehicles: int) -> dict[str, Any]:
        """Copy the state of the first `vehicles` slots and everything shared."""
        return {
            "detectors": copy.deepcopy(self._detectors[:vehicles]),
            "learned": self._learned[:vehicles].copy(),
            "moments": (self._count, self._mean, self._scatter),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `snapshot` returned."""
        self._detectors = copy.deepcopy(state["detectors"])
        self._learned = state["learned"].copy()
        self._count, self._mean, self._scatter = state["moments"]

    def _events(self, filled: Filled) -> list[dict[str, float]]:
        names = self._names
        if filled.observed.all():
            return [dict(zip(names, row, strict=True)) for row in filled.values.tolist()]
        rows = zip(filled.values.tolist(), filled.observed.tolist(), strict=True)
        return [
            {name: value for name, value, known in zip(names, row, observed, strict=True) if known}
            for row, observed in rows
        ]


def _pipeline(kind: str, parameters: Mapping[str, Any]) -> Any:
    # Importing River takes a second: who does not use it need not wait.
    from river import anomaly, base, preprocessing

    name = kind.removeprefix(PREFIX)
    known = {one: getattr(anomaly, one) for one in sorted(anomaly.__all__)}
    known = {one: made for one, made in known.items() if _is_detector(made, base.AnomalyDetector)}
    if not kind.startswith(PREFIX) or name not in known:
        names = ", ".join(PREFIX + one for one in known)
        raise SettingsError(f"detector.kind: expected reconstruction or one of {names}, got {kind!r}")
    candidate = known[name]
    accepted = list(inspect.signature(candidate).parameters)
    for parameter in parameters:
        if parameter not in accepted:
            raise SettingsError(
                f"detector.river.{parameter}: expected one of {', '.join(accepted)}, which {kind} takes"
            )
    try:
        detector = candidate(**parameters)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"detector.river: {kind} does not take these parameters: {error}") from None
    scaler = preprocessing.MinMaxScaler() if name in SCALED else preprocessing.StandardScaler()
    return scaler | detector


def _is_detector(candidate: Any, kind: type) -> bool:
    """Whether it is a detector without labels that can be made without another one."""
    if not inspect.isclass(candidate) or not issubclass(candidate, kind):
        return False
    needed = [p for p in inspect.signature(candidate).parameters.values() if p.default is p.empty]
    return not needed
