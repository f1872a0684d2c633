"""Any of River's anomaly detectors in place of our model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from config.errors import SnapshotError
from dataflows.compiled import Floats, Slots
from dataflows.detector.block import LearnBatch
from dataflows.detector.model import Evaluation
from dataflows.detector.window import Samples
from dataflows.score.river import pickles
from dataflows.score.river.kinds import river_kind
from dataflows.score.river.vehicle_detector import VehicleDetector

LAYOUT_VERSION = 1
"""Version of what `RiverModel.snapshot` returns."""

LEARNED_FROM = 0.5
"""Rows with at least this weight are learned: River's detectors take no weights."""

COUNTS, MOMENTS = ("learned", "blind", "judged"), ("weight", "mean", "scatter")
"""Attributes of `VehicleDetector` that are stored as columns of integers and of floats."""


class RiverModel:
    """One of River's detectors per vehicle, as a `Model`.

    A row is scored by the vehicle's detector as it was at the last block boundary, and learned at the next
    one, in order. Rows with a weight below `LEARNED_FROM` are not learned. Values pass through one of River's
    scalers first, `MinMaxScaler` or `StandardScaler` depending on the detector; an extreme first event
    widens the range of the former for good.

    River's scores have any range and sign, so the error is ``exp(z)``, where z is the score standardised by
    the vehicle's own scores and clipped to ±6: about 1 for a usual event, and monotone in the score.
    A detector that has no score yet, such as half-space trees during their first window, gives an error of 1,
    and its vehicle gets no verdict until it has been scored as many times as it had learned without a score.
    The model says neither which signal stood out nor what was expected.

    The detector does not see signals that are missing; an event without any signal is not learned.

    Args:
        kind: ``river.anomaly.NAME``.
        parameters: for the detector's constructor.
        signals: number of signals S.
        memory: number of a vehicle's scores that the moments span.

    Raises:
        SettingsError: there is no such detector, it needs labels or another detector, or it does not take
            these parameters.
    """

    def __init__(self, kind: str, parameters: Mapping[str, Any], signals: int, *, memory: float) -> None:
        self._kind = river_kind(kind, parameters)
        self._names = [str(signal) for signal in range(signals)]
        self._blank = dict.fromkeys(self._names, self._kind.neutral)
        self._memory = memory
        self._detectors: list[VehicleDetector] = []

    @property
    def kind(self) -> str:
        """The name of River's detector, ``river.anomaly.NAME``."""
        return self._kind.name

    @property
    def vehicles(self) -> int:
        """Vehicles from which something was learned."""
        return sum(one.learned > 0 for one in self._detectors)

    def rows(self, slots: Slots) -> Floats:
        """Scored rows of each vehicle, shape (n,); 0 while fewer than were learned without a score."""
        chosen = [self._detectors[slot] for slot in slots.tolist()]
        return np.array([float(one.judged if one.judged >= one.blind else 0) for one in chosen])

    def evaluate(self, slots: Slots, samples: Samples) -> Evaluation:
        """Score n rows by what was learned before."""
        shape = samples.values.shape
        errors, scores = np.empty(shape[0]), np.empty(shape[0])
        with self._kind.parameter_errors():
            for row, (slot, event) in enumerate(zip(slots.tolist(), self._events(samples), strict=True)):
                scores[row] = score = self._detectors[slot].score(event)
                errors[row] = self._detectors[slot].error(score)
        unknown = np.full(shape, np.nan)
        return Evaluation(errors, np.zeros(shape), unknown, unknown, scores[:, None])

    def learn(self, block: LearnBatch) -> None:
        """Learn a block of rows, one after the other."""
        columns = (block.slots.tolist(), block.model_weights.tolist(), block.memo[:, 0].tolist())
        with self._kind.parameter_errors():
            for slot, weight, score, event in zip(*columns, self._events(block.samples), strict=True):
                self._detectors[slot].count(score, weight, self._memory)
                if weight >= LEARNED_FROM:
                    self._detectors[slot].learn(event, self._blank)

    def grow(self, vehicles: int) -> None:
        """Make room for `vehicles` slots."""
        while len(self._detectors) < vehicles:
            self._detectors.append(self._new())

    def forget(self, slots: Slots) -> None:
        """Put a new detector into these slots."""
        for slot in slots.tolist():
            self._detectors[slot] = self._new()

    def snapshot(self, vehicles: int) -> dict[str, Any]:
        """Copy the state of the first `vehicles` slots: columns of numbers, and River's objects as bytes."""
        stored = self._detectors[:vehicles]
        columns = {name: np.array([getattr(one, name) for one in stored], np.int64) for name in COUNTS}
        moments = {name: np.array([getattr(one, name) for one in stored], np.float64) for name in MOMENTS}
        return {
            **self._header(),
            **columns,
            **moments,
            "objects": [one.pickled() for one in stored],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Replace the state by a copy of what `snapshot` returned.

        Raises:
            SnapshotError: it was written by another version of this project or of River, or with other
                parameters.
        """
        for name, here in self._header().items():
            if state.get(name) != here:
                raise SnapshotError(
                    f"expected a snapshot of {self._kind.name} with {name} = {here}, got {state.get(name)}: "
                    "River's detectors can only be read by the version of River that wrote them, and keep "
                    "their parameters; restore those, or start with an empty recovery directory"
                )
        columns = [state[name].tolist() for name in COUNTS + MOMENTS]
        self._detectors = [
            VehicleDetector(objects, *numbers)
            for objects, *numbers in zip(state["objects"], *columns, strict=True)
        ]

    def _header(self) -> dict[str, Any]:
        return {
            "layout_version": LAYOUT_VERSION,
            "river_version": pickles.VERSION,
            "parameters": self._kind.parameters,
        }

    def _new(self) -> VehicleDetector:
        return VehicleDetector((self._kind.scaler.clone(), self._kind.detector.clone()))

    def _events(self, samples: Samples) -> list[dict[str, float]]:
        names = self._names
        if samples.observed.all():
            return [dict(zip(names, row, strict=True)) for row in samples.values.tolist()]
        rows = zip(samples.values.tolist(), samples.observed.tolist(), strict=True)
        return [
            {name: value for name, value, known in zip(names, row, observed, strict=True) if known}
            for row, observed in rows
        ]
