"""The tail of a statistic, fitted to the histogram of its values."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataflows.alert.evidence_arrays import TAIL, Records
from dataflows.alert.evidence_kernel import BUCKETS, FIRST_BUCKET
from dataflows.compiled import Floats, compiled

START = (0.02, 0.06, 0.1, 0.02)
"""Share of all rows that the tail of each statistic spans.

Jumps have a heavy tail that starts late. A shift lasts, and so does a faulty one: the tail starts where even
a few faults in a hundred rows change little.
"""

LEAST_ROWS = 50.0
"""Rows that must have been counted before there is a tail."""

LEAST_STEP, LEAST_STEP_SHARE = (0.5, 0.12, 0.4, 0.5), 0.15
"""Least distance to values four times rarer: in spreads, by statistic, and as a share of the tail's start.

The mean of ten jumps is spread over a quarter of what single ones are.
"""

EXPECTED_SHAPE, LARGEST_SHAPE, SHAPE_ROWS = (0.1, 0.1, 0.0, 0.1), (0.15, 0.1, 0.0, 0.15), 30.0
"""The shape of each statistic is shrunk towards the first, which counts as so many rows, and bounded.

What a few faulty rows in a hundred add to a tail makes it look heavy. Means of many rows have a light tail.
"""

UNCERTAINTY = 1.0
"""The step is widened by this over the root of the tail's rows."""

EDGES: Floats = ((np.arange(BUCKETS) + FIRST_BUCKET) << 48).view(np.float64) * 1.03
"""About the middle of each bucket."""


def fitted_tails(histogram: Floats, totals: Floats, notable: float) -> tuple[Records, Floats]:
    """Tails of all statistics, upwards and downwards.

    A generalised Pareto distribution above the quantile that `START` says (Pickands, 1975). Its shape comes
    from the distances between values that are 1, 4 and 16 times rarer, as in Pickands' estimator: quantiles,
    other than means, hardly change if one value in a hundred is faulty.

    Args:
        histogram: rows per bucket, shape (S, `STATISTICS`, 2, `BUCKETS`).
        totals: rows counted, shape (S,).
        notable: nats from which on a statistic is notable.

    Returns:
        Tails of type `TAIL`, shape (S, `STATISTICS`, 2), ``start`` is NaN where too little is known; and the
        rows at least as large as each bucket, shaped like the histogram.
    """
    tails = np.zeros(histogram.shape[:3], TAIL)
    survival = np.empty(histogram.shape)
    _fit(histogram, totals, EDGES, notable, tails, survival)
    return tails, survival


@compiled
def _fit(
    histogram: Floats, totals: Floats, edges: Floats, notable: float, tails: Records, survival: Floats
) -> None:
    signals, statistics, sides = tails.shape
    for signal in range(signals):
        for statistic in range(statistics):
            for side in range(sides):
                tail, counts = tails[signal, statistic, side], histogram[signal, statistic, side]
                as_large = survival[signal, statistic, side]
                above = 0.0
                for bucket in range(len(counts) - 1, -1, -1):
                    above += counts[bucket]
                    as_large[bucket] = above
                total = totals[signal]
                rows = min(START[statistic] * total, above)
                tail.start, tail.notable = np.nan, np.inf
                if total < LEAST_ROWS:
                    continue
                if rows < 1e-9:
                    tail.start, tail.step, tail.index, tail.nats = 4.0, 4.0, 0.0, np.log(total)
                else:
                    _fit_tail(tail, as_large, edges, statistic, total, rows)
                tail.notable = _where(tail, notable)


@compiled
def _fit_tail(tail: Any, as_large: Floats, edges: Floats, statistic: int, total: float, rows: float) -> None:
    bucket = len(as_large) - 1
    while as_large[bucket] < rows / 16.0:
        bucket -= 1
    end = edges[bucket]
    while as_large[bucket] < rows / 4.0:
        bucket -= 1
    middle = edges[bucket]
    # If the tail spans all that was counted, more has to be: it starts at nothing, until it is known.
    while bucket > 0 and as_large[bucket] <= rows:
        bucket -= 1
    start = edges[bucket]
    step = max(middle - start, LEAST_STEP[statistic], LEAST_STEP_SHARE * start)
    shape = 0.0
    if end > middle:
        shape = np.log((end - middle) / step) / np.log(4.0)
    share = rows / (rows + SHAPE_ROWS)
    shape = shape * share + EXPECTED_SHAPE[statistic] * (1.0 - share)
    tail.start, tail.step = start, step * (1.0 + UNCERTAINTY / np.sqrt(rows))
    tail.index = min(max(shape, 0.0), LARGEST_SHAPE[statistic])
    tail.nats = np.log(total / rows)


@compiled
def _where(tail: Any, nats: float) -> float:
    """The least value that is so surprising, at least where the tail starts."""
    beyond = max(nats - tail.nats, 0.0)
    if tail.index < 0.01:
        return float(tail.start + tail.step * beyond / np.log(4.0))
    return float(tail.start + tail.step * np.expm1(beyond * tail.index) / (4.0**tail.index - 1.0))
