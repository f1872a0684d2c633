"""How far a normal value lies from the expected one at most: a radius per signal that is tracked online."""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, compiled
from dataflows.detector.state import ArrayState

KNOWN_AFTER = 100.0
"""Values of a signal that its radius must be learned from before there is a band."""

LARGEST_RATE = 0.5
"""Upper limit of the step of a logarithm: one value may not move a radius by more than two thirds."""

SMALLEST = 0.01
"""Lower limit of a radius: a signal that starts to move after a long standstill gets its band back soon."""

HIGHEST = 1.0 - 1e-9
"""Upper limit of the level."""


class Band(ArrayState):
    """The interval around what is expected that holds the promised share of the normal values of a signal.

    After every value the logarithm of the signal's radius takes a step of ``rate · (outside - (1 - level))``,
    where `outside` is 1 if the value was farther away than the radius, else 0. That is the quantile tracking
    of online conformal inference (Gibbs & Candès, "Adaptive conformal inference under distribution shift",
    NeurIPS 2021; Angelopoulos, Candès & Tibshirani, "Conformal PID control for time series prediction",
    NeurIPS 2023): the steps add up to what the radius has moved, so in T values the share outside differs
    from the promised one by at most the range of the logarithm over ``rate · T``, whatever their distribution
    is and however it drifts. On a logarithm the rate has no unit, and the radius stays positive.

    A band that is e times too wide takes `memory` rows to narrow, or as many as were seen if these are fewer,
    unless `LARGEST_RATE` makes it longer (steps that decay like 1/t: Angelopoulos, Barber & Bates, "Online
    conformal prediction with decaying step sizes", ICML 2024). One that is too narrow widens sooner, the more
    the higher the level is.

    The radius is shared by all vehicles, in a unit that is not: the standard deviation of what the others
    leave unexplained, in that of the vehicle. It starts at the quantile of a normal distribution.

    Args:
        signals: number of signals S.
        level: share of the normal values within the band, 0–1.
        memory: rows after which old ones are forgotten.

    Attributes:
        radius: of each signal, shape (S,), ≥ `SMALLEST`.
        rows: values that it was learned from, shape (S,).
    """

    SHARED: ClassVar = ("radius", "rows")

    def __init__(self, signals: int, *, level: float, memory: float) -> None:
        self.level, self.memory = min(level, HIGHEST), memory
        normal = NormalDist().inv_cdf(0.5 + 0.5 * self.level)
        self.radius = np.full(signals, max(normal, SMALLEST))
        self.rows = np.zeros(signals)

    def half_widths(self, deviation: Floats, unit: Floats) -> Floats:
        """Half the width of each band, in the signals' units, shape (n, S).

        Args:
            deviation: standard deviations of the vehicles' signals, in the signals' units, shape (n, S).
            unit: standard deviation of what is expected wrongly, in those of the signal, shape (S,).

        Returns:
            NaN where the signal has not moved yet, or its radius is not known.
        """
        radius = np.where(self.rows >= KNOWN_AFTER, self.radius * unit, np.nan)
        widths: Floats = np.where(deviation > 0.0, deviation, np.nan) * radius
        return widths

    def learn(self, distances: Floats, weights: Floats) -> None:
        """Learn a block of n rows.

        Args:
            distances: from the expected values, in the unit of the radius, shape (n, S); where they are NaN
                nothing is learned.
            weights: shape (n, S), ≥ 0; where they are 0 nothing is learned.
        """
        outside = 1.0 - self.level
        rate = np.minimum(1.0 / (outside * np.clip(self.rows, 1.0, self.memory)), LARGEST_RATE)
        _track(distances, weights, np.exp(rate * self.level), np.exp(-rate * outside), self.radius, self.rows)


@compiled
def _track(
    distances: Floats, weights: Floats, wider: Floats, narrower: Floats, radius: Floats, rows: Floats
) -> None:
    """Update radius and rows of a `Band` with n rows, in place.

    Args:
        distances, weights: as in `Band.learn`.
        wider, narrower: factors for a radius that does not reach a value, and for one that does, shape (S,).
        radius, rows: as in `Band`; updated.
    """
    for row in range(distances.shape[0]):
        for signal in range(distances.shape[1]):
            distance = distances[row, signal]
            if weights[row, signal] == 0.0 or np.isnan(distance):
                continue
            factor = wider[signal] if distance > radius[signal] else narrower[signal]
            radius[signal] = max(radius[signal] * factor, SMALLEST)
            rows[signal] += 1.0
