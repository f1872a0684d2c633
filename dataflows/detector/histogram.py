"""Quantiles of a histogram of errors: interpolated, extrapolated into the tail, and robust against faults."""

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
CENTRES: Floats = (LOWER + EDGES) / 2.0

STEEPEST = 3.0
"""Limit for the log ratio of a bucket's rows to the next one's: with few rows, more is chance."""

TAIL_ROWS = 20.0
"""Rows: if fewer than this lie above a quantile, it is extrapolated from this many instead of counted."""

FAULTS_AT_LEAST, FAULTS_AT_MOST = 0.02, 0.1
"""Share of all errors that single faults may make up: fewer cannot be told from rare normal events, and more
cannot be told from a second kind of normal ones."""

TOGETHER = 1.0 / 3.0
"""Share of the faults that may directly follow another one; of events in a lasting state nearly all do."""

BY_CHANCE = 1.0
"""Faults that may directly follow another one in addition: one pair among a handful says nothing."""

HILL = 8
"""Largest number of buckets above a valley that are compared with it; 8 buckets are a factor of 2.9."""

DIP = 1.0
"""Standard deviations by which the errors above a valley must be more than they would be without a valley.

That is little evidence, but costs little: where it is wrong about errors with a single mode, their own tail
is the bound.
"""


def buckets_of(errors: Floats) -> Integers:
    """The bucket of each error ≥ 0, shape (n,)."""
    return np.minimum(np.searchsorted(EDGES, errors), BUCKETS - 1)


@compiled
def first_faulty(counts: Floats, pairs: Floats, level: float) -> int:
    """First of the buckets that hold single faults, not the tail of normal errors.

    Normal errors are the rarer the larger they are, however heavy their tail is. Errors beyond a valley of
    the density are something else; they are faults if they are few and do not follow each other.

    Args:
        counts: rows per bucket of their error, shape (`BUCKETS`,), ≥ 0.
        pairs: rows per bucket of the smaller of their error and that of their vehicle's previous row, same
            shape.
        level: quantile level that is wanted, 0–1: faults rarer than 1 - `level` do not reach it.

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
    """The error that `higher` rows lie above.

    Args:
        counts: rows per bucket, not all 0.
        higher: rows, ≥ 0.

    Returns:
        Its bucket and the error, interpolated within the bucket.
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
    return bucket, LOWER[bucket] + share * (EDGES[bucket] - LOWER[bucket])


@compiled
def quantile(counts: Floats, rows: float, level: float, faulty: float = -1.0) -> float:
    """Quantile of the normal errors in a histogram.

    If fewer than `TAIL_ROWS` rows lie above it, it is extrapolated by a generalised Pareto distribution
    fitted to the excesses of the highest `TAIL_ROWS` rows by their mean and variance (Pickands, 1975; Hosking
    & Wallis, 1987; for thresholds on streams Siffer et al., KDD 2017). If the highest errors are faults, they
    say nothing about normal ones: then it is bounded by the exponential tail through the median and the 90th
    percentile of the others.

    Args:
        counts: rows per bucket, shape (`BUCKETS`,), ≥ 0.
        rows: their sum.
        level: quantile level, 0–1.
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
        # The exponential tail gains (high - median) for every factor of 5 = 0.5 / 0.1 in rows.
        bound = min(bound, median + (high - median) * np.log(0.5 / (1.0 - level)) / np.log(5.0))
    return bound


@compiled
def _of_all(counts: Floats, rows: float, level: float) -> float:
    """Quantile of all errors: counted where enough rows lie above it, else extrapolated."""
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
    # The method of moments needs a shape below 1/2, and from few rows it is uncertain.
    shape = min(max(0.5 * (1.0 - mean * mean / variance), -0.4), 0.4)
    further: float = np.log((1.0 - counted) / (1.0 - level))
    stretch: float = further if abs(shape) < 1e-6 else np.expm1(shape * further) / shape
    return base + mean * (1.0 - shape) * stretch


@compiled
def set_bounds(
    slots: Slots, fleet: Floats, level: float, faulty: float, counts: NDArray[np.float32], bound: Floats
) -> None:
    """Set vehicles' thresholds from their own counts and the fleet's.

    Args:
        slots: vehicles, each once.
        fleet: the fleet's rows in each of the lowest buckets, as many as count in a vehicle's histogram;
            their number is a multiple of `UNROLLED`, and all higher buckets of these vehicles are empty.
        level, faulty: as in `quantile`.
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
        bound[slot] = quantile(whole, rows, level, faulty)
