"""Whether an event is in order, out of order, late, or a duplicate."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled

NEVER = np.iinfo(np.int64).min
"""Event time of a sample that does not exist."""

UNIQUE = np.iinfo(np.int64).min
"""Identity of an event that is no duplicate of any other."""

SET_RIGHT_AFTER, SET_BACK_AFTER = 30, 300
"""Consecutive events, older than their vehicle's newest sample, after which its clock was set back.

Each of them must be newer than the one before; the window then restarts with the last of them. Without this
rule all its events would be late until the clock has caught up with the latest time it ever showed. The first
number applies to a clock that was ahead and is corrected: the vehicle's new times are nearer to the time of
the shard's other vehicles than its newest sample is. The second applies otherwise, since it may be old events
that are sent again, as after a lost connection; such a run ends sooner.
"""


class Arrival(IntEnum):
    """How an event's time relates to the samples of its vehicle that are already known."""

    IN_ORDER = 0
    """Not older than any of them: newer, or another event of the newest one's time."""
    DUPLICATE = 1
    """One of the window's samples again: the same time and the same identity."""
    LATE = 2
    """Older than the whole window, or as old as its oldest sample, which may have been this event."""
    OUT_OF_ORDER = 3
    """Between the window's samples."""


IN_ORDER, DUPLICATE, LATE, OUT_OF_ORDER = map(int, Arrival)


@compiled
def classify(
    slots: Slots,
    times: Integers,
    identities: Integers,
    window: Integers,
    window_identities: Integers,
    behind: NDArray[np.int32],
    behind_at: Integers,
    errors: Floats,
    samples: NDArray[np.int32],
    held_at: Integers,
    patience: tuple[int, int],
    arrivals: NDArray[np.uint8],
) -> int:
    """Compare n rows with their vehicles' samples and the rows before them, and record their times.

    Args:
        slots: vehicle of each row, shape (n,).
        times: event times in microseconds, shape (n,).
        identities: what tells events of one time apart, shape (n,); `UNIQUE` equals nothing.
        window, window_identities: times of each vehicle's samples, never falling, and their identities, shape
            (V, K); updated.
        behind, behind_at: how many consecutive events of each vehicle were older than its newest sample, and
            the time of the last of them, shape (V,); updated.
        errors, samples, held_at: `errors`, `known` and `held_at` of `Window`, cleared for a vehicle whose
            window restarts.
        patience: `SET_RIGHT_AFTER` and `SET_BACK_AFTER`.
        arrivals: filled with the `Arrival` of each row, shape (n,).

    Returns:
        How many rows were classified, at least one: see `Window.arrive`.
    """
    size = window.shape[1]
    for row in range(len(slots)):
        slot, time, identity = slots[row], times[row], identities[row]
        known, known_identities = window[slot], window_identities[slot]
        newest = known[size - 1]
        if time <= newest and _is_known(time, identity, known, known_identities):
            arrivals[row] = DUPLICATE
            continue
        if time >= newest:
            for back in range(size - 1):
                known[back] = known[back + 1]
                known_identities[back] = known_identities[back + 1]
            known[size - 1] = time
            known_identities[size - 1] = identity
            behind[slot] = 0
            arrivals[row] = IN_ORDER
            continue
        length = 1
        if behind[slot] > 0 and time >= behind_at[slot]:
            # Events of one time count once: a clock that stands still is not one that was set back.
            length = behind[slot] + (time > behind_at[slot])
        set_back = length >= patience[1] or (length >= patience[0] and _is_nearer(time, slot, window))
        late = time <= known[0]
        if row > 0 and (set_back or not late):
            return row
        behind[slot], behind_at[slot] = length, time
        if set_back:
            known[:] = NEVER
            known[size - 1] = time
            known_identities[size - 1] = identity
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
def _is_known(time: int, identity: int, known: Integers, known_identities: Integers) -> bool:
    for back in range(len(known) - 1, -1, -1):
        if known[back] < time:
            return False
        if known[back] == time and known_identities[back] == identity and identity != UNIQUE:
            return True
    return False


@compiled
def _is_nearer(time: int, slot: int, window: Integers) -> bool:
    """Whether a time is nearer to the shard's time than its vehicle's newest sample is.

    The shard's time is the median of all vehicles' newest samples. True if there are no other vehicles to
    compare with.
    """
    newest = window[:, window.shape[1] - 1]
    others = newest[newest != NEVER]
    if len(others) < 2:
        return True
    own = newest[slot]
    # With one other vehicle the median would lie half way between it and this one.
    now = np.median(others) if len(others) > 2 else float(others.sum() - own)
    return bool(abs(time - now) < abs(own - now))
