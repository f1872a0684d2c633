"""Running mean and variance of every signal, per vehicle, shrunk towards the fleet's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats, Mask, Slots
from dataflows.detector.state import ArrayState
from dataflows.detector.window import Runs

STILL = 1e-9
"""A deviation below this share of the mean is rounding: the signal has never moved."""

SURPRISE = 10.0
"""Standard score given to the first movement of a signal that has never moved."""

TRUSTED_AFTER = 20
"""Rows a vehicle must have been learned from before outliers are clipped on its own statistics."""


class Scaler(ArrayState):
    """Standardises each vehicle's signals by what was learned of that vehicle and of the fleet.

    Mean and sum of squared deviations are merged block by block (Chan, Golub & LeVeque, "Updating
    formulae and a pairwise algorithm for computing sample variances", 1979), with a memory of
    1/n up to `memory` rows and exponential forgetting beyond. A vehicle's statistics are the
    posterior of a normal-inverse-gamma prior that counts as `prior` rows of the fleet: with few
    rows of its own a vehicle is judged as a member of the fleet, with many as itself.

    Args:
        signals: number of signals S.
        prior: rows that the fleet's statistics count for in a vehicle's; ≥ 0.
        memory: rows after which old ones are forgotten; ≥ 1.
        clip: a learned value is moved to within this many standard deviations, > 0; one for all
            signals or shape (S,).

    Attributes:
        vehicles: vehicles that something was learned of.
    """

    PER_VEHICLE: ClassVar = ("count", "mean", "scatter", "level", "deviation")
    SHARED: ClassVar = ("fleet_count", "fleet_mean", "fleet_scatter", "vehicles")

    def __init__(self, signals: int, *, prior: float, memory: float, clip: float | Floats) -> None:
        self.prior, self.memory, self.clip = prior, memory, clip
        self.count = np.zeros((0, signals))
        self.mean = np.zeros((0, signals))
        self.scatter = np.zeros((0, signals))
        self.level = np.full((0, signals), np.nan)
        self.deviation = np.zeros((0, signals))
        self.fleet_count = np.zeros(signals)
        self.fleet_mean = np.zeros(signals)
        self.fleet_scatter = np.zeros(signals)
        self.vehicles = 0

    def fill_value(self, name: str) -> float:
        return np.nan if name == "level" else 0

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
        mean, deviation = self.level[slots], self.deviation[slots]
        unknown = np.isnan(mean)
        if unknown.any():
            fleet_deviation = _deviation(
                self.fleet_scatter / np.maximum(self.fleet_count, 1.0), self.fleet_mean
            )
            mean = np.where(unknown, self.fleet_mean, mean)
            deviation = np.where(unknown, fleet_deviation, deviation)
        return mean, deviation

    def learn(self, slots: Slots, values: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Merge a block of rows.

        Args:
            slots: vehicle of each row, shape (n,).
            values: shape (n, S), finite; what stands where the weight is 0 is ignored.
            weights: shape (n, S), ≥ 0.

        Returns:
            The block's deviations as two matrices: D (n, S), within the rows of each vehicle (without
            rows if no vehicle has two), and E (g, S), between the g vehicles' old and new means. DᵀD + EᵀE
            is what the block adds to the scatter within vehicles, off the diagonal too.
        """
        values = self._clipped(slots, values)
        self._learn_fleet(values, weights)
        runs = Runs.of(slots)
        vehicles = slots[runs.order[runs.starts]]
        alone = len(vehicles) == len(slots)
        weights, values = weights[runs.order], values[runs.order]
        if alone:
            added, block_mean, within = weights, values, values[:0]
        else:
            added = np.add.reduceat(weights, runs.starts)
            block_mean = np.add.reduceat(weights * values, runs.starts) / np.maximum(added, 1e-300)
            within = np.sqrt(weights) * (values - np.repeat(block_mean, runs.sizes, axis=0))
        count, mean = self.count[vehicles], self.mean[vehicles]
        total = count + added
        share = added / np.maximum(total, 1e-300)
        shift = np.where(added > 0, block_mean - mean, 0.0)
        between = shift * np.sqrt(count * share)
        scatter = self.scatter[vehicles] + between * between
        if not alone:
            scatter += np.add.reduceat(within * within, runs.starts)
        kept = self.memory / np.maximum(total, self.memory)
        self.vehicles += int((added.any(axis=1) & ~count.any(axis=1)).sum())
        mean, scatter, count = mean + shift * share, scatter * kept, total * kept
        self.mean[vehicles], self.scatter[vehicles], self.count[vehicles] = mean, scatter, count
        self._shrink(vehicles, count, mean, scatter)
        return within, between

    def _learn_fleet(self, values: Floats, weights: Floats) -> None:
        # Deviations from a value nearby, not from 0: their squares must not drown the variance.
        pivot = np.where(self.fleet_count > 0, self.fleet_mean, values[0])
        deviations = values - pivot
        weighted = weights * deviations
        added, moved = weights.sum(axis=0), weighted.sum(axis=0)
        total = np.maximum(self.fleet_count + added, 1e-300)
        squares = np.einsum("ij,ij->j", weighted, deviations) - moved * moved / total
        self.fleet_scatter = self.fleet_scatter + np.maximum(squares, 0.0)
        self.fleet_mean = pivot + moved / total
        self.fleet_count = self.fleet_count + added

    def _shrink(self, vehicles: Slots, count: Floats, mean: Floats, scatter: Floats) -> None:
        """Set the posterior of the vehicles, given their own moments and the fleet's as the prior."""
        fleet_variance = self.fleet_scatter / np.maximum(self.fleet_count, 1.0)
        prior = np.where(self.fleet_count > 0, self.prior, 0.0)
        total = np.maximum(count + prior, 1e-300)
        share = count / total
        offset = mean - self.fleet_mean
        level = self.fleet_mean + offset * share
        variance = (scatter + prior * fleet_variance) / total + offset * offset * share * (1.0 - share)
        self.level[vehicles] = level
        self.deviation[vehicles] = _deviation(variance, level)

    def _clipped(self, slots: Slots, values: Floats) -> Floats:
        mean, deviation = self.moments(slots)
        trusted = (self.count[slots] >= TRUSTED_AFTER) & (deviation > 0)
        reach = np.where(trusted, self.clip * deviation, np.inf)
        clipped: Floats = np.minimum(np.maximum(values, mean - reach), mean + reach)
        return clipped


def _deviation(variance: Floats, mean: Floats) -> Floats:
    deviation = np.sqrt(variance)
    return np.where(deviation > STILL * np.abs(mean), deviation, 0.0)


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
    distance = np.where(observed, values - mean, 0.0)
    moves = deviation > 0
    first_move = np.where(np.abs(distance) > STILL * np.abs(mean), np.copysign(SURPRISE, distance), 0.0)
    scores = np.where(moves, distance / np.where(moves, deviation, 1.0), first_move)
    bounded: Floats = np.minimum(np.maximum(scores, -limit), limit)
    return bounded
