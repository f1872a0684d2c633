"""How an event stands to those of its vehicle that came before it."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled

NEVER = np.iinfo(np.int64).min
"""Event time of a sample that does not exist."""

SET_RIGHT_AFTER, SET_BACK_AFTER = 30, 300
"""Events in a row that are older than their vehicle's newest sample, each newer than the one before, after
which the vehicle's clock is taken to have been set back, and its window begins anew with the last of them.

Without that, all its events would be late until the time that its clock had once shown. The first number is
for a clock that was ahead and is set right: its events are nearer to the time of the shard's other vehicles
than the newest sample is. The second is for all others, since it may be old events that are sent again, as
after a lost connection; those end sooner.
"""


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


IN_ORDER, DUPLICATE, LATE, OUT_OF_ORDER = map(int, Arrival)


@compiled
def classify(
    slots: Slots,
    times: Integers,
    window: Integers,
    behind: NDArray[np.int32],
    behind_at: Integers,
    errors: Floats,
    samples: NDArray[np.int32],
    held_at: Integers,
    patience: tuple[int, int],
    arrivals: NDArray[np.uint8],
) -> int:
    """Classify n rows against the samples of their vehicles and the rows before them; take in their times.

    Args:
        slots: vehicle of each row, shape (n,).
        times: event times in microseconds, shape (n,).
        window: of each vehicle the times of its samples, rising, shape (V, K); changed.
        behind, behind_at: of each vehicle how many events in a row were older than its newest sample, and
            the time of the last of them, shape (V,); changed.
        errors, samples, held_at: of `Window`, cleared for a vehicle that begins anew.
        patience: `SET_RIGHT_AFTER` and `SET_BACK_AFTER`.
        arrivals: gets the `Arrival` of each row, shape (n,).

    Returns:
        How many rows were classified, at least one: see `Window.arrive`.
    """
    size = window.shape[1]
    for row in range(len(slots)):
        slot, time = slots[row], times[row]
        known = window[slot]
        if time > known[size - 1]:
            for back in range(size - 1):
                known[back] = known[back + 1]
            known[size - 1] = time
            behind[slot] = 0
            arrivals[row] = IN_ORDER
            continue
        if np.any(known == time):
            arrivals[row] = DUPLICATE
            continue
        length = behind[slot] + 1 if behind[slot] > 0 and time > behind_at[slot] else 1
        set_back = length >= patience[1] or (length >= patience[0] and _is_nearer(time, slot, window))
        late = time < known[0]
        if row > 0 and (set_back or not late):
            return row
        behind[slot], behind_at[slot] = length, time
        if set_back:
            known[:] = NEVER
            known[size - 1] = time
            errors[slot, :] = 0.0
            samples[slot] = 0
            held_at[slot, :] = NEVER
            behind[slot] = 0
            arrivals[row] = IN_ORDER
        elif late:
            arrivals[row] = LATE
        else:
            arrivals[0] = OUT_OF_ORDER
            return 1
    return len(slots)


@compiled
def _is_nearer(time: int, slot: int, window: Integers) -> bool:
    """Whether a time is nearer than its vehicle's newest sample to the median of the others' newest samples.

    Where there are no others, nothing speaks against it.
    """
    newest = window[:, window.shape[1] - 1]
    others = newest[newest != NEVER]
    if len(others) < 2:
        return True
    own = newest[slot]
    # Of one other vehicle and this one the median would be half way between them.
    now = np.median(others) if len(others) > 2 else float(others.sum() - own)
    return bool(abs(time - now) < abs(own - now))
