"""The reconstruction model: how far an event is from what was learned, by several terms."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Slots, compiled
from dataflows.detector import terms
from dataflows.detector.activity import Activity, log_activity
from dataflows.detector.block import LearnBatch
from dataflows.detector.change import Change, bounded_jumps
from dataflows.detector.linear import LinearReconstructor
from dataflows.detector.mlp import MlpReconstructor
from dataflows.detector.model import Evaluation
from dataflows.detector.parameters import Parameters
from dataflows.detector.run_length import RunLength
from dataflows.detector.scaler import Scaler, standard_scores
from dataflows.detector.state import ArrayState
from dataflows.detector.window import Samples

OUTLIER_CLIP = 10.0
"""Standard deviations from the mean at which a value is clipped before the model's moments learn it."""

PROTECTED_CLIP = 2.25
"""The same for the second, slow moments behind the z-energy.

They move so little per event that a lasting fault stays visible when the model's own moments have long
followed it; together the two see both jumps and lasting shifts.
"""

SCORE_LIMIT = 1e4
ENERGY_LIMIT = 50.0
"""Standard deviations: bounds of the standard scores for the reconstruction, and for the z-energy."""

TERMS = len(terms.NAMES)


class ReconstructionModel(ArrayState):
    """Scales the signals, reconstructs each from the others, and combines all evidence into one error.

    Args:
        parameters: of the detector.
        signals: number of signals S.
    """

    kind = "reconstruction"

    PARTS: ClassVar = ("scaler", "reconstructor", "activity", "run_length", "change", "combination")

    def __init__(self, parameters: Parameters, signals: int) -> None:
        memory = float(parameters.memory)
        self.signals = signals
        clips = (OUTLIER_CLIP, PROTECTED_CLIP)
        self.scaler = Scaler(signals, prior=float(parameters.prior), memory=memory, clips=clips)
        self.reconstructor: LinearReconstructor | MlpReconstructor
        if parameters.reconstructor == "linear":
            self.reconstructor = LinearReconstructor(signals, ridge=parameters.ridge, memory=memory)
        else:
            self.reconstructor = MlpReconstructor(
                signals,
                hidden=parameters.hidden,
                learning_rate=parameters.learning_rate,
                steps=parameters.steps,
                memory=memory,
            )
        self.activity = Activity(signals, memory=memory)
        self.run_length = RunLength(signals, memory=memory)
        self.change = Change(signals, memory=memory)
        weights = np.array([parameters.terms[name] for name in terms.NAMES])
        self.combination = terms.Combination(weights, memory=memory)

    @property
    def vehicles(self) -> int:
        """Number of vehicles that the model has learned from."""
        return self.scaler.vehicles

    def rows(self, slots: Slots) -> Floats:
        """Rows learned from each vehicle: those of its best-known signal, shape (n,)."""
        return self.scaler.rows(slots)

    def evaluate(self, slots: Slots, samples: Samples) -> Evaluation:
        """Judge n rows by what was learned before."""
        values, observed = samples.values, samples.observed
        (mean, slow_mean), (deviation, slow_deviation) = self.scaler.moments(slots)
        scores = standard_scores(values, mean, deviation, observed, SCORE_LIMIT)
        slow_scores = standard_scores(values, slow_mean, slow_deviation, observed, ENERGY_LIMIT)
        expected, residuals = self.reconstructor.reconstruct(scores, observed)
        activity = log_activity(samples.mean_change, deviation)
        jumps = bounded_jumps(samples.change, deviation)

        still, restless = self.run_length.surprise(samples.run)
        evidence = _stacked(
            residuals,
            self.activity.residuals(activity),
            restless,
            slow_scores,
            self.change.scores(jumps),
            still,
        )
        term_values = terms.term_values(evidence)
        error, contributions = self.combination.combine(term_values, evidence)
        memo = _memo(term_values, activity, jumps, scores)
        return Evaluation(error, contributions, mean + expected * deviation, memo)

    def learn(self, block: LearnBatch) -> None:
        """Learn a block of rows."""
        signals, samples, weights = self.signals, block.samples, block.model_weights
        term_values = block.memo[:, :TERMS].T
        activity, jumps, scores = np.split(block.memo[:, TERMS:], (signals, 2 * signals), axis=1)
        if self.scaler.vehicles:
            # The terms of the first block come from a model that knew nothing.
            self.combination.learn(term_values, weights)
        observed_weights = weights[:, None] * samples.observed
        deviations = self.scaler.learn(block.slots, samples.values, observed_weights)
        if isinstance(self.reconstructor, LinearReconstructor):
            self.reconstructor.learn(deviations, observed_weights)
        else:
            self.reconstructor.learn(scores, observed_weights)
        self.run_length.learn(samples.run, samples.changed, weights)
        self.activity.learn(activity, observed_weights)
        self.change.learn(jumps, weights[:, None] * (samples.changed & np.isfinite(activity)))


@compiled
def _stacked(
    residuals: Floats, activity: Floats, restless: Floats, slow_scores: Floats, change: Floats, still: Floats
) -> Floats:
    """Evidence in the order of `terms.NAMES`, shape (T, n, S), from that of each part, shape (n, S)."""
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
def _memo(term_values: Floats, activity: Floats, jumps: Floats, scores: Floats) -> Floats:
    """What is needed to learn n rows besides their samples, side by side: shape (n, T + 3 · S)."""
    terms, (rows, signals) = len(term_values), scores.shape
    memo = np.empty((rows, terms + 3 * signals))
    for row in range(rows):
        for term in range(terms):
            memo[row, term] = term_values[term, row]
        for signal in range(signals):
            memo[row, terms + signal] = activity[row, signal]
            memo[row, terms + signals + signal] = jumps[row, signal]
            memo[row, terms + 2 * signals + signal] = scores[row, signal]
    return memo
