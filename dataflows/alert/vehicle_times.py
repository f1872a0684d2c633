"""The time of each vehicle by its own clock: it does not fall, unless that clock was set back."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.clock import NEVER, SECOND
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.detector.state import ArrayState

SET_BACK_AFTER = 30
"""Consecutive events of a vehicle, older than its latest one, after which its clock was set back.

Late ones do not count: the detector calls events late until it is sure of the same
(`dataflows.detector.arrival`).
"""


class Times(NamedTuple):
    """Times of m events.

    Attributes:
        rising: event times, microseconds, each no less than its vehicle's latest one before, shape (m,).
        in_order: whether that is the time it was sent with, shape (m,).
        known_for: seconds of data of all vehicles until then, shape (m,).
        set_back: whether there is one more event, at which its vehicle's clock turned out to be set back.
    """

    rising: Integers
    in_order: Mask
    known_for: Floats
    set_back: bool


class VehicleTimes(ArrayState):
    """Follows the event times of the vehicles.

    Args:
        hold: seconds between two events of a vehicle that are no pause.

    Attributes:
        latest: event time of each vehicle's latest event, microseconds, shape (V,).
        older: consecutive events that were older, shape (V,).
        known_for: microseconds of data of all vehicles, shape (1,).
    """

    PER_VEHICLE: ClassVar = ("latest", "older")
    SHARED: ClassVar = ("known_for",)

    def __init__(self, *, hold: float) -> None:
        self._hold = int(hold * SECOND)
        self.latest = np.zeros(0, np.int64)
        self.older = np.zeros(0, np.int32)
        self.known_for = np.zeros(1, np.int64)

    def fill_value(self, name: str) -> Any:
        return NEVER if name == "latest" else 0

    def follow(self, slots: Slots, times: Integers) -> Times:
        """Follow n events, or as many as there are before one at which a clock was set back.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, shape (n,); they may fall.
        """
        return Times(*_follow(slots, times, self._hold, self.latest, self.older, self.known_for))


@compiled
def _follow(
    slots: Slots, times: Integers, hold: int, latest: Integers, older: NDArray[np.int32], known_for: Integers
) -> tuple[Integers, Mask, Floats, bool]:
    rising, in_order = np.empty(len(slots), np.int64), np.empty(len(slots), np.bool_)
    seconds = np.empty(len(slots))
    for row in range(len(slots)):
        slot, now = slots[row], times[row]
        in_order[row] = now >= latest[slot]
        older[slot] = 0 if in_order[row] else older[slot] + 1
        if older[slot] >= SET_BACK_AFTER:
            return rising[:row], in_order[:row], seconds[:row], True
        if latest[slot] != NEVER and 0 < now - latest[slot] <= hold:
            known_for[0] += now - latest[slot]
        latest[slot] = max(latest[slot], now)
        rising[row], seconds[row] = latest[slot], known_for[0] / 1e6
    return rising, in_order, seconds, False
