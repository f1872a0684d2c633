"""Signals that a vehicle usually sends and no longer does."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dataflows.alert.lifecycle import Conditions
from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.state import ArrayState

STRENGTH = 2.0
"""Of a missing signal: a minor alert."""

USUAL_AFTER = 30
"""Values of a signal after which a vehicle is known to send it."""

TIMES_USUAL = 3.0
"""Times the longest usual gap: a signal is missing for no less than this."""

LEAST_EVENTS = 3
"""Events in a row without it: two lost values are no fault of a sensor."""

FADE = 0.999
"""Of the longest gap, with every value: what was an exception is forgotten after some thousand values."""


class Gaps(ArrayState):
    """For how long each vehicle has been sending events without a signal.

    Time counts only while the vehicle sends: a parked vehicle misses nothing. What is sent rarely may be
    missing for longer, three times the longest gap of late.

    Args:
        signals: number of signals S.
        after: seconds; ``None`` judges nothing.
        pause: seconds between two events that count as a pause, and not as a gap of every signal.

    Attributes:
        latest: event time of each vehicle's latest event, microseconds, shape (V,).
        seen_at: event time of each signal's latest value, microseconds, shape (V, S).
        seen: values of each signal, at most `USUAL_AFTER`, shape (V, S).
        absent: events since the latest value, shape (V, S).
        waited: microseconds that the vehicle has sent without the signal, shape (V, S).
        longest: longest such time that was followed by a value, fading, shape (V, S).
    """

    PER_VEHICLE: ClassVar = ("latest", "seen_at", "seen", "absent", "waited", "longest")

    def __init__(self, signals: int, *, after: float | None, pause: float) -> None:
        self._after = -1 if after is None else int(after * 1e6)
        self._pause = int(pause * 1e6)
        self.latest = np.zeros(0, np.int64)
        self.seen_at = np.zeros((0, signals), np.int64)
        self.seen = np.zeros((0, signals), np.int16)
        self.absent = np.zeros((0, signals), np.int32)
        self.waited = np.zeros((0, signals), np.int64)
        self.longest = np.zeros((0, signals))

    def fill_value(self, name: str) -> Any:
        return NEVER if name in ("latest", "seen_at") else 0

    def judge(self, slots: Slots, times: Integers, values: Floats) -> Conditions:
        """Judge n events.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, not falling within a vehicle, shape (n,).
            values: NaN where missing, shape (n, S).

        Returns:
            Strength of each signal's condition, and when it was sent last; shape (n, S).
        """
        strengths, onsets = np.zeros(values.shape), np.full(values.shape, NEVER)
        if self._after >= 0:
            state = (self.latest, self.seen_at, self.seen, self.absent, self.waited, self.longest)
            _judge(slots, times, values, self._after, self._pause, *state, strengths, onsets)
        return Conditions(strengths, onsets)


@compiled
def _judge(
    slots: Slots,
    times: Integers,
    values: Floats,
    after: int,
    pause: int,
    latest: Integers,
    seen_at: Integers,
    seen: NDArray[np.int16],
    absent: NDArray[np.int32],
    waited: Integers,
    longest: Floats,
    strengths: Floats,
    onsets: Integers,
) -> None:
    for row in range(len(slots)):
        slot, now = slots[row], times[row]
        elapsed = 0 if latest[slot] == NEVER else now - latest[slot]
        # A long interval is likely a pause; after `LEAST_EVENTS` of them, `after` has passed all the same.
        elapsed = 0 if elapsed > pause else min(elapsed, -(-after // LEAST_EVENTS))
        latest[slot] = now
        for signal in range(values.shape[1]):
            if np.isfinite(values[row, signal]):
                # The interval of events is no gap: it ends with the first event that lacks the signal.
                gap = float(waited[slot, signal])
                longest[slot, signal] = max(gap, FADE * longest[slot, signal])
                seen_at[slot, signal], absent[slot, signal], waited[slot, signal] = now, 0, 0
                seen[slot, signal] = min(seen[slot, signal] + 1, USUAL_AFTER)
                continue
            absent[slot, signal] += 1
            waited[slot, signal] += elapsed
            if seen[slot, signal] < USUAL_AFTER:
                continue
            least = max(float(after), TIMES_USUAL * longest[slot, signal])
            if absent[slot, signal] >= LEAST_EVENTS and waited[slot, signal] >= least:
                strengths[row, signal] = STRENGTH
                onsets[row, signal] = seen_at[slot, signal]
