"""A percentile of the recent errors, per vehicle, from a decayed log-bucket histogram."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.detector.compiled import compiled
from dataflows.detector.rowwise import Floats, Integers, Slots
from dataflows.detector.state import ArrayState

BUCKETS = 64
SMALLEST, LARGEST = 2.0**-3, 2.0**9
"""Range of the histogram: an error is about 1 on the mean, whatever the signals are."""

EDGES: Floats = np.geomspace(SMALLEST, LARGEST, BUCKETS)
"""Upper edges of the buckets; the first one holds everything below `SMALLEST`."""

LOWER: Floats = np.concatenate(([0.0], EDGES[:-1]))
CENTRES: Floats = (LOWER + EDGES) / 2.0

CLIMB = 2.0
"""An error counts as at most so many times the threshold that it was judged by.

A percentile needs to know how many errors lie above it, not how far. Without this, among a few
hundred events one fault would lift the threshold to its own height and hide the next one; with it
the threshold climbs only while more than its share of events keep lying above it.
"""

TAIL_ROWS = 20.0
"""Rows above a quantile below which the quantile is not counted but extrapolated from these rows."""


YOUTH = 3.0
LEAST_MEMORY = 100.0
"""Rows that the memory reaches back over at least, however young."""


def restrained(errors: Floats, thresholds: Floats) -> Floats:
    """Errors as they are to be counted; both of shape (n,), thresholds NaN where there was none."""
    return np.fmin(errors, CLIMB * thresholds)


@compiled
def quantile(counts: Floats, level: float) -> float:
    """Quantile of a histogram.

    Where fewer than `TAIL_ROWS` rows lie above it, it is extrapolated by a generalised Pareto
    distribution fitted to the excesses of the highest `TAIL_ROWS` rows by their mean and variance (Pickands,
    1975; Hosking & Wallis, 1987; for thresholds on streams Siffer et al., KDD 2017).

    Args:
        counts: rows per bucket, shape (`BUCKETS`,), ≥ 0.
        level: 0–1.

    Returns:
        0 for an empty histogram.
    """
    rows: float = counts.sum()
    if rows <= 0.0:
        return 0.0
    counted = min(level, max(1.0 - TAIL_ROWS / rows, 0.5))
    target, below, bucket = counted * rows, 0.0, 0
    for bucket in range(len(counts)):
        if below + counts[bucket] >= target and counts[bucket] > 0.0:
            break
        below += counts[bucket]
    share = min(max((target - below) / counts[bucket], 0.0), 1.0) if counts[bucket] > 0.0 else 1.0
    base: float = LOWER[bucket] + share * (EDGES[bucket] - LOWER[bucket])
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

    A vehicle's threshold is computed when its errors are counted, and stays in force until the next time.

    Args:
        prior: rows the fleet's histogram counts for in a vehicle's; > 0.
        memory: rows after which a count has decayed to 1/e.
    """

    PER_VEHICLE: ClassVar = ("counts", "seen", "bound")
    SHARED: ClassVar = ("fleet_counts", "fleet_seen", "fleet_bound", "vehicles")

    def __init__(self, *, prior: float, memory: float) -> None:
        self.prior, self.memory = prior, memory
        self.counts = np.zeros((0, BUCKETS), np.float32)
        self.seen = np.zeros(0)
        self.bound = np.full(0, np.nan)
        self.fleet_counts = np.zeros(BUCKETS)
        self.fleet_seen = np.zeros(1)
        self.fleet_bound = 0.0
        self.vehicles = 0

    def fill_value(self, name: str) -> float:
        return np.nan if name == "bound" else 0

    @property
    def rows_seen(self) -> float:
        """Errors counted so far, whether or not they have faded."""
        return float(self.fleet_seen[0])

    def of(self, slots: Slots) -> Floats:
        """Threshold in force for the vehicles of n rows; shape (n,); 0 before anything is counted."""
        bound = self.bound[slots]
        return np.where(np.isnan(bound), self.fleet_bound, bound)

    def learn(self, slots: Slots, errors: Floats, weights: Floats, level: float) -> None:
        """Count a block of errors.

        Args:
            slots, errors, weights: vehicle, error ≥ 0 and weight ≥ 0 of each row, shape (n,).
            level: the quantile that the thresholds are set to, 0–1.
        """
        buckets = np.minimum(np.searchsorted(EDGES, errors), BUCKETS - 1)
        own, fleet = (self.counts, self.seen, self.bound), (self.fleet_counts, self.fleet_seen)
        self.vehicles = _count(slots, buckets, weights, self.memory, self.vehicles, *own, *fleet)
        self.fleet_bound = quantile(self.fleet_counts, level)
        prior = self.fleet_counts * (self.prior / max(float(self.fleet_counts.sum()), 1e-300))
        _judge(slots, prior, level, self.counts, self.bound)


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
    weights: Floats,
    memory: float,
    vehicles: int,
    counts: NDArray[np.float32],
    seen: Floats,
    bound: Floats,
    fleet_counts: Floats,
    fleet_seen: Floats,
) -> int:
    """Count n rows, in place; returns how many vehicles have been counted."""
    for row in range(len(slots)):
        slot = slots[row]
        if np.isnan(bound[slot]):
            bound[slot] = 0.0
            vehicles += 1
        seen[slot] += 1.0
        fleet_seen[0] += 1.0
        kept = _kept(seen[slot], memory)
        # The fleet forgets as slowly as one of its vehicles does, however many there are.
        fleet_kept = _kept(fleet_seen[0], memory * vehicles)
        for bucket in range(len(fleet_counts)):
            counts[slot, bucket] *= kept
            fleet_counts[bucket] *= fleet_kept
        counts[slot, buckets[row]] += weights[row]
        fleet_counts[buckets[row]] += weights[row]
    return vehicles


@compiled
def _judge(slots: Slots, fleet: Floats, level: float, counts: NDArray[np.float32], bound: Floats) -> None:
    for slot in slots:
        bound[slot] = quantile(fleet + counts[slot], level)
