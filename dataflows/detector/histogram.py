"""Quantiles of a histogram of errors: interpolated, and extrapolated into the tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled

BUCKETS = 64
SMALLEST, LARGEST = 2.0**-3, 2.0**9
"""Range of the histogram: an error is about 1 on average, whatever the signals are."""

EDGES: Floats = np.geomspace(SMALLEST, LARGEST, BUCKETS)
"""Upper edges of the buckets; the first one holds everything below `SMALLEST`."""

UNROLLED = 4
"""Buckets that `set_bounds` adds up side by side; divides `BUCKETS`."""

LOWER: Floats = np.concatenate(([0.0], EDGES[:-1]))

STEEPEST = 3.0
"""Limit for the log ratio of a bucket's rows to the next one's: with few rows, more is chance."""

TAIL_ROWS = 8.0
"""Rows: a quantile with fewer than this above it is extrapolated instead of counted."""

BODY = 0.9
"""Quantile level up to which rows are taken to be normal: faults are fewer than one in ten."""

TAIL_LEVEL = 0.995
"""Level at which the tail beyond `BODY` is measured if the one that is wanted is too high to be counted."""

ASSUMED_TAIL = 1.5
"""How far that level is taken to lie beyond `BODY` at most, and until the fleet has shown how far it does; it
is 1 if the exponential tail of the body goes on.

Surprises are nearly exponential where the present is like the past, and heavier-tailed where it is not.
"""


def buckets_of(errors: Floats) -> Integers:
    """The bucket of each error ≥ 0, shape (n,)."""
    return np.minimum(np.searchsorted(EDGES, errors), BUCKETS - 1)


@compiled
def _located(counts: Floats, higher: float) -> float:
    """The error that `higher` rows lie above.

    Args:
        counts: rows per bucket, not all 0.
        higher: rows, ≥ 0.

    Returns:
        The error, interpolated within its bucket.
    """
    # From above: the quantiles that are wanted are high, so there is little to add up.
    above, bucket = 0.0, len(counts) - 1
    while bucket > 0 and above + counts[bucket] <= higher:
        above += counts[bucket]
        bucket -= 1
    share = min(max(1.0 - (higher - above) / counts[bucket], 0.0), 1.0) if counts[bucket] > 0.0 else 1.0
    if 0 < bucket < len(counts) - 1:
        # In the tail a bucket holds several times as many rows as the next: most of its own are near its
        # lower edge. If they were assumed to be spread evenly, a third of the promised alarms would be
        # missing.
        slope = 0.5 * np.log((counts[bucket - 1] + 1.0) / (counts[bucket + 1] + 1.0))
        slope = min(max(slope, -STEEPEST), STEEPEST)
        if abs(slope) > 1e-3:
            share = -np.log1p(share * np.expm1(-slope)) / slope
    located: float = LOWER[bucket] + share * (EDGES[bucket] - LOWER[bucket])
    return located


@compiled
def quantile(counts: Floats, rows: float, level: float, tail: float) -> float:
    """Quantile of the errors in a histogram.

    If fewer than `TAIL_ROWS` rows lie above it, it is extrapolated from the median and the quantile `BODY`:
    the highest errors may be faults, and say nothing about normal ones. A quantile that is counted may
    therefore be above a rarer one that is extrapolated.

    Args:
        counts: rows per bucket, shape (`BUCKETS`,), ≥ 0.
        rows: their sum.
        level: quantile level, 0–1.
        tail: steepness of the extrapolation, 1 for an exponential tail; see `tail_of`.

    Returns:
        0 for an empty histogram.
    """
    if rows <= 0.0:
        return 0.0
    if (1.0 - level) * rows >= TAIL_ROWS or level <= BODY:
        return _located(counts, (1.0 - level) * rows)
    median, high = _located(counts, 0.5 * rows), _located(counts, (1.0 - BODY) * rows)
    extrapolated: float = high + tail * (high - median) * _reach(level)
    return extrapolated


@compiled
def _reach(level: float) -> float:
    """Distance of a level > `BODY` from it, in that of `BODY` from the median.

    Up to `TAIL_LEVEL` as in an exponential tail; from there with the root of the logarithm, as in a Gaussian.
    """
    known = np.log((1.0 - BODY) / (1.0 - TAIL_LEVEL))
    wanted = np.log((1.0 - BODY) / (1.0 - level))
    reach: float = min(wanted, np.sqrt(wanted * known)) / np.log(0.5 / (1.0 - BODY))
    return reach


@compiled
def tail_of(counts: Floats, rows: float, level: float) -> float:
    """The `tail` by which `quantile` would extrapolate to what was counted.

    Counted at `level`, or at `TAIL_LEVEL` where too few rows lie above that. At most `ASSUMED_TAIL`, which it
    also is where neither was counted.
    """
    if (1.0 - level) * rows < TAIL_ROWS:
        level = min(level, TAIL_LEVEL)
    if (1.0 - level) * rows < TAIL_ROWS or level <= BODY:
        return ASSUMED_TAIL
    median, high = _located(counts, 0.5 * rows), _located(counts, (1.0 - BODY) * rows)
    tail = (_located(counts, (1.0 - level) * rows) - high) / max((high - median) * _reach(level), 1e-300)
    return min(tail, ASSUMED_TAIL)


@compiled
def set_bounds(
    slots: Slots, fleet: Floats, level: float, tail: float, counts: NDArray[np.float32], bound: Floats
) -> None:
    """Set vehicles' thresholds from their own counts and the fleet's.

    Args:
        slots: vehicles, each once.
        fleet: the fleet's rows in each of the lowest buckets, as many as count in a vehicle's histogram;
            their number is a multiple of `UNROLLED`, and all higher buckets of these vehicles are empty.
        level, tail: as in `quantile`.
        counts: each vehicle's own rows per bucket, shape (V, `BUCKETS`).
        bound: thresholds, shape (V,); updated.
    """
    whole = np.empty_like(fleet)
    for slot in slots:
        # Four independent sums: in a single one, each addition would wait for the one before.
        first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
        for bucket in range(0, len(fleet), UNROLLED):
            for step in range(UNROLLED):
                whole[bucket + step] = fleet[bucket + step] + counts[slot, bucket + step]
            first += whole[bucket]
            second += whole[bucket + 1]
            third += whole[bucket + 2]
            fourth += whole[bucket + 3]
        rows = (first + second) + (third + fourth)
        bound[slot] = quantile(whole, rows, level, tail)
