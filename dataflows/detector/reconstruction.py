"""The reconstruction model: how far an event is from what was learned, by several terms."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from config.settings import DetectorSettings
from dataflows.detector import terms
from dataflows.detector.activity import Activity, liveliness
from dataflows.detector.block import Lessons
from dataflows.detector.change import Change
from dataflows.detector.compiled import compiled
from dataflows.detector.mlp import MlpReconstructor
from dataflows.detector.model import Evaluation
from dataflows.detector.reconstructor import LinearReconstructor
from dataflows.detector.rhythm import Rhythm
from dataflows.detector.rowwise import Floats, Slots
from dataflows.detector.scaler import Scaler, standard_scores
from dataflows.detector.state import ArrayState
from dataflows.detector.window import Filled

Scalar = TypeVar("Scalar", bound=np.generic)

OUTLIER_CLIP = 10.0
"""Standard deviations that a value may pull the model's moments by at once."""

PROTECTED_CLIP = 2.25
"""The same for the second, slow moments behind the z-energy.

They move so little per event that a lasting fault stays visible, where the model's own moments
have long followed it; together the two see both jumps and lasting shifts.
"""

SCORE_LIMIT = 1e4
ENERGY_LIMIT = 50.0
"""Bounds of standard scores: for the reconstruction, and for the z-energy."""

MOST_JUMPS = 1e6
"""Bound of a change in standard deviations: its square must stay finite."""


class ReconstructionModel(ArrayState):
    """Scales every signal, rebuilds it from the others, and combines what speaks against it into one error.

    Args:
        settings: the section ``[detector]``.
        signals: number of signals S.
    """

    PARTS: ClassVar = ("scaler", "reconstructor", "activity", "rhythm", "change", "combination")

    def __init__(self, settings: DetectorSettings, signals: int) -> None:
        memory = float(settings.memory)
        # Two sets of moments of every signal, side by side, so that one pass serves both.
        clips = np.repeat((OUTLIER_CLIP, PROTECTED_CLIP), signals)
        self.signals = signals
        self.scaler = Scaler(2 * signals, prior=float(settings.prior), memory=memory, clip=clips)
        self.reconstructor: LinearReconstructor | MlpReconstructor
        if settings.reconstructor == "linear":
            self.reconstructor = LinearReconstructor(signals, ridge=settings.ridge, memory=memory)
        else:
            self.reconstructor = MlpReconstructor(
                signals,
                hidden=settings.hidden,
                learning_rate=settings.learning_rate,
                steps=settings.steps,
                memory=memory,
            )
        self.activity = Activity(signals, memory=memory)
        self.rhythm = Rhythm(signals, memory=memory)
        self.change = Change(signals, memory=memory)
        weights = np.array([getattr(settings.terms, name) for name in terms.NAMES])
        self.combination = terms.Combination(weights, memory=memory)
        self._limits = np.repeat((SCORE_LIMIT, ENERGY_LIMIT), signals)

    @property
    def vehicles(self) -> int:
        """Vehicles that something was learned of."""
        return self.scaler.vehicles

    def rows(self, slots: Slots) -> Floats:
        """Rows learned of each vehicle: of its best known signal, shape (n,)."""
        return self.scaler.rows(slots)

    def evaluate(self, slots: Slots, filled: Filled) -> Evaluation:
        """Judge n rows by what was learned before."""
        signals, observed = self.signals, filled.observed
        means, deviations = self.scaler.moments(slots)
        scores = standard_scores(_twice(filled.values), means, deviations, _twice(observed), self._limits)
        mean, deviation = means[:, :signals], deviations[:, :signals]
        expected, residuals = self.reconstructor.reconstruct(scores[:, :signals], observed)
        lively, jumps = liveliness(filled.activity, deviation), _jumps(filled, deviation)

        evidence = np.empty((len(terms.NAMES), len(slots), signals))
        np.abs(residuals, out=evidence[0])
        np.abs(self.activity.residuals(lively), out=evidence[1])
        still, evidence[2] = self.rhythm.surprise(filled.run)
        np.abs(scores[:, signals:], out=evidence[3])
        np.square(self.change.scores(jumps), out=evidence[4])
        evidence[5] = still

        term_values = terms.term_values(evidence)
        error, contributions = self.combination.combine(term_values, evidence)
        lesson = np.concatenate((term_values.T, lively, jumps, scores[:, :signals]), axis=1)
        return Evaluation(error, contributions, mean + expected * deviation, lesson)

    def learn(self, block: Lessons) -> None:
        """Learn a block of rows."""
        signals, filled, weights = self.signals, block.filled, block.model_weights
        count = len(terms.NAMES)
        term_values = block.terms[:, :count].T
        lively, jumps, scores = np.split(block.terms[:, count:], (signals, 2 * signals), axis=1)
        if self.scaler.vehicles:
            # The terms of the first block come from a model that knew nothing.
            self.combination.learn(term_values, weights)
        observed_weights = weights[:, None] * filled.observed
        deviations = self.scaler.learn(block.slots, _twice(filled.values), _twice(observed_weights))
        if isinstance(self.reconstructor, LinearReconstructor):
            self.reconstructor.learn(deviations[:, :signals], observed_weights)
        else:
            self.reconstructor.learn(scores, observed_weights)
        self.rhythm.learn(filled.run, filled.changed, weights)
        self.activity.learn(lively, observed_weights)
        self.change.learn(jumps, weights[:, None] * (filled.changed & np.isfinite(lively)))


def _twice(columns: NDArray[Scalar]) -> NDArray[Scalar]:
    return np.concatenate((columns, columns), axis=1)


def _jumps(filled: Filled, deviation: Floats) -> Floats:
    """Changes in standard deviations, shape (n, S); 0 where the signal has never moved before."""
    return _bounded_jumps(filled.change, deviation)


@compiled
def _bounded_jumps(change: Floats, deviation: Floats) -> Floats:
    jumps = np.zeros(change.shape)
    for row in range(change.shape[0]):
        for signal in range(change.shape[1]):
            if deviation[row, signal] > 0.0:
                jump = change[row, signal] / deviation[row, signal]
                jumps[row, signal] = min(max(jump, -MOST_JUMPS), MOST_JUMPS)
    return jumps
