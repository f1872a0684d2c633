"""A percentile of the recent errors, per vehicle, from a decayed log-bucket histogram."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats, Slots
from dataflows.detector.state import ArrayState

BUCKETS = 128
SMALLEST, LARGEST = 2.0**-6, 2.0**12
"""Range of the histogram: an error is about 1 on the mean, whatever the signals are."""

EDGES: Floats = np.geomspace(SMALLEST, LARGEST, BUCKETS)
"""Upper edges of the buckets; the first one holds everything below `SMALLEST`."""


CLIMB = 2.0
"""An error counts as at most so many times the threshold that it was judged by.

A percentile needs to know how many errors lie above it, not how far. Without this, among a few
hundred events one fault would lift the threshold to its own height and hide the next one; with it
the threshold climbs only while more than its share of events keep lying above it.
"""


def restrained(errors: Floats, thresholds: Floats) -> Floats:
    """Errors as they are to be counted; both of shape (n,), thresholds NaN where there was none."""
    return np.fmin(errors, CLIMB * thresholds)


class PercentileThreshold(ArrayState):
    """The percentile that normal errors stay below, per vehicle, with the fleet as a fallback.

    Errors are counted in buckets of geometrically growing width, so that a quantile has a bounded
    relative error of (γ - 1) / (γ + 1) with γ = 2^(18/127), under 5 %, before interpolation within
    the bucket (Masson, Rim & Lee, "DDSketch", VLDB 2019). Counts decay with every row learned. The
    fleet's histogram counts as `prior` rows in every vehicle's.

    Args:
        percentile: 0 < percentile < 100.
        prior: rows the fleet's histogram counts for in a vehicle's; > 0.
        memory: rows after which a count has decayed to 1/e.
    """

    PER_VEHICLE: ClassVar = ("counts", "counted")
    SHARED: ClassVar = ("fleet_counts", "vehicles")

    def __init__(self, *, percentile: float, prior: float, memory: float) -> None:
        self.level, self.prior, self.memory = percentile / 100.0, prior, memory
        self.counts = np.zeros((0, BUCKETS), np.float32)
        self.counted = np.zeros(0, np.bool_)
        self.fleet_counts = np.zeros(BUCKETS)
        self.vehicles = 0

    @property
    def rows(self) -> float:
        """Weight of the errors counted in the fleet's histogram."""
        return float(self.fleet_counts.sum())

    def of(self, slots: Slots) -> Floats:
        """Threshold in force for the vehicles of n rows; shape (n,); 0 before anything is counted."""
        fleet_rows = self.rows
        if fleet_rows == 0.0:
            return np.zeros(len(slots))
        vehicles, row = np.unique(slots, return_inverse=True)
        counts = self.counts[vehicles] + self.fleet_counts * (self.prior / fleet_rows)
        below = np.cumsum(counts, axis=1)
        target = self.level * below[:, -1]
        bucket = np.argmax(below >= target[:, None], axis=1)
        every = np.arange(len(vehicles))
        inside = counts[every, bucket]
        share = 1.0 - (below[every, bucket] - target) / np.where(inside > 0, inside, 1.0)
        lower = np.where(bucket > 0, EDGES[bucket - 1], 0.0)
        thresholds: Floats = lower + np.clip(share, 0.0, 1.0) * (EDGES[bucket] - lower)
        return thresholds[row]

    def learn(self, slots: Slots, errors: Floats, weights: Floats) -> None:
        """Count a block of errors.

        Args:
            slots, errors, weights: vehicle, error ≥ 0 and weight ≥ 0 of each row, shape (n,).
        """
        vehicles, row = np.unique(slots, return_inverse=True)
        rows = np.bincount(row)
        bucket = np.minimum(np.searchsorted(EDGES, errors), BUCKETS - 1)
        added = np.zeros((len(vehicles), BUCKETS))
        np.add.at(added, (row, bucket), weights)
        decay = np.exp(-rows / self.memory)
        self.counts[vehicles] = self.counts[vehicles] * decay[:, None] + added
        self.vehicles += int((~self.counted[vehicles]).sum())
        self.counted[vehicles] = True
        # The fleet forgets as slowly as one of its vehicles does, however many there are.
        fleet_decay = np.exp(-len(slots) / (self.memory * self.vehicles))
        self.fleet_counts = self.fleet_counts * fleet_decay + added.sum(axis=0)
