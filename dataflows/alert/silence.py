"""Vehicles that have stopped sending, judged by the event time of the others."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.clock import NEVER
from dataflows.compiled import Integers, Mask, Slots, compiled
from dataflows.detector.state import ArrayState

CHECKS = 10
"""Checks per `after`: an alert is at most a tenth of it late."""

STEPS = 2
"""Events of one vehicle, at least, in which `after` can pass: a single one may be wrong."""

WITHOUT_ALERTS = 60_000_000
"""Microseconds instead of `after` where silence is no alert: the clock is needed all the same."""

SET_BACK_AFTER = 300
"""Consecutive events of a vehicle, older than its latest one, after which its clock was set back."""

SHARD_SET_BACK_AFTER = 4096
"""The same for the shard's clock, which a vehicle with a wrong one may have started."""


class Notice(NamedTuple):
    """That a vehicle has fallen silent, or is heard again.

    Attributes:
        row: the event at which it was noticed.
        slot: of the vehicle.
        silent: which of the two.
        latest: event time of the vehicle's latest event, microseconds.
        at: the time of the notice by the vehicle's own clock, microseconds.
    """

    row: int
    slot: int
    silent: bool
    latest: int
    at: int


class Silence(ArrayState):
    """The event time of a shard, and what it was when each vehicle was last heard of.

    The wall clock says nothing about a replay or a job that lags. What has *elapsed* is what the vehicles
    have sent: an event moves it on to when its vehicle was heard last, plus the time since by the vehicle's
    own clock. So it makes no difference how far off a clock is, or how many are; a single event counts for no
    more than half of `after`, and when nobody sends, nothing elapses. Events far behind the shard's *clock*
    do not count: a vehicle may send in a second what it has recorded in an hour.

    Args:
        after: seconds by the shard's clock; ``None`` judges nothing.

    Attributes:
        latest: event time of each vehicle's latest event, microseconds, shape (V,).
        heard: what had elapsed when its last event came, microseconds, shape (V,).
        older: consecutive events older than `latest`, shape (V,).
        silent, asleep: whether the vehicle is, shape (V,).
        clock: the event time that vehicles have reached, microseconds, shape (1,); `NEVER` before the first
            event. An event moves it on by no more than its vehicle's time since the event before.
        elapsed: microseconds, shape (1,).
        next_check: what has elapsed when the vehicles are checked next, shape (1,).
        behind: consecutive events that were far behind the clock, shape (1,).
    """

    PER_VEHICLE: ClassVar = ("latest", "heard", "older", "silent", "asleep")
    SHARED: ClassVar = ("clock", "elapsed", "next_check", "behind")

    def __init__(self, *, after: float | None) -> None:
        self._judges = after is not None
        self._after = WITHOUT_ALERTS if after is None else int(after * 1e6)
        self.latest = np.zeros(0, np.int64)
        self.heard = np.zeros(0, np.int64)
        self.older = np.zeros(0, np.int32)
        self.silent = np.zeros(0, np.bool_)
        self.asleep = np.zeros(0, np.bool_)
        self.clock = np.full(1, NEVER)
        self.elapsed = np.zeros(1, np.int64)
        self.next_check = np.zeros(1, np.int64)
        self.behind = np.zeros(1, np.int64)

    def fill_value(self, name: str) -> Any:
        return NEVER if name in ("latest", "heard") else 0

    def hear(self, slots: Slots, times: Integers, asleep: Mask) -> tuple[list[Notice], Integers]:
        """Hear n events.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, shape (n,); they may fall.
            asleep: whether the event says that the vehicle will not send for a while, shape (n,).

        Returns:
            Who has fallen silent or is heard again, in the order in which it was noticed, and the shard's
            clock after each event, shape (n,).
        """
        clocks = np.empty(len(slots), np.int64)
        found: list[Notice] = []
        start = 0
        while start < len(slots):
            start = _hear(
                start,
                slots,
                times,
                asleep,
                self._after // STEPS,
                self.latest,
                self.heard,
                self.older,
                self.silent,
                self.asleep,
                self.clock,
                self.elapsed,
                self.next_check,
                self.behind,
                clocks,
            )
            row = start - 1
            slot, time = int(slots[row]), int(times[row])
            if self.silent[slot]:
                self.silent[slot] = False
                found.append(Notice(row, slot, False, int(self.latest[slot]), time))
            if self.elapsed[0] >= self.next_check[0]:
                self.next_check[0] = self.elapsed[0] + self._after // CHECKS
                found.extend(self._fallen_silent(row))
        return found, clocks

    def _fallen_silent(self, row: int) -> list[Notice]:
        if not self._judges:
            return []
        quiet = self.elapsed[0] - self.heard
        late = (self.heard != NEVER) & (quiet > self._after) & ~self.silent & ~self.asleep
        slots = np.flatnonzero(late)
        self.silent[slots] = True
        return [
            Notice(row, slot, True, latest, latest + since)
            for slot, latest, since in zip(
                slots.tolist(), self.latest[slots].tolist(), quiet[slots].tolist(), strict=True
            )
        ]


@compiled
def _hear(
    start: int,
    slots: Slots,
    times: Integers,
    asleep: Mask,
    largest: int,
    latest: Integers,
    heard: Integers,
    older: NDArray[np.int32],
    silent: Mask,
    sleeping: Mask,
    clock: Integers,
    elapsed: Integers,
    next_check: Integers,
    behind: Integers,
    clocks: Integers,
) -> int:
    """Hear events until one is of a silent vehicle, or the vehicles are to be checked; returns the next."""
    for row in range(start, len(slots)):
        slot, now = slots[row], times[row]
        if clock[0] == NEVER:
            clock[0] = now
        behind[0] = behind[0] + 1 if now < clock[0] - largest else 0
        if behind[0] >= SHARD_SET_BACK_AFTER:
            clock[0], behind[0] = now, 0
        if latest[slot] != NEVER:
            own = min(max(now - latest[slot], 0), largest)
            if behind[0] == 0:
                elapsed[0] = max(elapsed[0], heard[slot] + own)
            clock[0] += max(min(now - clock[0], own), 0)
        older[slot] = older[slot] + 1 if now < latest[slot] else 0
        if older[slot] >= SET_BACK_AFTER:
            latest[slot], older[slot] = now, 0
        latest[slot] = max(latest[slot], now)
        heard[slot] = elapsed[0]
        sleeping[slot] = asleep[row]
        clocks[row] = clock[0]
        if silent[slot] or elapsed[0] >= next_check[0]:
            return row + 1
    return len(slots)
