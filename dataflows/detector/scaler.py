"""Running mean and variance of every signal, per vehicle, shrunk towards the fleet's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.compiled import compiled
from dataflows.detector.moments import learn_rows
from dataflows.detector.rowwise import Floats, Mask, Slots
from dataflows.detector.state import ArrayState

STILL = 1e-9
"""A deviation below this share of the mean is rounding: the signal has never moved."""

SURPRISE = 10.0
"""Standard score given to the first movement of a signal that has never moved."""

TRUSTED_AFTER = 20
"""Rows a vehicle must have been learned from before outliers are clipped on its own statistics."""


class Scaler(ArrayState):
    """Standardises each vehicle's signals by what was learned of that vehicle and of the fleet.

    Mean and sum of squared deviations run as in `learn_rows`. A vehicle's statistics are the
    posterior of a normal-inverse-gamma prior that counts as `prior` rows of the fleet: with few
    rows of its own a vehicle is judged as a member of the fleet, with many as itself.

    Args:
        signals: number of signals S.
        prior: rows that the fleet's statistics count for in a vehicle's; ≥ 0.
        memory: rows after which old ones are forgotten; ≥ 1.
        clip: a learned value is moved to within this many standard deviations, > 0; one for all
            signals or shape (S,).

    Attributes:
        vehicles: vehicles that something was learned of and that are not forgotten.
    """

    PER_VEHICLE: ClassVar = ("count", "mean", "scatter", "level", "deviation")
    SHARED: ClassVar = ("fleet_count", "fleet_mean", "fleet_scatter", "vehicles")

    def __init__(self, signals: int, *, prior: float, memory: float, clip: float | Floats) -> None:
        self.prior, self.memory = prior, memory
        self.clip = np.broadcast_to(np.asarray(clip, np.float64), (signals,)).copy()
        self.count = np.zeros((0, signals))
        self.mean = np.zeros((0, signals))
        self.scatter = np.zeros((0, signals))
        self.level = np.full((0, signals), np.nan)
        self.deviation = np.zeros((0, signals))
        self.fleet_count = np.zeros((1, signals))
        self.fleet_mean = np.zeros((1, signals))
        self.fleet_scatter = np.zeros((1, signals))
        self.vehicles = 0

    def fill_value(self, name: str) -> float:
        return np.nan if name == "level" else 0

    def forget(self, slots: Slots) -> None:
        """Clear the state of these slots; the fleet's moments stay."""
        self.vehicles -= int((~np.isnan(self.level[slots]).all(axis=1)).sum())
        super().forget(slots)

    def moments(self, slots: Slots) -> tuple[Floats, Floats]:
        """Mean and standard deviation in force for the vehicles of n rows.

        A vehicle is given those of the fleet until it was learned from; from then on its own, which
        are computed whenever it is learned.

        Args:
            slots: vehicle of each row, shape (n,).

        Returns:
            Mean and standard deviation in the signals' units, each of shape (n, S). The deviation
            is 0 where a signal has not moved yet.
        """
        fleet_mean, fleet_variance = self.fleet_mean[0], self._fleet_variance()
        return _moments(slots, self.level, self.deviation, fleet_mean, fleet_variance)

    def rows(self, slots: Slots) -> Floats:
        """Rows learned of each vehicle: of its best known signal, shape (n,)."""
        return _most(slots, self.count)

    def learn(self, slots: Slots, values: Floats, weights: Floats) -> Floats:
        """Learn a block of rows.

        Args:
            slots: vehicle of each row, shape (n,).
            values: shape (n, S), finite; what stands where the weight is 0 is ignored.
            weights: shape (n, S), ≥ 0.

        Returns:
            E, shape (n, S): EᵀE is what the block adds to the scatter within vehicles, off the diagonal
            too, as from `learn_rows`.
        """
        mean, deviation = self.moments(slots)
        values = _clipped(slots, values, mean, deviation, self.count, self.clip)
        everyone = np.zeros(len(slots), np.intp)
        fleet = (self.fleet_count, self.fleet_mean, self.fleet_scatter)
        learn_rows(everyone, values, weights, np.inf, *fleet)
        own = (self.count, self.mean, self.scatter)
        deviations = learn_rows(slots, values, weights, self.memory, *own)
        prior = np.where(self.fleet_count[0] > 0, self.prior, 0.0)
        fleet_variance = self._fleet_variance()
        posterior = (self.level, self.deviation)
        self.vehicles += _shrink(slots, *own, prior, self.fleet_mean[0], fleet_variance, *posterior)
        return deviations

    def _fleet_variance(self) -> Floats:
        variance: Floats = self.fleet_scatter[0] / np.maximum(self.fleet_count[0], 1.0)
        return variance


@compiled
def _most(slots: Slots, count: Floats) -> Floats:
    most = np.zeros(len(slots))
    for row in range(len(slots)):
        for signal in range(count.shape[1]):
            most[row] = max(most[row], count[slots[row], signal])
    return most


@compiled
def _moments(
    slots: Slots, level: Floats, deviation: Floats, fleet_mean: Floats, fleet_variance: Floats
) -> tuple[Floats, Floats]:
    means = np.empty((len(slots), level.shape[1]))
    deviations = np.empty_like(means)
    for row in range(len(slots)):
        for signal in range(level.shape[1]):
            mean = level[slots[row], signal]
            if np.isnan(mean):
                means[row, signal] = fleet_mean[signal]
                spread = np.sqrt(fleet_variance[signal])
                still = spread <= STILL * abs(fleet_mean[signal])
                deviations[row, signal] = 0.0 if still else spread
            else:
                means[row, signal] = mean
                deviations[row, signal] = deviation[slots[row], signal]
    return means, deviations


@compiled
def _clipped(
    slots: Slots, values: Floats, mean: Floats, deviation: Floats, count: Floats, clip: Floats
) -> Floats:
    clipped = values.copy()
    for row in range(values.shape[0]):
        for signal in range(values.shape[1]):
            if count[slots[row], signal] >= TRUSTED_AFTER and deviation[row, signal] > 0.0:
                reach = clip[signal] * deviation[row, signal]
                low, high = mean[row, signal] - reach, mean[row, signal] + reach
                clipped[row, signal] = min(max(values[row, signal], low), high)
    return clipped


@compiled
def _shrink(
    slots: Slots,
    count: Floats,
    mean: Floats,
    scatter: Floats,
    prior: Floats,
    fleet_mean: Floats,
    fleet_variance: Floats,
    level: Floats,
    deviation: Floats,
) -> int:
    """Set the posterior of the vehicles, given their own moments and the fleet's as the prior.

    Returns:
        How many vehicles had none before.
    """
    new = 0
    for slot in slots:
        new += np.isnan(level[slot]).all()
        for signal in range(mean.shape[1]):
            total = max(count[slot, signal] + prior[signal], 1e-300)
            share = count[slot, signal] / total
            offset = mean[slot, signal] - fleet_mean[signal]
            centre = fleet_mean[signal] + offset * share
            variance = (scatter[slot, signal] + prior[signal] * fleet_variance[signal]) / total
            spread = np.sqrt(variance + offset * offset * share * (1.0 - share))
            level[slot, signal] = centre
            deviation[slot, signal] = 0.0 if spread <= STILL * abs(centre) else spread
    return new


def standard_scores(
    values: Floats, mean: Floats, deviation: Floats, observed: Mask, limit: float | Floats
) -> Floats:
    """Standard scores ``(values - mean) / deviation`` within ±`limit`.

    Args:
        values: shape (n, S); anything where not observed.
        mean, deviation: shape (n, S) or (S,), as from `Scaler.moments`.
        observed: shape (n, S).
        limit: > 0; one for all signals or shape (S,).

    Returns:
        Shape (n, S). 0 where not observed. Where the deviation is 0 the signal has never moved: 0
        if it still has not, else ±`SURPRISE`.
    """
    shape = values.shape
    limits = np.broadcast_to(np.asarray(limit, np.float64), shape[1:])
    return _scores(values, np.broadcast_to(mean, shape), np.broadcast_to(deviation, shape), observed, limits)


@compiled
def _scores(values: Floats, mean: Floats, deviation: Floats, observed: Mask, limits: Floats) -> Floats:
    scores = np.zeros(values.shape)
    for row in range(values.shape[0]):
        for signal in range(values.shape[1]):
            if not observed[row, signal]:
                continue
            distance, spread = values[row, signal] - mean[row, signal], deviation[row, signal]
            if spread > 0.0:
                score = distance / spread
            elif abs(distance) > STILL * abs(mean[row, signal]):
                score = np.copysign(SURPRISE, distance)
            else:
                score = 0.0
            scores[row, signal] = min(max(score, -limits[signal]), limits[signal])
    return scores
