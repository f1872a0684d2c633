"""A percentile of the recent errors, per vehicle, from a decaying histogram with logarithmic buckets."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.histogram import BUCKETS, UNROLLED, buckets_of, first_faulty, quantile, set_bounds
from dataflows.detector.rowwise import distinct
from dataflows.detector.state import ArrayState

CLIMB = 2.0
"""Times the threshold that an error was judged by: a larger one counts as this.

A percentile needs to know how many errors lie above it, not how far. Without this limit, one fault among a
few hundred events would lift the threshold to its own height and hide the next one; with it the threshold
climbs only while more than its share of events keep lying above it.
"""

SETTLED_CLIMB = 1.3
"""The same for a settled threshold: what is far above it is more often a fault than new."""

SETTLED_AFTER = 4000
"""Events counted in a shard after which its thresholds are settled.

Before that, most of what is flagged is not wrong but new, such as the first motorway of a lone vehicle: it is
learned more readily.
"""

YOUTH = 3.0
"""Share of the rows seen so far that the memory of a young model spans: one in this many."""

LEAST_MEMORY = 100.0
"""Rows that the memory spans at least, however young the model is."""


def winsorised(errors: Floats, thresholds: Floats) -> Floats:
    """Errors limited to `CLIMB` times the threshold, as they are counted.

    Args:
        errors: ≥ 0, shape (n,).
        thresholds: by which they were judged, shape (n,); NaN where there was none.
    """
    return np.fmin(errors, CLIMB * thresholds)


@compiled
def kept_share(seen: float, memory: float) -> float:
    """Factor, 0–1, by which older rows fade when one more row is counted.

    While the model is young its errors still change, and the first ones must not decide for long what is
    usual: after n rows the memory spans n / `YOUTH` of them at most, but no fewer than `LEAST_MEMORY`.

    Args:
        seen: rows so far, including the new one.
        memory: rows after which a count has decayed to 1/e.
    """
    kept: float = np.exp(-1.0 / min(max(seen / YOUTH, LEAST_MEMORY), memory))
    return kept


class PercentileThreshold(ArrayState):
    """The percentile that normal errors stay below, per vehicle, with the fleet's as a fallback.

    Errors are counted in buckets whose width grows geometrically, so that a quantile has a bounded relative
    error of (γ - 1) / (γ + 1) with γ = 2^(12/63), under 7 %, before interpolation within the bucket (Masson,
    Rim & Lee, "DDSketch", VLDB 2019). Counts decay with every row learned. In every vehicle's histogram, that
    of the fleet counts as `prior` rows.

    Rows may count less than fully, so that faults do not lift the threshold. Whether there are single faults
    is judged from all rows of the fleet, each of which counts fully for that.

    A vehicle's threshold is computed when its errors are counted, and is in force until the next time.

    Args:
        prior: rows that the fleet's histogram counts for in a vehicle's; > 0.
        memory: rows after which a count has decayed to 1/e.

    Attributes:
        counts: rows of each vehicle per bucket, shape (V, `BUCKETS`).
        seen: rows counted of each vehicle, whether or not they have faded, shape (V,).
        bound: threshold in force, shape (V,); NaN before anything is counted.
        last: bucket of each vehicle's latest error, shape (V,).
        fleet_counts: rows of all vehicles per bucket, shape (`BUCKETS`,).
        fleet_shape, fleet_pairs: `counts` and `pairs` of `first_faulty`.
        fleet_seen: rows counted of all vehicles, shape (1,).
        fleet_bound: threshold of a vehicle of which nothing was counted.
        vehicles: vehicles of which something was counted and that are not forgotten.
    """

    PER_VEHICLE: ClassVar = ("counts", "seen", "bound", "last")
    SHARED: ClassVar = ("fleet_counts", "fleet_shape", "fleet_pairs", "fleet_seen", "fleet_bound", "vehicles")

    def __init__(self, *, prior: float, memory: float) -> None:
        self.prior, self.memory = prior, memory
        self.counts = np.zeros((0, BUCKETS), np.float32)
        self.seen = np.zeros(0)
        self.bound = np.full(0, np.nan)
        self.last = np.zeros(0, np.intp)
        self.fleet_counts = np.zeros(BUCKETS)
        self.fleet_shape = np.zeros(BUCKETS)
        self.fleet_pairs = np.zeros(BUCKETS)
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

    @property
    def settled(self) -> bool:
        """Whether enough errors were counted to treat outliers as faults; see `SETTLED_AFTER`."""
        return self.rows_seen >= SETTLED_AFTER

    def of(self, slots: Slots) -> Floats:
        """Threshold in force for the vehicles of n rows, shape (n,); 0 before anything is counted."""
        return _of(slots, self.bound, self.fleet_bound)

    def learn(self, slots: Slots, errors: Floats, weights: Floats, level: float) -> None:
        """Count a block of errors.

        Args:
            slots, errors, weights: vehicle, error ≥ 0 and weight ≥ 0 of each row, shape (n,).
            level: quantile level of the thresholds, 0–1.
        """
        buckets = buckets_of(errors)
        # The thresholds in force now were in force for the whole block.
        counted = buckets_of(np.fmin(errors, SETTLED_CLIMB * self.of(slots))) if self.settled else buckets
        own = (self.counts, self.seen, self.bound, self.last)
        fleet = (self.fleet_counts, self.fleet_shape, self.fleet_pairs, self.fleet_seen)
        self.vehicles = _count(slots, buckets, counted, weights, self.memory, self.vehicles, *own, *fleet)
        # Of the fleet: a vehicle alone would not have seen enough faults to tell.
        first = first_faulty(self.fleet_shape, self.fleet_pairs, level)
        rows = float(self.fleet_counts.sum())
        faulty = float(self.fleet_counts[first:].sum()) / rows if first < BUCKETS else -1.0
        self.fleet_bound = quantile(self.fleet_counts, rows, level, faulty)
        prior = self.fleet_counts * (self.prior / max(rows, 1e-300))
        judged = distinct(slots, len(self.bound))
        # Most of the highest buckets are empty and need not be read, except for one above the highest that is
        # not: the interpolation reads it.
        counted_at_all = self.fleet_counts + self.counts[judged].max(axis=0, initial=0.0)
        buckets_used = int(np.flatnonzero(counted_at_all).max(initial=0)) + 2
        used = min(buckets_used + -buckets_used % UNROLLED, BUCKETS)
        set_bounds(judged, prior[:used], level, faulty, self.counts, self.bound)


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
    counted: Integers,
    weights: Floats,
    memory: float,
    vehicles: int,
    counts: NDArray[np.float32],
    seen: Floats,
    bound: Floats,
    last: Slots,
    fleet_counts: Floats,
    fleet_shape: Floats,
    fleet_pairs: Floats,
    fleet_seen: Floats,
) -> int:
    """Count n rows, in place.

    Args:
        slots: vehicle of each row, shape (n,).
        buckets: bucket of each row's error, shape (n,).
        counted: bucket in which the row is counted for the thresholds, shape (n,).
        weights: how much it counts there, ≥ 0, shape (n,).
        memory: rows.
        vehicles: `vehicles` of `PercentileThreshold`.
        counts, seen, bound, last, fleet_counts, fleet_shape, fleet_pairs, fleet_seen: its state; updated.

    Returns:
        `vehicles` afterwards.
    """
    fleet_kept, smaller = np.empty(len(slots)), np.empty_like(buckets)
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
        counts[slot, counted[row]] += weights[row]
        smaller[row] = min(buckets[row], last[slot])
        last[slot] = buckets[row]
    # Backwards, so that the fleet's counts fade once a block, not once a row.
    added, added_shape = np.zeros_like(fleet_counts), np.zeros_like(fleet_counts)
    added_pairs = np.zeros_like(fleet_counts)
    still_kept = 1.0
    for row in range(len(slots) - 1, -1, -1):
        added[counted[row]] += still_kept * weights[row]
        added_shape[buckets[row]] += still_kept
        added_pairs[smaller[row]] += still_kept
        still_kept *= fleet_kept[row]
    for bucket in range(len(fleet_counts)):
        fleet_counts[bucket] = still_kept * fleet_counts[bucket] + added[bucket]
        fleet_shape[bucket] = still_kept * fleet_shape[bucket] + added_shape[bucket]
        fleet_pairs[bucket] = still_kept * fleet_pairs[bucket] + added_pairs[bucket]
    return vehicles
