"""The reconstruction model: how far an event is from what was learned, by several terms."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Mask, Slots, compiled
from dataflows.detector import terms
from dataflows.detector.activity import Activity, log_activity
from dataflows.detector.band import Band
from dataflows.detector.block import LearnBatch
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
        judged: which of the S signals are evidence, shape (S,); the others only explain them.
    """

    kind = "reconstruction"

    PARTS: ClassVar = ("scaler", "reconstructor", "activity", "run_length", "combination", "band")

    def __init__(self, parameters: Parameters, judged: Mask) -> None:
        memory = float(parameters.memory)
        self.signals = signals = len(judged)
        self._judged, self._targets = judged, np.flatnonzero(judged)
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
        weights = np.array([parameters.terms[name] for name in terms.NAMES])
        self.combination = terms.Combination(weights, memory=memory)
        recent = float(parameters.threshold_memory)
        # Not the level of `false_alarms_per_day`: it can be too close to 1 for any value to lie outside.
        self.band = Band(signals, level=parameters.percentile / 100.0, memory=recent)

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
        expected, residuals = self.reconstructor.reconstruct(scores, observed, self._judged)
        activity = log_activity(samples.mean_change, deviation)

        still, restless = self.run_length.surprise(samples.run)
        evidence = _stacked(
            self._targets,
            residuals,
            self.activity.residuals(activity),
            restless,
            slow_scores,
            still,
        )
        logs = terms.log_terms(evidence)
        error, shares = self.combination.combine(logs, evidence)
        unit = self.reconstructor.residual_deviation
        memo = _memo(logs, activity, scores, expected, deviation, unit)
        values, band = mean + expected * deviation, self.band.half_widths(deviation, unit)
        return Evaluation(error, self._contributions(shares), values, band, memo)

    def _contributions(self, shares: Floats) -> Floats:
        """Shares of all signals, shape (n, S), from those of the signals that are evidence."""
        if len(self._targets) == self.signals:
            return shares
        contributions = np.zeros((len(shares), self.signals))
        contributions[:, self._targets] = shares
        return contributions

    def learn(self, block: LearnBatch) -> None:
        """Learn a block of rows."""
        signals, samples, weights = self.signals, block.samples, block.model_weights
        logs = block.memo[:, :TERMS].T
        activity, scores, distances = (
            block.memo[:, start : start + signals] for start in range(TERMS, TERMS + 3 * signals, signals)
        )
        if self.scaler.vehicles:
            # The terms of the first block come from a model that knew nothing.
            self.combination.learn(logs, weights)
        observed_weights = weights[:, None] * samples.observed
        deviations = self.scaler.learn(block.slots, samples.values, observed_weights)
        if isinstance(self.reconstructor, LinearReconstructor):
            self.reconstructor.learn(deviations, observed_weights)
        else:
            self.reconstructor.learn(scores, observed_weights)
        self.run_length.learn(samples.run, samples.changed, weights)
        self.activity.learn(activity, observed_weights)
        # Like the threshold, it learns nothing from a vehicle that is hardly known.
        self.band.learn(distances, np.minimum(weights, block.threshold_weights)[:, None] * samples.observed)


@compiled
def _stacked(
    targets: Slots,
    residuals: Floats,
    activity: Floats,
    restless: Floats,
    slow_scores: Floats,
    still: Floats,
) -> Floats:
    """Evidence of the targets in the order of `terms.NAMES`, from that of each part, shape (n, S).

    Returns:
        Shape (T, n, number of targets): context is in no term, not even in a mean over signals.
    """
    rows = len(residuals)
    evidence = np.empty((TERMS, rows, len(targets)))
    for row in range(rows):
        for place in range(len(targets)):
            signal = targets[place]
            evidence[0, row, place] = abs(residuals[row, signal])
            evidence[1, row, place] = abs(activity[row, signal])
            evidence[2, row, place] = restless[row, signal]
            evidence[3, row, place] = abs(slow_scores[row, signal])
            evidence[4, row, place] = still[row, signal]
    return evidence


@compiled
def _memo(
    logs: Floats, activity: Floats, scores: Floats, expected: Floats, deviation: Floats, unit: Floats
) -> Floats:
    """What is needed to learn n rows besides their samples, side by side: shape (n, T + 3 · S).

    The last S columns are the distances from the expected scores in the `unit` of each signal, shape (S,);
    NaN where a signal has not moved yet.
    """
    count, (rows, signals) = len(logs), scores.shape
    memo = np.empty((rows, count + 3 * signals))
    for row in range(rows):
        for term in range(count):
            memo[row, term] = logs[term, row]
        for signal in range(signals):
            memo[row, count + signal] = activity[row, signal]
            memo[row, count + signals + signal] = scores[row, signal]
            distance = abs(scores[row, signal] - expected[row, signal]) / unit[signal]
            memo[row, count + 2 * signals + signal] = distance if deviation[row, signal] > 0.0 else np.nan
    return memo
