"""The arrays that the compiled part of `dataflows.alert.evidence` works on, of V vehicles with S signals."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Mask

Records: TypeAlias = NDArray[Any]
"""An array of `TAIL`."""

Singles: TypeAlias = NDArray[np.float32]

TAIL = np.dtype([("start", "f8"), ("step", "f8"), ("index", "f8"), ("nats", "f8"), ("notable", "f8")])
"""Tail of a statistic: where it starts, how far to four times rarer values, tail index (the shape of the
distribution), nats at the start, and the least notable value."""


LATEST, STARTED, ROWS = range(3)
"""Event times of a vehicle's latest row and of the first one after its last pause, and its rows."""

HELD_AT, HELD, COUNT, MEAN, BASELINE = range(5)
"""What is known of a vehicle's signal: when its last value came, that value, values, mean, and baseline."""

TRENDED, SHIFTED, LEVEL_SPREAD, JUMP_SPREAD, JUMPS_UP, JUMPS_DOWN, REPEATS, HOLD_OFF = range(8)
"""What is known of it besides: in spreads, spreads in standard deviations, nats, or rows."""

SCATTER, SCATTER_ROWS, CHANGE_SQUARE, CHANGES, MOVES, RESOLUTION, LOWEST, HIGHEST = range(8)
"""What vehicles share of a signal: sums of squares, each with its weight, movements, the least movement, and
the range of its values."""

PER_DEVIATION, PER_CHANGE, MOST_OFF, MOST_MOVED = range(4)
"""How a signal is scaled: 1 over the deviations of its value and its change, 0 while they are unknown. What
is further off, or moved by more, is learned as if by as much as the last two say, in its unit."""

LEVEL_UNIT, PER_LEVEL_UNIT, JUMP_UNIT, PER_JUMP_UNIT, LEAST_LEVEL, LEAST_JUMP, CORRELATION = range(4, 11)
"""How its two residuals are scaled: their standard deviations in its unit, each with 1 over it, its
resolution in these deviations, and how they correlate."""

EXACT, ROUGH, SUMS, SCALES = 5, 8, 8, 11
"""How many there are of each of these."""


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
