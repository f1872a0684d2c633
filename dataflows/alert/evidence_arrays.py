"""The arrays that the compiled part of `dataflows.alert.evidence` works on, of V vehicles with S signals.

The names in capitals are those of `dataflows.alert.evidence_kernel`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Mask

Records: TypeAlias = NDArray[Any]
"""An array of `TAIL`."""

Singles: TypeAlias = NDArray[np.float32]

TAIL = np.dtype([("start", "f8"), ("step", "f8"), ("shape", "f8"), ("nats", "f8"), ("notable", "f8")])
"""Tail of a statistic: where it starts, how far to four times rarer values, shape, nats at the start, and the
least notable value."""


class Vehicles(NamedTuple):
    """What is known of V vehicles; updated.

    Attributes:
        times: `LATEST` to `ROWS`, shape (V, 3).
        exact: `HELD_AT` to `BASELINE`, shape (V, EXACT, S).
        rough: `TRENDED` to `HOLD_OFF`, shape (V, ROUGH, S).
    """

    times: Integers
    exact: Floats
    rough: Singles


class Learned(NamedTuple):
    """What they share; updated.

    Attributes:
        sums: `SCATTER` to `RESOLUTION`, shape (SUMS, S).
        rests: values at which a signal rests, and how often it has, shape (S, 2, RESTS).
        scatter, weight: sums behind the correlations, shapes (2 · S, 2 · S) and (1,).
        histogram: rows by statistic, shape (S, STATISTICS, 2, BUCKETS).
        totals: rows counted, shape (S,).
        seconds: for how long vehicles have sent, shape (1,).
    """

    sums: Floats
    rests: Floats
    scatter: Floats
    weight: Floats
    histogram: Floats
    totals: Floats
    seconds: Floats


class InForce(NamedTuple):
    """What rows are judged by, until the next renewal.

    Attributes:
        scales: `PER_DEVIATION` to `CORRELATION`, shape (SCALES, S).
        residual: turns the scaled values and changes of a row into the residuals of both, in their own
            standard deviations, shape (2 · S, 2 · S).
        near: from where on a statistic is looked at, shape (STATISTICS, 2, S).
        tails: of type `TAIL`, shape (S, STATISTICS, 2).
        survival: rows at least as large as each bucket of the histogram, shape (S, STATISTICS, 2, BUCKETS).
    """

    scales: Floats
    residual: Floats
    near: Floats
    tails: Records
    survival: Floats


class Results(NamedTuple):
    """The members of `Verdicts` but the bar, shape (n, S); filled where a signal is unusual."""

    nats: Floats
    statistic: NDArray[np.uint8]
    upwards: Mask
    typical: Floats
