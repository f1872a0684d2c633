"""A percentile of the recent errors, per vehicle, from a decaying histogram with logarithmic buckets."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.histogram import BUCKETS, EDGES, UNROLLED, buckets_of, quantile, set_bounds, tail_of
from dataflows.detector.rowwise import distinct
from dataflows.detector.state import ArrayState

CLIMB = 1.15
"""Times the threshold that a flagged error was judged by: a larger one counts as this until it is accepted.

A percentile needs to know how many errors lie above it, not how far. So the threshold climbs by small steps,
and only while more than its share of events keep lying above it.
"""

ASSUMED_ROWS, ASSUMED_MEAN = 400.0, 1.3
"""Rows of an exponential distribution, and its mean, that are assumed before anything is counted."""

LEAST_MEMORY = 100.0
"""Rows that the memory spans at least, however young the model is."""


@compiled
def kept_share(seen: float, memory: float) -> float:
    """Factor, 0–1, by which older rows fade when one more row is counted.

    While the model is young its errors still change, and the first ones must not decide for long what is
    usual: after n rows the memory spans n of them at most, but no fewer than `LEAST_MEMORY`.

    Args:
        seen: rows so far, including the new one.
        memory: rows after which a count has decayed to 1/e.
    """
    kept: float = np.exp(-1.0 / min(max(seen, LEAST_MEMORY), memory))
    return kept


class PercentileThreshold(ArrayState):
    """The percentile that normal errors stay below, per vehicle, with the fleet's as a fallback.

    Errors are counted in buckets whose width grows geometrically, so that a quantile has a bounded relative
    error of (γ - 1) / (γ + 1) with γ = 2^(12/63), under 7 %, before interpolation within the bucket (Masson,
    Rim & Lee, "DDSketch", VLDB 2019). Counts decay with every row learned. In every vehicle's histogram, that
    of the fleet counts as `prior` rows.

    Rows may count less than fully, so that faults do not lift the threshold.

    A vehicle's threshold is computed when its errors are counted, and is in force until the next time.

    Args:
        prior: rows that the fleet's histogram counts for in a vehicle's; > 0.
        memory: rows after which a count has decayed to 1/e.

    Attributes:
        counts: rows of each vehicle per bucket, shape (V, `BUCKETS`).
        seen: rows counted of each vehicle, whether or not they have faded, shape (V,).
        bound: threshold in force, shape (V,); NaN before anything is counted.
        fleet_counts: rows of all vehicles per bucket, shape (`BUCKETS`,).
        fleet_seen: rows counted of all vehicles, shape (1,).
        fleet_bound: threshold of a vehicle of which nothing was counted.
        vehicles: vehicles of which something was counted and that are not forgotten.
    """

    PER_VEHICLE: ClassVar = ("counts", "seen", "bound")
    SHARED: ClassVar = ("fleet_counts", "fleet_seen", "fleet_bound", "vehicles")

    def __init__(self, *, prior: float, memory: float) -> None:
        self.prior, self.memory = prior, memory
        self.counts = np.zeros((0, BUCKETS), np.float32)
        self.seen = np.zeros(0)
        self.bound = np.full(0, np.nan)
        above = np.exp(-EDGES / ASSUMED_MEAN)
        above[-1] = 0.0
        self.fleet_counts = ASSUMED_ROWS * -np.diff(above, prepend=1.0)
        self.fleet_seen = np.zeros(1)
        self.fleet_bound = 0.0
        self.vehicles = 0

    def fill_value(self, name: str) -> float:
        return np.nan if name == "bound" else 0

    def forget(self, slots: Slots) -> None:
        """Clear the state of these slots; the fleet's histogram is kept."""
        self.vehicles -= int((~np.isnan(self.bound[slots])).sum())
        super().forget(slots)

    @property
    def rows_seen(self) -> float:
        """Errors counted so far, whether or not they have faded."""
        return float(self.fleet_seen[0])

    def of(self, slots: Slots) -> Floats:
        """Threshold in force for the vehicles of n rows, shape (n,); 0 before anything is counted."""
        return _of(slots, self.bound, self.fleet_bound)

    def limited(self, slots: Slots, errors: Floats) -> Floats:
        """Errors ≥ 0 of n rows, at most `CLIMB` times the threshold by which they are judged; shape (n,)."""
        return np.minimum(errors, CLIMB * self.of(slots))

    def learn(self, slots: Slots, errors: Floats, weights: Floats, level: float) -> None:
        """Count a block of errors.

        Args:
            slots, errors, weights: vehicle, error ≥ 0 and weight ≥ 0 of each row, shape (n,).
            level: quantile level of the thresholds, 0–1.
        """
        own, fleet = (self.counts, self.seen, self.bound), (self.fleet_counts, self.fleet_seen)
        self.vehicles = _count(slots, buckets_of(errors), weights, self.memory, self.vehicles, *own, *fleet)
        rows = float(self.fleet_counts.sum())
        # One vehicle alone has rarely seen enough to tell how its tail is; the fleet has.
        tail = tail_of(self.fleet_counts, rows, level)
        self.fleet_bound = quantile(self.fleet_counts, rows, level, tail)
        prior = self.fleet_counts * (self.prior / max(rows, 1e-300))
        judged = distinct(slots, len(self.bound))
        # Most of the highest buckets are empty and need not be read, except for one above the highest that is
        # not: the interpolation reads it.
        counted_at_all = self.fleet_counts + self.counts[judged].max(axis=0, initial=0.0)
        buckets_used = int(np.flatnonzero(counted_at_all).max(initial=0)) + 2
        used = min(buckets_used + -buckets_used % UNROLLED, BUCKETS)
        set_bounds(judged, prior[:used], level, tail, self.counts, self.bound)


@compiled
def _of(slots: Slots, bound: Floats, fleet_bound: float) -> Floats:
    thresholds = np.empty(len(slots))
    for row in range(len(slots)):
        own = bound[slots[row]]
        thresholds[row] = fleet_bound if np.isnan(own) else own
    return thresholds


@compiled
def _count(
    slots: Slots,
    buckets: Integers,
    weights: Floats,
    memory: float,
    vehicles: int,
    counts: NDArray[np.float32],
    seen: Floats,
    bound: Floats,
    fleet_counts: Floats,
    fleet_seen: Floats,
) -> int:
    """Count n rows, in place.

    Args:
        slots: vehicle of each row, shape (n,).
        buckets: bucket of each row's error, shape (n,).
        weights: how much it counts there, ≥ 0, shape (n,).
        memory: rows.
        vehicles: `vehicles` of `PercentileThreshold`.
        counts, seen, bound, fleet_counts, fleet_seen: its state; updated.

    Returns:
        `vehicles` afterwards.
    """
    fleet_kept = np.empty(len(slots))
    for row in range(len(slots)):
        slot = slots[row]
        if np.isnan(bound[slot]):
            bound[slot] = 0.0
            vehicles += 1
        seen[slot] += 1.0
        fleet_seen[0] += 1.0
        kept = kept_share(seen[slot], memory)
        # The fleet forgets as slowly as one of its vehicles does, however many there are.
        fleet_kept[row] = kept_share(fleet_seen[0], memory * vehicles)
        for bucket in range(len(fleet_counts)):
            counts[slot, bucket] *= kept
        counts[slot, buckets[row]] += weights[row]
    # Backwards, so that the fleet's counts fade once a block, not once a row.
    added = np.zeros_like(fleet_counts)
    still_kept = 1.0
    for row in range(len(slots) - 1, -1, -1):
        added[buckets[row]] += still_kept * weights[row]
        still_kept *= fleet_kept[row]
    for bucket in range(len(fleet_counts)):
        fleet_counts[bucket] = still_kept * fleet_counts[bucket] + added[bucket]
    return vehicles
