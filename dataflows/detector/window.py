"""The last samples of every vehicle, in event order: held values, change, smoothing, stragglers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.detector.rowwise import Floats, Integers, Mask, Slots, row_sum
from dataflows.detector.state import ArrayState

NEVER = np.iinfo(np.int64).min
"""Event time of a sample that does not exist."""

SECOND = 1e6
"""Microseconds."""

LONGEST_RUN = 2**20
"""Samples up to which a run of moving or standing still is counted."""


class Arrival(IntEnum):
    """How an event stands to the samples of its vehicle that are already known."""

    IN_ORDER = 0
    """Newer than all of them."""
    DUPLICATE = 1
    """Of the same time as one of the window's samples."""
    LATE = 2
    """Older than the whole window."""
    OUT_OF_ORDER = 3
    """Between the window's samples."""


@dataclass(frozen=True, slots=True)
class Runs:
    """n rows sorted by vehicle, arrival order kept within each vehicle.

    Attributes:
        slots: vehicle of each row, in arrival order, shape (n,).
        order: positions that sort the rows, shape (n,).
        starts: sorted position of each vehicle's first row, shape (g,).
        sizes: rows of each vehicle, shape (g,).
    """

    slots: Slots
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]

    @classmethod
    def of(cls, slots: Slots) -> Runs:
        order = np.argsort(slots, kind="stable")
        ordered = slots[order]
        first = np.ones(len(slots), np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        sizes = np.empty_like(starts)
        np.subtract(starts[1:], starts[:-1], out=sizes[:-1])
        sizes[-1:] = len(slots) - starts[-1:]
        return cls(slots, order, starts, sizes)

    def rounds(self) -> Iterator[NDArray[np.intp]]:
        """Positions of the vehicles' first rows, then of their second ones, and so on.

        In each round a vehicle occurs at most once, so its state can be read and written for the
        whole round at once.
        """
        if len(self.starts) == len(self.order):
            yield self.order
            return
        by_size = np.argsort(-self.sizes, kind="stable")
        starts, sizes = self.starts[by_size], self.sizes[by_size]
        reach = np.searchsorted(-sizes, -np.arange(sizes[0]), side="left")
        for rank, vehicles in enumerate(reach.tolist()):
            yield self.order[starts[:vehicles] + rank]


@dataclass(frozen=True, slots=True)
class Filled:
    """n rows in arrival order with missing values held where they are young enough.

    Attributes:
        values: shape (n, S); 0 where not observed.
        observed: known now or held, shape (n, S).
        change: value minus the signal's value before, shape (n, S); 0 where not `changed`.
        changed: the signal is in the row and its value before is known, shape (n, S).
        activity: running mean of the signal's absolute changes, in its unit, shape (n, S); NaN where
            none is known.
        run: samples for which the signal has been moving without a break (positive) or standing
            still (negative), shape (n, S); 0 where unknown.
        interval: seconds since the vehicle's event before, shape (n,); NaN for its first.
    """

    values: Floats
    observed: Mask
    change: Floats
    changed: Mask
    activity: Floats
    run: Integers
    interval: Floats

    def columns(self) -> tuple[NDArray[Any], ...]:
        """The arrays alone, in the order of the fields."""
        return (
            self.values,
            self.observed,
            self.change,
            self.changed,
            self.activity,
            self.run,
            self.interval,
        )

    def row(self, index: int) -> Filled:
        """The one row at `index`, as a matrix of one row."""
        return Filled(*(column[index : index + 1] for column in self.columns()))

    @classmethod
    def alone(cls, values: Floats) -> Filled:
        """Rows seen on their own: nothing held, nothing known of what came before.

        Args:
            values: shape (n, S); NaN where missing.
        """
        observed = np.isfinite(values)
        nothing, no = np.zeros_like(values), np.zeros_like(observed)
        unknown = np.full_like(values, np.nan)
        run, interval = nothing.astype(np.int64), unknown[:, 0]
        return cls(np.where(observed, values, 0.0), observed, nothing, no, unknown, run, interval)


class Window(ArrayState):
    """The last `size` samples of every vehicle, and how its signals have been moving.

    Args:
        signals: number of signals S.
        size: samples kept per vehicle, K ≥ 1; also the time constant of `Filled.activity` in samples.
        hold: microseconds for which a missing signal keeps its last value.
    """

    PER_VEHICLE: ClassVar = ("times", "errors", "held", "held_at", "activity", "run")

    def __init__(self, signals: int, *, size: int, hold: int) -> None:
        self.size, self.hold = size, hold
        self.times = np.full((0, size), NEVER)
        self.errors = np.zeros((0, size))
        self.held = np.zeros((0, signals))
        self.held_at = np.full((0, signals), NEVER)
        self.activity = np.full((0, signals), np.nan)
        self.run = np.zeros((0, signals), np.int32)

    def fill_value(self, name: str) -> float:
        if name == "activity":
            return np.nan
        return NEVER if name in ("times", "held_at") else 0

    def arrivals(self, runs: Runs, times: Integers) -> NDArray[np.uint8]:
        """Classify n rows against the window and against the rows before them.

        Rows that arrive `OUT_OF_ORDER` will enter the window, which later rows are not judged by: what
        is returned holds up to and including the first of them.

        Args:
            runs: the rows by vehicle.
            times: event times in microseconds, shape (n,).

        Returns:
            `Arrival` of each row, shape (n,).
        """
        ordered, slots = times[runs.order], runs.slots[runs.order]
        newest = self.times[slots, -1]
        before = newest.copy()
        follows = np.ones(len(ordered), np.bool_)
        follows[runs.starts] = False
        before[1:][follows[1:]] = ordered[:-1][follows[1:]]
        if (ordered > before).all():
            return np.zeros(len(slots), np.uint8)

        in_order = ordered > np.maximum(_highest_before(ordered, runs, follows), newest)
        arrivals = np.zeros(len(slots), np.uint8)
        stragglers = np.flatnonzero(~in_order)
        total_before = (np.cumsum(in_order) - in_order)[stragglers]
        first_of_run = np.repeat(runs.starts, runs.sizes)[stragglers]
        known_before = total_before - (np.cumsum(in_order) - in_order)[first_of_run]
        known = np.append(ordered[in_order], NEVER)
        duplicate = np.zeros(len(stragglers), bool)
        oldest = np.full(len(stragglers), NEVER)
        for back in range(1, self.size + 1):
            within = back <= known_before
            from_window = self.times[slots[stragglers], np.minimum(known_before - back, -1)]
            oldest = np.where(within, known[np.where(within, total_before - back, -1)], from_window)
            duplicate |= oldest == ordered[stragglers]
        late = ordered[stragglers] < oldest
        arrivals[stragglers] = np.where(
            duplicate, Arrival.DUPLICATE, np.where(late, Arrival.LATE, Arrival.OUT_OF_ORDER)
        )
        in_arrival_order = np.empty_like(arrivals)
        in_arrival_order[runs.order] = arrivals
        return in_arrival_order

    def fill(self, runs: Runs, times: Integers, values: Floats) -> Filled:
        """Take the values of n in-order rows: hold what is missing, follow how the signals move.

        Args:
            runs: the rows by vehicle.
            times: event times in microseconds, shape (n,).
            values: shape (n, S); NaN where missing.
        """
        if len(runs.starts) == len(times):
            return self._fill_round(runs.slots, times, values)
        filled: tuple[NDArray[Any], ...] = ()
        for rows in runs.rounds():
            part = self._fill_round(runs.slots[rows], times[rows], values[rows]).columns()
            if not filled:
                filled = tuple(np.empty((len(times), *column.shape[1:]), column.dtype) for column in part)
            for column, new in zip(filled, part, strict=True):
                column[rows] = new
        return Filled(*filled)

    def _fill_round(self, slots: Slots, times: Integers, values: Floats) -> Filled:
        finite = np.isfinite(values)
        held, held_at = self.held[slots], self.held_at[slots]
        arrived = times[:, None]
        latest = held_at.max(axis=1)
        interval = np.where(latest == NEVER, np.nan, (times - latest) / SECOND)
        young = held_at >= arrived - self.hold
        observed = finite | young
        changed = finite & young
        change = np.where(changed, values - held, 0.0)
        held = np.where(finite, values, held)
        self.held[slots] = held
        self.held_at[slots] = np.where(finite, arrived, held_at)

        activity = self.activity[slots]
        size = np.abs(change)
        followed = np.where(np.isnan(activity), size, activity + (size - activity) / self.size)
        activity = np.where(changed, followed, activity)
        self.activity[slots] = activity
        run = self.run[slots]
        longer = np.where(change != 0.0, np.maximum(run, 0) + 1, np.minimum(run, 0) - 1)
        run = np.where(changed, np.clip(longer, -LONGEST_RUN, LONGEST_RUN), run)
        self.run[slots] = run
        filled = np.where(observed, held, 0.0)
        return Filled(filled, observed, change, changed, activity, run.astype(np.int64), interval)

    def append(self, runs: Runs, times: Integers, errors: Floats) -> Floats:
        """Take the times and errors of n in-order rows into the window.

        Returns:
            Mean of each row's error and of those before it in the window; shape (n,).
        """
        smoothed = np.empty(len(errors))
        for rows in runs.rounds():
            slots = runs.slots[rows]
            known, past = self.times[slots], self.errors[slots]
            known[:, :-1], past[:, :-1] = known[:, 1:], past[:, 1:]
            known[:, -1], past[:, -1] = times[rows], errors[rows]
            self.times[slots], self.errors[slots] = known, past
            smoothed[rows] = row_sum(past) / (known != NEVER).sum(axis=1)
        return smoothed

    def insert(self, slot: int, time: int, error: float) -> float:
        """Take one `OUT_OF_ORDER` row into the window, at its place by event time.

        Returns:
            The mean of its error and of those before it in event order.
        """
        place = int(np.searchsorted(self.times[slot], time))
        before = self.times[slot, :place] != NEVER
        total, count = error, 1
        for earlier in self.errors[slot, :place][before][::-1]:
            total, count = total + float(earlier), count + 1
        self.times[slot, :place] = np.append(self.times[slot, 1:place], time)
        self.errors[slot, :place] = np.append(self.errors[slot, 1:place], error)
        return total / count


def _highest_before(ordered: Integers, runs: Runs, follows: Mask) -> Integers:
    """Highest time of the same vehicle among the rows before each sorted row, else `NEVER`."""
    # Times are replaced by their ranks, and each run's ranks lifted above those of the run before, so
    # that one running maximum over all rows never reaches back into another vehicle.
    distinct, rank_of_time = np.unique(ordered, return_inverse=True)
    run = np.repeat(np.arange(len(runs.starts)), runs.sizes)
    lifted = np.maximum.accumulate(rank_of_time + run * len(distinct))
    highest = distinct[lifted - run * len(distinct)]
    before = np.full_like(ordered, NEVER)
    before[1:][follows[1:]] = highest[:-1][follows[1:]]
    return before
