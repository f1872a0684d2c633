"""Vehicles that have stopped sending, judged by the event time of the others."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dataflows.compiled import Integers, Mask, Slots, compiled
from dataflows.detector.state import ArrayState

NEVER = -(1 << 62)

CHECKS = 10
"""Checks per `after`: an alert is at most a tenth of it late."""


class Silence(ArrayState):
    """The event time of a shard, and what it was when each vehicle was last heard of.

    The wall clock says nothing about a replay or a job that lags. The shard's clock is the event time that
    vehicles have reached; a single event can move it on by no more than its vehicle's time since the event
    before, and by no more than a tenth of `after`, so a vehicle whose clock is wrong silences nobody. When
    nobody sends, it stands still.

    Args:
        after: seconds by the shard's clock; ``None`` judges nothing.

    Attributes:
        latest: event time of each vehicle's latest event, microseconds, shape (V,).
        heard: the shard's clock when it came, shape (V,).
        silent, asleep: whether the vehicle is, shape (V,).
        clock: the shard's clock, microseconds, shape (1,); `NEVER` before the first event.
        next_check: when the vehicles are checked next, shape (1,).
    """

    PER_VEHICLE: ClassVar = ("latest", "heard", "silent", "asleep")
    SHARED: ClassVar = ("clock", "next_check")

    def __init__(self, *, after: float | None) -> None:
        self._after = -1 if after is None else int(after * 1e6)
        self.latest = np.zeros(0, np.int64)
        self.heard = np.zeros(0, np.int64)
        self.silent = np.zeros(0, np.bool_)
        self.asleep = np.zeros(0, np.bool_)
        self.clock = np.full(1, NEVER)
        self.next_check = np.full(1, NEVER)

    def fill_value(self, name: str) -> Any:
        return NEVER if name in ("latest", "heard") else False

    def hear(self, slots: Slots, times: Integers, asleep: Mask) -> list[tuple[int, int, bool]]:
        """Move the clock on by n events.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, shape (n,); they may fall.
            asleep: whether the event says that the vehicle will not send for a while, shape (n,).

        Returns:
            Who has fallen silent (true) or is heard again (false), in the order in which it was noticed: the
            event at which it was, the vehicle's slot, and which of the two.
        """
        if self._after < 0:
            return []
        found: list[tuple[int, int, bool]] = []
        start = 0
        while start < len(slots):
            stop = _hear(
                start,
                slots,
                times,
                asleep,
                self._after // CHECKS,
                self.latest,
                self.heard,
                self.silent,
                self.asleep,
                self.clock,
                self.next_check,
            )
            row = stop - 1
            slot = int(slots[row])
            if self.silent[slot]:
                self.silent[slot] = False
                found.append((row, slot, False))
            if self.clock[0] >= self.next_check[0]:
                self.next_check[0] = self.clock[0] + self._after // CHECKS
                late = (self.heard != NEVER) & (self.clock[0] - self.heard > self._after)
                for other in np.flatnonzero(late & ~self.silent & ~self.asleep).tolist():
                    self.silent[other] = True
                    found.append((row, other, True))
            start = stop
        return found


@compiled
def _hear(
    start: int,
    slots: Slots,
    times: Integers,
    asleep: Mask,
    largest: int,
    latest: Integers,
    heard: Integers,
    silent: Mask,
    sleeping: Mask,
    clock: Integers,
    next_check: Integers,
) -> int:
    """Hear events until one is of a silent vehicle, or the vehicles are to be checked; returns the next."""
    for row in range(start, len(slots)):
        slot, now = slots[row], times[row]
        if clock[0] == NEVER:
            clock[0] = next_check[0] = now
        if latest[slot] != NEVER:
            ahead = min(now - clock[0], now - latest[slot], largest)
            clock[0] += max(ahead, 0)
        latest[slot] = max(latest[slot], now)
        heard[slot] = clock[0]
        sleeping[slot] = asleep[row]
        if silent[slot] or clock[0] >= next_check[0]:
            return row + 1
    return len(slots)
