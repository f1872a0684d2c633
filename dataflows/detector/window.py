"""The last samples of every vehicle in event order: held values, changes, smoothing, out-of-order events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.clock import SECOND
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.detector.arrival import NEVER, SET_BACK_AFTER, SET_RIGHT_AFTER, UNIQUE, classify
from dataflows.detector.state import ArrayState

PATIENCE = (SET_RIGHT_AFTER, SET_BACK_AFTER)

LONGEST_RUN = 2**20
"""Samples up to which a run of moving or standing still is counted, so that an int32 is enough."""

LARGEST_CHANGE = 4.0
"""Times the larger of the signal's mean change and its usual one: a larger change counts as this, or one
wrong sample would make the signal seem restless for as long as the mean remembers it."""


@dataclass(frozen=True, slots=True)
class Samples:
    """n rows in arrival order, with missing values held where the last one is recent enough.

    Attributes:
        values: in the signals' units, shape (n, S); 0 where not observed.
        observed: present in the row or held, shape (n, S).
        changed: the signal is present in the row and its previous value is known, shape (n, S).
        mean_change: running mean of the signal's absolute changes, in its unit, shape (n, S); NaN where there
            is none or the signal is not observed.
        run: number of consecutive samples for which the signal has been moving (positive) or standing still
            (negative), shape (n, S); 0 where unknown or not observed.
        interval: seconds since the vehicle's previous event, shape (n,); NaN for its first.
    """

    values: Floats
    observed: Mask
    changed: Mask
    mean_change: Floats
    run: Integers
    interval: Floats

    def columns(self) -> tuple[NDArray[Any], ...]:
        """All arrays, in the order of the fields."""
        return (
            self.values,
            self.observed,
            self.changed,
            self.mean_change,
            self.run,
            self.interval,
        )

    def take(self, rows: slice | Mask) -> Samples:
        """Some of the rows."""
        return Samples(*(column[rows] for column in self.columns()))

    @classmethod
    def without_history(cls, values: Floats) -> Samples:
        """Rows seen on their own: nothing is held, nothing is known about what came before.

        Args:
            values: shape (n, S); NaN where missing.
        """
        observed = np.isfinite(values)
        nothing, no = np.zeros_like(values), np.zeros_like(observed)
        unknown = np.full_like(values, np.nan)
        run, interval = nothing.astype(np.int64), unknown[:, 0]
        return cls(np.where(observed, values, 0.0), observed, no, unknown, run, interval)


class Window(ArrayState):
    """The last `size` samples of every vehicle, and how its signals have been moving.

    When a vehicle's clock is set back its window restarts, see `SET_RIGHT_AFTER`.

    Args:
        signals: number of signals S.
        size: samples kept per vehicle, K ≥ 1; also the time constant of `Samples.mean_change`, in samples.
        hold: microseconds for which a missing signal keeps its last value.
        patience: `SET_RIGHT_AFTER` and `SET_BACK_AFTER`.
    """

    PER_VEHICLE: ClassVar = (
        "times",
        "identities",
        "errors",
        "known",
        "held",
        "held_at",
        "mean_change",
        "usual_change",
        "changes",
        "run",
        "behind",
        "behind_at",
    )

    def __init__(self, signals: int, *, size: int, hold: int, patience: tuple[int, int] = PATIENCE) -> None:
        self.size, self.hold, self.patience = size, hold, patience
        self.times = np.full((0, size), NEVER)
        self.identities = np.full((0, size), UNIQUE)
        self.errors = np.zeros((0, size))
        self.known = np.zeros(0, np.int32)
        self.held = np.zeros((0, signals))
        self.held_at = np.full((0, signals), NEVER)
        self.mean_change = np.full((0, signals), np.nan)
        self.usual_change = np.zeros((0, signals))
        self.changes = np.zeros((0, signals), np.int32)
        self.run = np.zeros((0, signals), np.int32)
        self.behind = np.zeros(0, np.int32)
        self.behind_at = np.full(0, NEVER)

    def fill_value(self, name: str) -> float:
        if name == "mean_change":
            return np.nan
        return NEVER if name in ("times", "identities", "held_at", "behind_at") else 0

    def arrive(self, slots: Slots, times: Integers, identities: Integers) -> NDArray[np.uint8]:
        """Classify rows against the window and against the rows before them, and record their times.

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).
            identities: what tells events of one vehicle and time apart, shape (n,); `UNIQUE` equals nothing.

        Returns:
            `Arrival` of the first m rows, shape (m,), 1 ≤ m ≤ n: the rows before the first `OUT_OF_ORDER`
            one, or that one alone if it comes first. It must be passed to `insert` before later rows are
            classified. A row that restarts a window is always the first of a call, too.
        """
        arrivals = np.empty(len(slots), np.uint8)
        rows = classify(
            slots,
            times,
            identities,
            self.times,
            self.identities,
            self.behind,
            self.behind_at,
            self.errors,
            self.known,
            self.held_at,
            self.patience,
            arrivals,
        )
        return arrivals[:rows]

    def fill(self, slots: Slots, times: Integers, values: Floats) -> Samples:
        """Record the values of n in-order rows: hold missing ones, and track how the signals move.

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).
            values: shape (n, S); NaN where missing.
        """
        shape = values.shape
        samples = Samples(
            values=np.empty(shape),
            observed=np.empty(shape, np.bool_),
            changed=np.empty(shape, np.bool_),
            mean_change=np.empty(shape),
            run=np.empty(shape, np.int64),
            interval=np.empty(len(values)),
        )
        state = (
            self.held,
            self.held_at,
            self.mean_change,
            self.usual_change,
            self.changes,
            self.run,
        )
        _fill(slots, times, values, self.hold, self.size, *state, *samples.columns())
        return samples

    def append(self, slots: Slots, errors: Floats) -> Floats:
        """Record the errors of n in-order rows.

        Returns:
            Mean of each row's error and those before it in the window; shape (n,).
        """
        smoothed = np.empty(len(errors))
        _append(slots, errors, self.errors, self.known, smoothed)
        return smoothed

    def insert(self, slot: int, time: int, identity: int, error: float) -> float:
        """Put one `OUT_OF_ORDER` row into the window, at its place in event time: after those of its time.

        Returns:
            The mean of its error and those before it in event order.
        """
        place = int(np.searchsorted(self.times[slot], time, side="right"))
        before = self.times[slot, :place] != NEVER
        total, count = error, 1
        for earlier in self.errors[slot, :place][before][::-1]:
            total, count = total + float(earlier), count + 1
        self.times[slot, :place] = np.append(self.times[slot, 1:place], time)
        self.identities[slot, :place] = np.append(self.identities[slot, 1:place], identity)
        self.errors[slot, :place] = np.append(self.errors[slot, 1:place], error)
        self.known[slot] = min(self.known[slot] + 1, self.size)
        return total / count


@compiled
def _fill(
    slots: Slots,
    times: Integers,
    values: Floats,
    hold: int,
    size: int,
    held: Floats,
    held_at: Integers,
    mean_changes: Floats,
    usual_changes: Floats,
    changes: NDArray[np.int32],
    runs: NDArray[np.int32],
    filled: Floats,
    observed: Mask,
    changed: Mask,
    mean_change: Floats,
    run: Integers,
    interval: Floats,
) -> None:
    """Update a `Window` with n rows and compute their `Samples`, both in place.

    Args:
        slots, times, values: as in `Window.fill`.
        hold: microseconds.
        size: time constant of the mean change, in samples.
        held, held_at: last value of each signal and its event time, shape (V, S); updated.
        mean_changes, usual_changes, changes, runs: mean absolute change over the last samples and over all,
            the number of the latter, and the current run of each signal, shape (V, S); updated.
        filled, observed, changed, mean_change, run, interval: the fields of `Samples`, to be filled.
    """
    for row in range(len(slots)):
        slot, now = slots[row], times[row]
        latest = held_at[slot].max()
        interval[row] = np.nan if latest == NEVER else (now - latest) / SECOND
        for signal in range(values.shape[1]):
            value = values[row, signal]
            recent = held_at[slot, signal] >= now - hold
            sent = np.isfinite(value)
            changed[row, signal] = sent and recent
            if sent and recent:
                moved = value - held[slot, signal]
                size_of_change = abs(moved)
                usual, before = usual_changes[slot, signal], mean_changes[slot, signal]
                if usual > 0.0:
                    most = LARGEST_CHANGE * (usual if np.isnan(before) else max(usual, before))
                    size_of_change = min(size_of_change, most)
                changes[slot, signal] = min(changes[slot, signal] + 1, LONGEST_RUN)
                usual_changes[slot, signal] += (size_of_change - usual) / changes[slot, signal]
                before = size_of_change if np.isnan(before) else before
                mean_changes[slot, signal] = before + (size_of_change - before) / size
                length = runs[slot, signal]
                longer = max(length, 0) + 1 if moved != 0.0 else min(length, 0) - 1
                runs[slot, signal] = min(max(longer, -LONGEST_RUN), LONGEST_RUN)
            elif sent:
                mean_changes[slot, signal], runs[slot, signal] = np.nan, 0
            if sent:
                held[slot, signal], held_at[slot, signal] = value, now
            known = sent or recent
            observed[row, signal] = known
            filled[row, signal] = held[slot, signal] if known else 0.0
            mean_change[row, signal] = mean_changes[slot, signal] if known else np.nan
            run[row, signal] = runs[slot, signal] if known else 0


@compiled
def _append(slots: Slots, errors: Floats, window: Floats, known: NDArray[np.int32], smoothed: Floats) -> None:
    size = window.shape[1]
    for row in range(len(slots)):
        slot = slots[row]
        past = window[slot]
        total = 0.0
        for back in range(size - 1):
            past[back] = past[back + 1]
            total += past[back]
        past[size - 1] = errors[row]
        known[slot] = min(known[slot] + 1, size)
        total += errors[row]
        smoothed[row] = total / known[slot]
