"""How lively each signal is, against how lively the others are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, compiled
from dataflows.detector.moments import learn_rows
from dataflows.detector.reconstructor import LinearReconstructor
from dataflows.detector.scaler import standard_scores
from dataflows.detector.state import ArrayState

STILLNESS = 0.005
"""Share of a signal's standard deviation below which its mean change counts as none."""

LIVELIEST = 1e3
"""Mean change, in standard deviations, beyond which more makes no difference."""

RIDGE = 0.03
"""Added to the diagonal of the correlations: liveliness is a rough measure, so no relation is exact."""

SCORE_LIMIT = 50.0
"""Bound of the standard scores that are rebuilt."""


@compiled
def liveliness(activity: Floats, deviation: Floats) -> Floats:
    """Logarithm of the mean absolute change in standard deviations; NaN where either is unknown.

    Args:
        activity: mean absolute change in the signals' units, shape (n, S); NaN where unknown.
        deviation: standard deviation in the signals' units, shape (n, S); 0 where the signal has never
            moved.
    """
    lively = np.full(activity.shape, np.nan)
    for row in range(activity.shape[0]):
        for signal in range(activity.shape[1]):
            if deviation[row, signal] > 0.0 and not np.isnan(activity[row, signal]):
                share = min(activity[row, signal] / deviation[row, signal], LIVELIEST)
                lively[row, signal] = np.log(STILLNESS + share)
    return lively


class Activity(ArrayState):
    """Rebuilds each signal's liveliness from that of all the others.

    Liveliness is the logarithm of the signal's mean absolute change over the last samples, in units of
    its standard deviation. Signals that hang together are lively together: an engine speed that stands
    still while the road speed and the air flow move is stuck, one that flickers while they are calm is
    noisy, though every single value is plausible. The logarithm makes ten times livelier as far as ten
    times calmer.

    Its moments and correlations are shared by all vehicles: scaled by the vehicle's own deviations,
    liveliness means the same on each of them.

    Args:
        signals: number of signals S.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("count", "mean", "spread")
    PARTS: ClassVar = ("reconstructor",)

    def __init__(self, signals: int, *, memory: float) -> None:
        self.memory = memory
        self.count = np.zeros((1, signals))
        self.mean = np.zeros((1, signals))
        self.spread = np.zeros((1, signals))
        self.reconstructor = LinearReconstructor(signals, ridge=RIDGE, memory=memory)

    def residuals(self, lively: Floats) -> Floats:
        """What the other signals' liveliness does not explain, in units of its own deviation.

        Args:
            lively: as from `liveliness`, shape (n, S).

        Returns:
            Shape (n, S); 0 where the liveliness is unknown.
        """
        known = np.isfinite(lively)
        deviation = self.reconstructor.deviation[None]
        scores = standard_scores(lively, self.mean, deviation, known, SCORE_LIMIT)
        return self.reconstructor.reconstruct(scores, known)[1]

    def learn(self, lively: Floats, weights: Floats) -> None:
        """Merge a block of rows.

        Args:
            lively: shape (n, S).
            weights: shape (n, S), ≥ 0; what is not known is not learned.
        """
        known = np.isfinite(lively)
        weights = np.where(known, weights, 0.0)
        together = np.zeros(len(lively), np.intp)
        moments = (self.count, self.mean, self.spread)
        deviations = learn_rows(together, np.where(known, lively, 0.0), weights, self.memory, *moments)
        self.reconstructor.learn(deviations, weights)
