"""The reconstruction model: how far an event is from what was learned, by several terms."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from config.settings import DetectorSettings
from dataflows.compiled import Floats, Slots, compiled
from dataflows.detector import terms
from dataflows.detector.activity import Activity, liveliness
from dataflows.detector.block import Lessons
from dataflows.detector.change import Change, bounded_jumps
from dataflows.detector.mlp import MlpReconstructor
from dataflows.detector.model import Evaluation
from dataflows.detector.reconstructor import LinearReconstructor
from dataflows.detector.rhythm import Rhythm
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
ENERGY_LIMIT = 50.0
"""Bounds of standard scores: for the reconstruction, and for the z-energy."""


TERMS = len(terms.NAMES)


class ReconstructionModel(ArrayState):
    """Scales every signal, rebuilds it from the others, and combines what speaks against it into one error.

    Args:
        settings: the section ``[detector]``.
        signals: number of signals S.
    """

    PARTS: ClassVar = ("scaler", "reconstructor", "activity", "rhythm", "change", "combination")

    def __init__(self, settings: DetectorSettings, signals: int) -> None:
        memory = float(settings.memory)
        self.signals = signals
        clips = (OUTLIER_CLIP, PROTECTED_CLIP)
        self.scaler = Scaler(signals, prior=float(settings.prior), memory=memory, clips=clips)
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

    @property
    def vehicles(self) -> int:
        """Vehicles that something was learned of."""
        return self.scaler.vehicles

    def rows(self, slots: Slots) -> Floats:
        """Rows learned of each vehicle: of its best known signal, shape (n,)."""
        return self.scaler.rows(slots)

    def evaluate(self, slots: Slots, filled: Filled) -> Evaluation:
        """Judge n rows by what was learned before."""
        values, observed = filled.values, filled.observed
        (mean, slow_mean), (deviation, slow_deviation) = self.scaler.moments(slots)
        scores = standard_scores(values, mean, deviation, observed, SCORE_LIMIT)
        slow_scores = standard_scores(values, slow_mean, slow_deviation, observed, ENERGY_LIMIT)
        expected, residuals = self.reconstructor.reconstruct(scores, observed)
        lively, jumps = liveliness(filled.activity, deviation), bounded_jumps(filled.change, deviation)

        still, restless = self.rhythm.surprise(filled.run)
        evidence = _stacked(
            residuals,
            self.activity.residuals(lively),
            restless,
            slow_scores,
            self.change.scores(jumps),
            still,
        )
        term_values = terms.term_values(evidence)
        error, contributions = self.combination.combine(term_values, evidence)
        lesson = _lesson(term_values, lively, jumps, scores)
        return Evaluation(error, contributions, mean + expected * deviation, lesson)

    def learn(self, block: Lessons) -> None:
        """Learn a block of rows."""
        signals, filled, weights = self.signals, block.filled, block.model_weights
        term_values = block.terms[:, :TERMS].T
        lively, jumps, scores = np.split(block.terms[:, TERMS:], (signals, 2 * signals), axis=1)
        if self.scaler.vehicles:
            # The terms of the first block come from a model that knew nothing.
            self.combination.learn(term_values, weights)
        observed_weights = weights[:, None] * filled.observed
        deviations = self.scaler.learn(block.slots, filled.values, observed_weights)
        if isinstance(self.reconstructor, LinearReconstructor):
            self.reconstructor.learn(deviations, observed_weights)
        else:
            self.reconstructor.learn(scores, observed_weights)
        self.rhythm.learn(filled.run, filled.changed, weights)
        self.activity.learn(lively, observed_weights)
        self.change.learn(jumps, weights[:, None] * (filled.changed & np.isfinite(lively)))


@compiled
def _stacked(
    residuals: Floats, activity: Floats, restless: Floats, slow_scores: Floats, change: Floats, still: Floats
) -> Floats:
    """Evidence in the order of `terms.NAMES`, shape (T, n, S), from what each part says, shape (n, S)."""
    rows, signals = residuals.shape
    evidence = np.empty((TERMS, rows, signals))
    for row in range(rows):
        for signal in range(signals):
            evidence[0, row, signal] = abs(residuals[row, signal])
            evidence[1, row, signal] = abs(activity[row, signal])
            evidence[2, row, signal] = restless[row, signal]
            evidence[3, row, signal] = abs(slow_scores[row, signal])
            evidence[4, row, signal] = change[row, signal] ** 2
            evidence[5, row, signal] = still[row, signal]
    return evidence


@compiled
def _lesson(term_values: Floats, lively: Floats, jumps: Floats, scores: Floats) -> Floats:
    """What is learned of n rows besides their values, side by side: shape (n, T + 3 · S)."""
    terms, (rows, signals) = len(term_values), scores.shape
    lesson = np.empty((rows, terms + 3 * signals))
    for row in range(rows):
        for term in range(terms):
            lesson[row, term] = term_values[term, row]
        for signal in range(signals):
            lesson[row, terms + signal] = lively[row, signal]
            lesson[row, terms + signals + signal] = jumps[row, signal]
            lesson[row, terms + 2 * signals + signal] = scores[row, signal]
    return lesson
