"""Running mean and variance of every signal, per vehicle, shrunk towards the fleet's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Mask, Slots, compiled
from dataflows.detector.moments import learn_rows
from dataflows.detector.rowwise import distinct
from dataflows.detector.state import ArrayState

STILL = 1e-9
"""A standard deviation below this share of the mean is rounding error: the signal has never moved."""

SURPRISE = 10.0
"""Standard score of the first movement of a signal that has never moved before."""

TRUSTED_AFTER = 20
"""Rows that a vehicle's statistics must be learned from before its outliers are clipped by them."""


class Scaler(ArrayState):
    """Standardises each vehicle's signals by what was learned from that vehicle and from the fleet.

    Mean and sum of squared deviations are updated as in `learn_rows`. A vehicle's statistics are the
    posterior of a normal-inverse-gamma prior that counts as `prior` rows of the fleet: with few rows of its
    own a vehicle is judged as a member of the fleet, with many as itself.

    Each signal may have several sets of moments side by side, which differ in how far a single value can pull
    them; one pass updates all.

    Args:
        signals: number of signals S.
        prior: rows that the fleet's statistics count for in a vehicle's; ≥ 0.
        memory: rows after which old ones are forgotten; ≥ 1.
        clips: for each of the C sets, the number of standard deviations from the mean to which a value is
            clipped before it is learned; > 0.

    Attributes:
        count: weight learned of each signal, shape (V, S).
        mean, scatter: each vehicle's own moments, shape (V, C · S).
        centre, deviation: posterior mean and standard deviation in force, shape (V, C · S); the former is NaN
            for a vehicle that was never learned from.
        fleet_count, fleet_mean, fleet_scatter: the same moments of all vehicles together, in one row.
        vehicles: vehicles that were learned from and are not forgotten.
    """

    PER_VEHICLE: ClassVar = ("count", "mean", "scatter", "centre", "deviation")
    SHARED: ClassVar = ("fleet_count", "fleet_mean", "fleet_scatter", "vehicles")

    def __init__(self, signals: int, *, prior: float, memory: float, clips: Sequence[float]) -> None:
        self.prior, self.memory = prior, memory
        self.clips = np.array(clips, np.float64)
        columns = len(clips) * signals
        self.count = np.zeros((0, signals))
        self.mean = np.zeros((0, columns))
        self.scatter = np.zeros((0, columns))
        self.centre = np.full((0, columns), np.nan)
        self.deviation = np.zeros((0, columns))
        self.fleet_count = np.zeros((1, signals))
        self.fleet_mean = np.zeros((1, columns))
        self.fleet_scatter = np.zeros((1, columns))
        self.vehicles = 0

    def fill_value(self, name: str) -> float:
        return np.nan if name == "centre" else 0

    def forget(self, slots: Slots) -> None:
        """Clear the state of these slots; the fleet's moments stay."""
        self.vehicles -= int((~np.isnan(self.centre[slots]).all(axis=1)).sum())
        super().forget(slots)

    def moments(self, slots: Slots) -> tuple[Floats, Floats]:
        """Mean and standard deviation in force for the vehicles of n rows.

        A vehicle has those of the fleet until it is learned from; from then on its own, which are computed
        whenever it is learned from.

        Args:
            slots: vehicle of each row, shape (n,).

        Returns:
            Mean and standard deviation in the signals' units, each of shape (C, n, S). The deviation
            is 0 where a signal has not moved yet.
        """
        centre, deviation = self.centre, self.deviation
        return _moments(slots, len(self.clips), centre, deviation, self.fleet_mean[0], self._fleet_variance())

    def rows(self, slots: Slots) -> Floats:
        """Rows learned from each vehicle: those of its best-known signal, shape (n,)."""
        return _most(slots, self.count)

    def learn(self, slots: Slots, values: Floats, weights: Floats) -> Floats:
        """Learn a block of rows.

        Args:
            slots: vehicle of each row, shape (n,).
            values: shape (n, S), finite; ignored where the weight is 0.
            weights: shape (n, S), ≥ 0.

        Returns:
            E, shape (n, S), as returned by `learn_rows`, of the first set of moments: EᵀE is what the block
            adds to the scatter within vehicles, including the entries off the diagonal.
        """
        values = _clipped(slots, values, self.count, self.centre, self.deviation, self.clips)
        everyone = np.zeros(len(slots), np.intp)
        learn_rows(everyone, values, weights, np.inf, self.fleet_count, self.fleet_mean, self.fleet_scatter)
        own = (self.count, self.mean, self.scatter)
        deviations = learn_rows(slots, values, weights, self.memory, *own)
        prior = np.where(self.fleet_count[0] > 0, self.prior, 0.0)
        fleet_variance = self._fleet_variance()
        posterior = (self.centre, self.deviation)
        changed = distinct(slots, len(self.count))
        self.vehicles += _shrink(changed, *own, prior, self.fleet_mean[0], fleet_variance, *posterior)
        return deviations[:, : weights.shape[1]]

    def _fleet_variance(self) -> Floats:
        counts = np.maximum(self.fleet_count[0], 1.0)
        variance: Floats = (self.fleet_scatter.reshape(-1, len(counts)) / counts).ravel()
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
    slots: Slots, sets: int, centre: Floats, deviation: Floats, fleet_mean: Floats, fleet_variance: Floats
) -> tuple[Floats, Floats]:
    signals = centre.shape[1] // sets
    means = np.empty((sets, len(slots), signals))
    deviations = np.empty_like(means)
    for number in range(sets):
        for row in range(len(slots)):
            for signal in range(signals):
                column = number * signals + signal
                middle, scale = centre[slots[row], column], deviation[slots[row], column]
                if np.isnan(middle):
                    middle, scale = fleet_mean[column], np.sqrt(fleet_variance[column])
                    scale = 0.0 if scale <= STILL * abs(middle) else scale
                means[number, row, signal], deviations[number, row, signal] = middle, scale
    return means, deviations


@compiled
def _clipped(
    slots: Slots, values: Floats, count: Floats, centre: Floats, deviation: Floats, clips: Floats
) -> Floats:
    rows, signals = values.shape
    clipped = np.empty((rows, len(clips) * signals))
    for row in range(rows):
        slot = slots[row]
        for number in range(len(clips)):
            for signal in range(signals):
                column, value = number * signals + signal, values[row, signal]
                if count[slot, signal] >= TRUSTED_AFTER and deviation[slot, column] > 0.0:
                    reach = clips[number] * deviation[slot, column]
                    value = min(max(value, centre[slot, column] - reach), centre[slot, column] + reach)
                clipped[row, column] = value
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
    centre: Floats,
    deviation: Floats,
) -> int:
    """Compute the posterior of the vehicles from their own moments, with the fleet's as the prior.

    Args:
        slots: vehicles, each once.
        count, mean, scatter: their own moments, as in `Scaler`.
        prior: rows that the fleet's moments count for, shape (S,); 0 for a signal never seen.
        fleet_mean, fleet_variance: shape (C · S,).
        centre, deviation: posterior as in `Scaler`; updated.

    Returns:
        How many vehicles had no posterior before.
    """
    new, signals = 0, len(prior)
    for slot in slots:
        is_new = True
        for signal in range(signals):
            total = max(count[slot, signal] + prior[signal], 1e-300)
            share = count[slot, signal] / total
            for column in range(signal, mean.shape[1], signals):
                is_new = is_new and np.isnan(centre[slot, column])
                offset = mean[slot, column] - fleet_mean[column]
                middle = fleet_mean[column] + offset * share
                variance = (scatter[slot, column] + prior[signal] * fleet_variance[column]) / total
                scale = np.sqrt(variance + offset * offset * share * (1.0 - share))
                centre[slot, column] = middle
                deviation[slot, column] = 0.0 if scale <= STILL * abs(middle) else scale
        new += is_new
    return new


@compiled
def standard_scores(values: Floats, mean: Floats, deviation: Floats, observed: Mask, limit: float) -> Floats:
    """Standard scores ``(values - mean) / deviation`` within ±`limit`.

    Args:
        values: shape (n, S); ignored where not observed.
        mean, deviation: shape (n, S), or (1, S) if they are the same for all rows.
        observed: shape (n, S).
        limit: > 0.

    Returns:
        Shape (n, S); 0 where not observed. Where the deviation is 0 the signal has never moved: the score is
        0 if it still has not, else ±`SURPRISE`.
    """
    scores = np.zeros(values.shape)
    for row in range(values.shape[0]):
        of = row if len(mean) > 1 else 0
        for signal in range(values.shape[1]):
            if not observed[row, signal]:
                continue
            distance, scale = values[row, signal] - mean[of, signal], deviation[of, signal]
            if scale > 0.0:
                score = distance / scale
            elif abs(distance) > STILL * abs(mean[of, signal]):
                score = np.copysign(SURPRISE, distance)
            else:
                score = 0.0
            scores[row, signal] = min(max(score, -limit), limit)
    return scores
