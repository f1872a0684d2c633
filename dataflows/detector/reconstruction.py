"""The reconstruction model: how far an event is from what was learned, by several terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from config.settings import DetectorSettings
from dataflows.detector import terms
from dataflows.detector.block import Lessons
from dataflows.detector.model import Evaluation
from dataflows.detector.reconstructor import LinearReconstructor
from dataflows.detector.rowwise import Floats, Slots
from dataflows.detector.scaler import Scaler, standard_scores
from dataflows.detector.state import ArrayState
from dataflows.detector.window import Filled

OUTLIER_CLIP = 10.0
"""Standard deviations that a value may pull the model's moments by at once."""

PROTECTED_CLIP = 2.25
"""The same for the second, slow moments behind the z-energy.

They move so little per event that a lasting fault stays visible, where the model's own moments
have long followed it; together the two see both jumps and lasting shifts.
"""

SCORE_LIMIT = 1e4
TERM_LIMIT = 50.0
"""Bounds of standard scores: for the reconstruction, and for terms that square them."""


class ReconstructionModel:
    """Scales every signal, rebuilds it from the others, and combines what is left into one error.

    Args:
        settings: the section ``[detector]``.
        signals: number of signals S.
    """

    def __init__(self, settings: DetectorSettings, signals: int) -> None:
        memory, prior = float(settings.memory), float(settings.prior)
        self._scaler = Scaler(signals, prior=prior, memory=memory, clip=OUTLIER_CLIP)
        self._protected = Scaler(signals, prior=prior, memory=memory, clip=PROTECTED_CLIP)
        self._change = Scaler(signals, prior=prior, memory=memory, clip=OUTLIER_CLIP)
        self._reconstructor = LinearReconstructor(signals, ridge=settings.ridge, memory=memory)
        weights = np.array([getattr(settings.terms, name) for name in terms.NAMES])
        self._combination = terms.Combination(weights, start_up=settings.start_up, memory=memory)
        self._parts: Mapping[str, ArrayState] = {
            "scaler": self._scaler,
            "protected": self._protected,
            "change": self._change,
            "reconstructor": self._reconstructor,
            "combination": self._combination,
        }

    @property
    def vehicles(self) -> int:
        """Vehicles that something was learned of."""
        return self._scaler.vehicles

    def rows(self, slots: Slots) -> Floats:
        """Rows learned of each vehicle: of its best known signal, shape (n,)."""
        rows: Floats = self._scaler.count[slots].max(axis=1)
        return rows

    def evaluate(self, slots: Slots, filled: Filled) -> Evaluation:
        """Judge n rows by what was learned before."""
        observed = filled.observed
        mean, deviation = self._scaler.moments(slots)
        standard = standard_scores(filled.values, mean, deviation, observed, SCORE_LIMIT)
        expected, residuals = self._reconstructor.reconstruct(standard, observed)
        slow = standard_scores(filled.values, *self._protected.moments(slots), observed, TERM_LIMIT)
        change = standard_scores(filled.change, *self._change.moments(slots), filled.changed, TERM_LIMIT)

        term_values = np.stack(
            (
                terms.worst_residual(residuals),
                terms.energy(slow, observed),
                terms.energy(change, filled.changed),
            ),
            axis=1,
        )
        shares = tuple(map(terms.shares, (residuals, slow, change)))
        error, contributions = self._combination.combine(term_values, shares)
        return Evaluation(error, contributions, mean + expected * deviation, term_values)

    def learn(self, block: Lessons) -> None:
        """Learn a block of rows."""
        first = not self._scaler.vehicles
        filled = block.filled
        observed_weights = block.model_weights[:, None] * filled.observed
        within, between = self._scaler.learn(block.slots, filled.values, observed_weights)
        self._reconstructor.learn(within, between, filled.observed, block.model_weights)
        self._protected.learn(block.slots, filled.values, observed_weights)
        self._change.learn(block.slots, filled.change, block.model_weights[:, None] * filled.changed)
        if not first:
            # The terms of the first block come from a model that knew nothing.
            self._combination.learn(block.terms, block.model_weights)

    def grow(self, vehicles: int) -> None:
        """Make room for `vehicles` slots."""
        for part in self._parts.values():
            part.grow(vehicles)

    def snapshot(self, vehicles: int) -> dict[str, Any]:
        """Copy the state of the first `vehicles` slots and everything shared."""
        return {name: part.snapshot(vehicles) for name, part in self._parts.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `snapshot` returned."""
        for name, part in self._parts.items():
            part.restore(state[name])
