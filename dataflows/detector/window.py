"""The last samples of every vehicle, in event order: held values, change, smoothing, stragglers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataflows.detector.rowwise import Floats, Integers, Mask, Slots
from dataflows.detector.state import ArrayState

Scalar = TypeVar("Scalar", bound=np.generic)

NEVER = np.iinfo(np.int64).min
"""Event time of a sample that does not exist."""


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
        order: positions that sort the rows, shape (n,).
        slots: vehicle of each sorted row, shape (n,).
        rank: how many rows of the same vehicle precede a sorted row, shape (n,).
        starts: sorted position of each vehicle's first row, shape (g,).
        sizes: rows of each vehicle, shape (g,).
    """

    order: NDArray[np.intp]
    slots: Slots
    rank: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]

    @classmethod
    def of(cls, slots: Slots) -> Runs:
        order = np.argsort(slots, kind="stable")
        ordered = slots[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        sizes = np.diff(starts, append=len(slots))
        rank = np.arange(len(slots)) - np.repeat(starts, sizes)
        return cls(order, ordered, rank, starts, sizes)

    def unsort(self, ordered: NDArray[Scalar]) -> NDArray[Scalar]:
        """Bring sorted rows back into arrival order."""
        restored = np.empty_like(ordered)
        restored[self.order] = ordered
        return restored


@dataclass(frozen=True, slots=True)
class Filled:
    """n rows in arrival order with missing values held where they are young enough.

    Attributes:
        values: shape (n, S); 0 where not observed.
        observed: known now or held, shape (n, S).
        change: value minus the signal's value before, shape (n, S); 0 where not `changed`.
        changed: the signal is in the row and its value before is known, shape (n, S).
    """

    values: Floats
    observed: Mask
    change: Floats
    changed: Mask

    def row(self, index: int) -> Filled:
        """The one row at `index`, as a matrix of one row."""
        one = slice(index, index + 1)
        return Filled(self.values[one], self.observed[one], self.change[one], self.changed[one])


class Window(ArrayState):
    """The last `size` samples of every vehicle.

    Args:
        signals: number of signals S.
        size: samples kept per vehicle, K ≥ 1.
        hold: microseconds for which a missing signal keeps its last value.
    """

    PER_VEHICLE: ClassVar = ("times", "errors", "held", "held_at")

    def __init__(self, signals: int, *, size: int, hold: int) -> None:
        self.size, self.hold = size, hold
        self.times = np.full((0, size), NEVER)
        self.errors = np.zeros((0, size))
        self.held = np.zeros((0, signals))
        self.held_at = np.full((0, signals), NEVER)

    def fill_value(self, name: str) -> float:
        return NEVER if name in ("times", "held_at") else 0

    def arrivals(self, slots: Slots, times: Integers) -> NDArray[np.uint8]:
        """Classify n rows against the window and against the rows before them.

        Rows that arrive `OUT_OF_ORDER` will enter the window, which later rows are not judged by: what
        is returned holds up to and including the first of them.

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).

        Returns:
            `Arrival` of each row, shape (n,).
        """
        runs = Runs.of(slots)
        ordered = times[runs.order]
        newest = self.times[runs.slots, -1]
        before = np.where(runs.rank > 0, np.roll(ordered, 1), newest)
        if (ordered > before).all():
            return np.zeros(len(slots), np.uint8)

        in_order = ordered > np.maximum(_highest_before(ordered, runs), newest)
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
            from_window = self.times[runs.slots[stragglers], np.minimum(known_before - back, -1)]
            oldest = np.where(within, known[np.where(within, total_before - back, -1)], from_window)
            duplicate |= oldest == ordered[stragglers]
        late = ordered[stragglers] < oldest
        arrivals[stragglers] = np.where(
            duplicate, Arrival.DUPLICATE, np.where(late, Arrival.LATE, Arrival.OUT_OF_ORDER)
        )
        return runs.unsort(arrivals).astype(np.uint8)

    def fill(self, runs: Runs, times: Integers, values: Floats) -> Filled:
        """Hold missing values and take differences, for rows that are in order.

        Args:
            runs: the rows by vehicle.
            times: event times in microseconds, shape (n,).
            values: shape (n, S); NaN where missing.
        """
        rows, ordered_times = values[runs.order], times[runs.order]
        finite = np.isfinite(rows)
        positions = np.arange(len(rows))[:, None]
        first_of_run = np.repeat(runs.starts, runs.sizes)[:, None]
        # The last row at or before each one that has the signal; -1 before the first.
        source = np.maximum.accumulate(np.where(finite, positions, -1), axis=0)
        columns = np.arange(rows.shape[1])[None, :]
        here = source >= first_of_run
        carried, carried_at = self.held[runs.slots], self.held_at[runs.slots]
        last = np.where(here, rows[source, columns], carried)
        last_at = np.where(here, ordered_times[source], carried_at)
        observed = (last_at != NEVER) & (ordered_times[:, None] - self.hold <= last_at)

        preceding = np.roll(source, 1, axis=0)
        in_run = (runs.rank > 0)[:, None] & (preceding >= first_of_run)
        previous = np.where(in_run, rows[preceding, columns], carried)
        previous_at = np.where(in_run, ordered_times[preceding], carried_at)
        changed = finite & (previous_at != NEVER) & (ordered_times[:, None] - self.hold <= previous_at)
        change = np.where(changed, rows - previous, 0.0)
        filled = np.where(observed, last, 0.0)
        return Filled(runs.unsort(filled), runs.unsort(observed), runs.unsort(change), runs.unsort(changed))

    def smooth(self, runs: Runs, errors: Floats) -> Floats:
        """Mean of each row's error and of those before it in the window; shape (n,)."""
        ordered = errors[runs.order]
        total, count = ordered.copy(), np.ones(len(ordered))
        for back in range(1, self.size):
            within = runs.rank >= back
            column = np.minimum(runs.rank - back, -1)
            earlier = np.where(within, np.roll(ordered, back), self.errors[runs.slots, column])
            exists = within | (self.times[runs.slots, column] != NEVER)
            total += np.where(exists, earlier, 0.0)
            count += exists
        return runs.unsort(total / count)

    def append(self, runs: Runs, times: Integers, values: Floats, errors: Floats) -> None:
        """Take n in-order rows into the window."""
        vehicles = runs.slots[runs.starts]
        taken = runs.sizes[:, None] + np.arange(self.size)[None, :] - self.size
        row = np.maximum(runs.starts[:, None] + taken, 0)
        kept = np.minimum(taken + self.size, self.size - 1)
        for window, new in ((self.times, times), (self.errors, errors)):
            shifted = np.take_along_axis(window[vehicles], kept, axis=1)
            window[vehicles] = np.where(taken >= 0, new[runs.order][row], shifted)

        rows, ordered_times = values[runs.order], times[runs.order]
        finite = np.isfinite(rows)
        positions = np.where(finite, np.arange(len(rows))[:, None], -1)
        last = np.maximum.reduceat(positions, runs.starts, axis=0)
        columns = np.arange(rows.shape[1])[None, :]
        self.held[vehicles] = np.where(last >= 0, rows[last, columns], self.held[vehicles])
        self.held_at[vehicles] = np.where(last >= 0, ordered_times[last], self.held_at[vehicles])

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


def _highest_before(ordered: Integers, runs: Runs) -> Integers:
    """Highest time of the same vehicle among the rows before each sorted row, else `NEVER`."""
    # Times are replaced by their ranks, and each run's ranks lifted above those of the run before, so
    # that one running maximum over all rows never reaches back into another vehicle.
    distinct, rank_of_time = np.unique(ordered, return_inverse=True)
    run = np.repeat(np.arange(len(runs.starts)), runs.sizes)
    lifted = np.maximum.accumulate(rank_of_time + run * len(distinct))
    highest = distinct[lifted - run * len(distinct)]
    return np.where(runs.rank > 0, np.roll(highest, 1), NEVER)
