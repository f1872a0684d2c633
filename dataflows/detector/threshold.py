"""A percentile of the recent errors, per vehicle, from a decayed log-bucket histogram."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.detector.rowwise import Floats, Slots
from dataflows.detector.state import ArrayState
from dataflows.detector.window import Runs

BUCKETS = 64
SMALLEST, LARGEST = 2.0**-3, 2.0**9
"""Range of the histogram: an error is about 1 on the mean, whatever the signals are."""

EDGES: Floats = np.geomspace(SMALLEST, LARGEST, BUCKETS)
"""Upper edges of the buckets; the first one holds everything below `SMALLEST`."""

LOWER: Floats = np.concatenate(([0.0], EDGES[:-1]))
CENTRES: Floats = (LOWER + EDGES) / 2.0
MOMENTS: Floats = np.stack((np.ones(BUCKETS), CENTRES, CENTRES * CENTRES), axis=1)

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


def quantile(counts: Floats, level: float) -> Floats:
    """Quantile of histograms.

    Where fewer than `TAIL_ROWS` rows lie above it, it is extrapolated by a generalised Pareto
    distribution fitted to the excesses of the highest `TAIL_ROWS` rows by their mean and variance (Pickands,
    1975; Hosking & Wallis, 1987; for thresholds on streams Siffer et al., KDD 2017).

    Args:
        counts: rows per bucket, shape (g, `BUCKETS`), ≥ 0.
        level: 0–1.

    Returns:
        Shape (g,); 0 for an empty histogram.
    """
    below = np.cumsum(counts, axis=1)
    rows = below[:, -1]
    counted = np.minimum(level, np.maximum(1.0 - TAIL_ROWS / np.maximum(rows, 1e-300), 0.5))
    base = _counted_quantile(counts, below, counted)
    if not (counted < level).any():
        return base
    tail = np.where(base[:, None] < CENTRES, counts, 0.0)
    weight, total, square = (tail @ MOMENTS).T
    weight = np.maximum(weight, 1e-300)
    centre = total / weight
    mean = np.maximum(centre - base, 1e-300)
    variance = np.maximum(square / weight - centre * centre, 1e-300)
    shape = np.clip(0.5 * (1.0 - mean * mean / variance), -0.4, 0.4)
    scale = mean * (1.0 - shape)
    further = np.log((1.0 - counted) / (1.0 - level))
    stretch = np.where(
        np.abs(shape) > 1e-6, np.expm1(shape * further) / np.where(shape == 0, 1.0, shape), further
    )
    beyond: Floats = base + scale * stretch
    return beyond


def _counted_quantile(counts: Floats, below: Floats, level: Floats) -> Floats:
    target = level * below[:, -1]
    bucket = np.argmax(below >= target[:, None], axis=1)
    every = np.arange(len(counts))
    inside = counts[every, bucket]
    share = 1.0 - (below[every, bucket] - target) / np.where(inside > 0, inside, 1.0)
    quantiles: Floats = LOWER[bucket] + np.clip(share, 0.0, 1.0) * (EDGES[bucket] - LOWER[bucket])
    return quantiles


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
        self.fleet_seen = 0.0
        self.fleet_bound = 0.0
        self.vehicles = 0

    def fill_value(self, name: str) -> float:
        return np.nan if name == "bound" else 0

    @property
    def rows(self) -> float:
        """Weight of the errors counted in the fleet's histogram."""
        return float(self.fleet_counts.sum())

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
        runs = Runs.of(slots)
        vehicles, rows = slots[runs.order[runs.starts]], runs.sizes
        row = np.empty(len(slots), np.intp)
        row[runs.order] = np.repeat(np.arange(len(vehicles)), rows)
        bucket = np.minimum(np.searchsorted(EDGES, errors), BUCKETS - 1)
        added = np.bincount(row * BUCKETS + bucket, weights, minlength=len(vehicles) * BUCKETS)
        added = added.reshape(len(vehicles), BUCKETS)
        self.seen[vehicles] += rows
        counts = self.counts[vehicles] * self._kept(rows, self.seen[vehicles], self.memory)[:, None] + added
        self.counts[vehicles] = counts
        self.vehicles += int(np.isnan(self.bound[vehicles]).sum())
        # The fleet forgets as slowly as one of its vehicles does, however many there are.
        self.fleet_seen += len(slots)
        kept = self._kept(len(slots), self.fleet_seen, self.memory * self.vehicles)
        self.fleet_counts = self.fleet_counts * kept + added.sum(axis=0)
        fleet_share = self.prior / max(self.rows, 1e-300)
        self.fleet_bound = float(quantile(self.fleet_counts[None, :], level)[0])
        self.bound[vehicles] = quantile(counts + self.fleet_counts * fleet_share, level)

    @staticmethod
    def _kept(rows: NDArray[np.intp] | int, seen: Floats | float, memory: float) -> Floats:
        """Share of the counts that is kept when `rows` more are counted.

        While the model is young its errors still change: the first ones must not decide for long what
        is usual, so that of n rows seen the memory reaches back over n / `YOUTH` at most.
        """
        kept: Floats = np.exp(-rows / np.minimum(np.maximum(seen / YOUTH, LEAST_MEMORY), memory))
        return kept
