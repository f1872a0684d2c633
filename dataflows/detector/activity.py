"""How much each signal moves, against how much the others move."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, compiled
from dataflows.detector.linear import LinearReconstructor
from dataflows.detector.moments import learn_rows
from dataflows.detector.scaler import standard_scores
from dataflows.detector.state import ArrayState

STILLNESS = 0.005
"""Standard deviations, added under the logarithm: a mean change well below this counts as none."""

LARGEST_CHANGE = 1e3
"""Standard deviations: a larger mean change counts as this one, so that the logarithm is bounded."""

RIDGE = 0.03
"""Added to the diagonal of the correlations: activity is a rough measure, so no relation is exact."""

SCORE_LIMIT = 50.0
"""Standard deviations: bound of the standard scores that are reconstructed."""


@compiled
def log_activity(mean_change: Floats, deviation: Floats) -> Floats:
    """Activity of each signal: ``log(STILLNESS + mean_change / deviation)``; NaN where either is unknown.

    Args:
        mean_change: mean absolute change in the signals' units, shape (n, S); NaN where unknown.
        deviation: standard deviation in the signals' units, shape (n, S); 0 where the signal has never
            moved.
    """
    activity = np.full(mean_change.shape, np.nan)
    for row in range(mean_change.shape[0]):
        for signal in range(mean_change.shape[1]):
            if deviation[row, signal] > 0.0 and not np.isnan(mean_change[row, signal]):
                share = min(mean_change[row, signal] / deviation[row, signal], LARGEST_CHANGE)
                activity[row, signal] = np.log(STILLNESS + share)
    return activity


class Activity(ArrayState):
    """Reconstructs each signal's activity from that of all the others.

    Activity is the logarithm of the signal's mean absolute change over the last samples, in units of its
    standard deviation. Correlated signals vary together: an engine speed that stands still while the road
    speed and the air flow move is stuck, one that flickers while they are calm is noisy, even if every single
    value is plausible. On the logarithmic scale, ten times as active is as far away as a tenth as active.

    Its moments and correlations are shared by all vehicles: scaled by the vehicle's own deviations, activity
    means the same on each of them.

    Args:
        signals: number of signals S.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("count", "mean")
    PARTS: ClassVar = ("reconstructor",)

    def __init__(self, signals: int, *, memory: float) -> None:
        self.memory = memory
        self.count = np.zeros((1, signals))
        self.mean = np.zeros((1, signals))
        self.reconstructor = LinearReconstructor(signals, ridge=RIDGE, memory=memory)

    def residuals(self, activity: Floats) -> Floats:
        """The part of each signal's activity that the others do not explain, in standard deviations of it.

        Args:
            activity: as returned by `log_activity`, shape (n, S).

        Returns:
            Shape (n, S); 0 where the activity is unknown.
        """
        known = np.isfinite(activity)
        deviation = self.reconstructor.deviation[None]
        scores = standard_scores(activity, self.mean, deviation, known, SCORE_LIMIT)
        return self.reconstructor.reconstruct(scores, known, np.zeros(scores.shape[1], np.bool_))[1]

    def learn(self, activity: Floats, weights: Floats) -> None:
        """Learn a block of rows.

        Args:
            activity: shape (n, S).
            weights: shape (n, S), ≥ 0; where the activity is unknown nothing is learned.
        """
        known = np.isfinite(activity)
        weights = np.where(known, weights, 0.0)
        together = np.zeros(len(activity), np.intp)
        values = np.where(known, activity, 0.0)
        # The deviation is the reconstructor's, so no scatter is kept.
        deviations = learn_rows(together, values, weights, self.memory, self.count, self.mean, None)
        self.reconstructor.learn(deviations, weights)
