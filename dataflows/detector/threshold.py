"""A percentile of the recent errors, per vehicle, from a decayed log-bucket histogram."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.rowwise import distinct
from dataflows.detector.state import ArrayState

BUCKETS = 64
SMALLEST, LARGEST = 2.0**-3, 2.0**9
"""Range of the histogram: an error is about 1 on the mean, whatever the signals are."""

EDGES: Floats = np.geomspace(SMALLEST, LARGEST, BUCKETS)
"""Upper edges of the buckets; the first one holds everything below `SMALLEST`."""

AT_ONCE = 4
"""Buckets that are added up at a time; `BUCKETS` is a multiple."""

LOWER: Floats = np.concatenate(([0.0], EDGES[:-1]))
CENTRES: Floats = (LOWER + EDGES) / 2.0

CLIMB = 2.0
"""An error counts as at most so many times the threshold that it was judged by.

A percentile needs to know how many errors lie above it, not how far. Without this, among a few
hundred events one fault would lift the threshold to its own height and hide the next one; with it
the threshold climbs only while more than its share of events keep lying above it.
"""

SETTLED_CLIMB = 1.3
"""The same for a settled threshold: what is far above it is a fault more often than new."""

SETTLED_AFTER = 4000
"""Events counted in a shard after which its thresholds are settled.

Before that most of what is flagged is not wrong but new, such as the first motorway of a lone vehicle: it is
learned more readily.
"""

STEEPEST = 3.0
"""Logarithm of the ratio of a bucket's rows to the next one's, at most: with few rows it is chance."""

TAIL_ROWS = 20.0
"""Rows above a quantile below which the quantile is not counted but extrapolated from these rows."""

FAULTS_AT_LEAST, FAULTS_AT_MOST = 0.02, 0.1
"""Share of all errors that single faults may be; fewer cannot be told from rare normal events, and more from
a second kind of normal ones."""

TOGETHER = 1.0 / 3.0
"""Share of the faults that may follow another one directly; of what lasts nearly all do."""

BY_CHANCE = 1.0
"""Faults that may do so besides: one pair among a handful says nothing."""

HILL = 8
"""Buckets above a valley that are compared with it, at most; a factor of 2.9."""

DIP = 1.0
"""Standard deviations that the errors above a valley must be too many by, were there none.

That is little evidence, and costs little: where it errs on errors with one peak, their own tail is the bound.
"""

YOUTH = 3.0
LEAST_MEMORY = 100.0
"""Rows that the memory reaches back over at least, however young."""


def restrained(errors: Floats, thresholds: Floats) -> Floats:
    """Errors as they are to be counted; both of shape (n,), thresholds NaN where there was none."""
    return np.fmin(errors, CLIMB * thresholds)


@compiled
def first_faulty(counts: Floats, pairs: Floats, level: float) -> int:
    """First of the buckets that hold single faults, not the tail of normal errors.

    Normal errors, of however heavy a tail, are the rarer the larger they are. Errors beyond a valley of
    their density are something else; it is faults if they are few and come one by one.

    Args:
        counts: rows per bucket of their error, shape (`BUCKETS`,), ≥ 0.
        pairs: the same by the smaller of a row's error and the one before of its vehicle.
        level: the quantile that is wanted, 0–1: faults rarer than 1 - `level` do not reach it.

    Returns:
        `BUCKETS` if there is no such valley.
    """
    rows: float = counts.sum()
    least, most = max(1.0 - level, FAULTS_AT_LEAST) * rows, FAULTS_AT_MOST * rows
    above, together, clearest, first = 0.0, 0.0, DIP, len(counts)
    for bucket in range(len(counts) - 1, 0, -1):
        if above > most:
            break
        if above > least and together <= TOGETHER * above + BY_CHANCE:
            hill, valley = 0.0, counts[bucket]
            for width in range(1, min(HILL, len(counts) - 1 - bucket) + 1):
                hill += counts[bucket + width]
                dip = (hill - width * valley) / np.sqrt(hill + width * width * valley + 1e-9)
                if dip > clearest:
                    clearest, first = dip, bucket + 1
        above += counts[bucket]
        together += pairs[bucket]
    return first


@compiled
def _located(counts: Floats, higher: float) -> tuple[int, float]:
    """Bucket and error that `higher` rows lie above; at least one row is counted."""
    # From above: the quantiles that are wanted are high, and there is little to add up.
    above, bucket = 0.0, len(counts) - 1
    while bucket > 0 and above + counts[bucket] <= higher:
        above += counts[bucket]
        bucket -= 1
    share = min(max(1.0 - (higher - above) / counts[bucket], 0.0), 1.0) if counts[bucket] > 0.0 else 1.0
    if 0 < bucket < len(counts) - 1:
        # In the tail a bucket holds several times the rows of the next: most of its own are near its
        # lower edge. As if they were spread evenly, a third of the alarms that are promised would not come.
        slope = 0.5 * np.log((counts[bucket - 1] + 1.0) / (counts[bucket + 1] + 1.0))
        slope = min(max(slope, -STEEPEST), STEEPEST)
        if abs(slope) > 1e-3:
            share = -np.log1p(share * np.expm1(-slope)) / slope
    return bucket, LOWER[bucket] + share * (EDGES[bucket] - LOWER[bucket])


@compiled
def quantile(counts: Floats, rows: float, level: float, faulty: float = -1.0) -> float:
    """Quantile of the normal errors in a histogram.

    Where fewer than `TAIL_ROWS` rows lie above it, it is extrapolated by a generalised Pareto
    distribution fitted to the excesses of the highest `TAIL_ROWS` rows by their mean and variance (Pickands,
    1975; Hosking & Wallis, 1987; for thresholds on streams Siffer et al., KDD 2017). Where the highest errors
    are faults, they tell nothing about normal ones: it is bounded by the exponential tail through the
    median and the 90th percentile of the others.

    Args:
        counts: rows per bucket, shape (`BUCKETS`,), ≥ 0.
        rows: their sum.
        level: 0–1.
        faulty: share of the rows that are faults; < 0 if no faults stand out, see `first_faulty`.

    Returns:
        0 for an empty histogram.
    """
    if rows <= 0.0:
        return 0.0
    bound = _of_all(counts, rows, level)
    if faulty >= 0.0:
        normal = (1.0 - faulty) * rows
        _, median = _located(counts, rows - 0.5 * normal)
        _, high = _located(counts, rows - 0.9 * normal)
        bound = min(bound, median + (high - median) * np.log(0.5 / (1.0 - level)) / np.log(5.0))
    return bound


@compiled
def _of_all(counts: Floats, rows: float, level: float) -> float:
    counted = min(level, max(1.0 - TAIL_ROWS / rows, 0.5))
    bucket, base = _located(counts, (1.0 - counted) * rows)
    if counted >= level:
        return base
    weight, total, square = 0.0, 0.0, 0.0
    for higher in range(bucket, len(counts)):
        excess = CENTRES[higher] - base
        if excess > 0.0:
            weight += counts[higher]
            total += counts[higher] * excess
            square += counts[higher] * excess * excess
    if total <= 0.0:
        return base
    mean = total / weight
    variance = max(square / weight - mean * mean, 1e-300)
    shape = min(max(0.5 * (1.0 - mean * mean / variance), -0.4), 0.4)
    further: float = np.log((1.0 - counted) / (1.0 - level))
    stretch: float = further if abs(shape) < 1e-6 else np.expm1(shape * further) / shape
    return base + mean * (1.0 - shape) * stretch


class PercentileThreshold(ArrayState):
    """The percentile that normal errors stay below, per vehicle, with the fleet as a fallback.

    Errors are counted in buckets of geometrically growing width, so that a quantile has a bounded
    relative error of (γ - 1) / (γ + 1) with γ = 2^(12/63), under 7 %, before interpolation within
    the bucket (Masson, Rim & Lee, "DDSketch", VLDB 2019). Counts decay with every row learned. The
    fleet's histogram counts as `prior` rows in every vehicle's.

    Rows may count less than fully, so that faults do not lift the threshold; whether there are single
    faults is seen in all rows of the fleet, each of which counts for that.

    A vehicle's threshold is computed when its errors are counted, and stays in force until the next time.

    Args:
        prior: rows the fleet's histogram counts for in a vehicle's; > 0.
        memory: rows after which a count has decayed to 1/e.
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
        """Clear the state of these slots; the fleet's histogram stays."""
        self.vehicles -= int((~np.isnan(self.bound[slots])).sum())
        super().forget(slots)

    @property
    def rows_seen(self) -> float:
        """Errors counted so far, whether or not they have faded."""
        return float(self.fleet_seen[0])

    @property
    def settled(self) -> bool:
        """Enough errors were counted to hold against faults; see `SETTLED_AFTER`."""
        return self.rows_seen >= SETTLED_AFTER

    def of(self, slots: Slots) -> Floats:
        """Threshold in force for the vehicles of n rows; shape (n,); 0 before anything is counted."""
        return _of(slots, self.bound, self.fleet_bound)

    def learn(self, slots: Slots, errors: Floats, weights: Floats, level: float) -> None:
        """Count a block of errors.

        Args:
            slots, errors, weights: vehicle, error ≥ 0 and weight ≥ 0 of each row, shape (n,).
            level: the quantile that the thresholds are set to, 0–1.
        """
        buckets = _buckets(errors)
        # What is in force now was in force for the whole block.
        counted = _buckets(np.fmin(errors, SETTLED_CLIMB * self.of(slots))) if self.settled else buckets
        own = (self.counts, self.seen, self.bound, self.last)
        fleet = (self.fleet_counts, self.fleet_shape, self.fleet_pairs, self.fleet_seen)
        self.vehicles = _count(slots, buckets, counted, weights, self.memory, self.vehicles, *own, *fleet)
        # A vehicle alone would not have seen enough faults to tell.
        first = first_faulty(self.fleet_shape, self.fleet_pairs, level)
        rows = float(self.fleet_counts.sum())
        faulty = float(self.fleet_counts[first:].sum()) / rows if first < BUCKETS else -1.0
        self.fleet_bound = quantile(self.fleet_counts, rows, level, faulty)
        prior = self.fleet_counts * (self.prior / max(rows, 1e-300))
        judged = distinct(slots, len(self.bound))
        # Most of the highest buckets are empty. One of those ends the highest that is not.
        counted_at_all = self.fleet_counts + self.counts[judged].max(axis=0, initial=0.0)
        buckets_used = int(np.flatnonzero(counted_at_all).max(initial=0)) + 2
        used = min(buckets_used + -buckets_used % AT_ONCE, BUCKETS)
        _judge(judged, prior[:used], level, faulty, self.counts, self.bound)


@compiled
def _of(slots: Slots, bound: Floats, fleet_bound: float) -> Floats:
    thresholds = np.empty(len(slots))
    for row in range(len(slots)):
        own = bound[slots[row]]
        thresholds[row] = fleet_bound if np.isnan(own) else own
    return thresholds


def _buckets(errors: Floats) -> Integers:
    return np.minimum(np.searchsorted(EDGES, errors), BUCKETS - 1)


@compiled
def _kept(seen: float, memory: float) -> float:
    """Share of the counts that is kept when one more row is counted.

    While the model is young its errors still change: the first ones must not decide for long what
    is usual, so that of n rows seen the memory reaches back over n / `YOUTH` at most.
    """
    kept: float = np.exp(-1.0 / min(max(seen / YOUTH, LEAST_MEMORY), memory))
    return kept


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
    """Count n rows, in place; returns how many vehicles have been counted."""
    fleet_kept, smaller = np.empty(len(slots)), np.empty_like(buckets)
    for row in range(len(slots)):
        slot = slots[row]
        if np.isnan(bound[slot]):
            bound[slot] = 0.0
            vehicles += 1
        seen[slot] += 1.0
        fleet_seen[0] += 1.0
        kept = _kept(seen[slot], memory)
        # The fleet forgets as slowly as one of its vehicles does, however many there are.
        fleet_kept[row] = _kept(fleet_seen[0], memory * vehicles)
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


@compiled
def _judge(
    slots: Slots, fleet: Floats, level: float, faulty: float, counts: NDArray[np.float32], bound: Floats
) -> None:
    """Set thresholds by the vehicles' own counts and those of the fleet, both of the lowest buckets only."""
    whole = np.empty_like(fleet)
    for slot in slots:
        # Four sums side by side: one would wait for each addition.
        first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
        for bucket in range(0, len(fleet), AT_ONCE):
            for step in range(AT_ONCE):
                whole[bucket + step] = fleet[bucket + step] + counts[slot, bucket + step]
            first += whole[bucket]
            second += whole[bucket + 1]
            third += whole[bucket + 2]
            fourth += whole[bucket + 3]
        rows = (first + second) + (third + fourth)
        bound[slot] = quantile(whole, rows, level, faulty)
