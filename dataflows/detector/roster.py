"""Which vehicle has which slot in the arrays, and whose slot is taken when there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Slots

SPARE = 16
"""Of so many vehicles one is forgotten at once, so that it is rarely done."""


class Roster:
    """The vehicles of a shard. The ones that have been silent for longest are forgotten first.

    Silence is counted in events of the shard, not in time: clocks of vehicles may be wrong, and the same
    events in the same order must give the same scores whenever they are processed.

    Args:
        most: vehicles that `overdue` leaves; between two calls there may be more. ≥ 1.

    Attributes:
        forgotten: vehicles forgotten so far.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.forgotten = 0
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._names: list[str | None] = []
        self._latest: NDArray[np.int64] = np.zeros(0, np.int64)
        self._events = 0

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """Slots in use, those that are free again included."""
        return len(self._names)

    def slots(self, vehicles: Sequence[str]) -> Slots:
        """The slot of each vehicle, shape (n,); a new vehicle is given one. Takes note that they sent."""
        known = self._slots
        try:
            slots = np.fromiter(map(known.__getitem__, vehicles), np.intp, len(vehicles))
        except KeyError:
            for vehicle in vehicles:
                if vehicle not in known:
                    known[vehicle] = self._take(vehicle)
            slots = np.fromiter(map(known.__getitem__, vehicles), np.intp, len(vehicles))
        # Of a slot that occurs several times the last assignment stays.
        self._latest[slots] = np.arange(self._events, self._events + len(slots))
        self._events += len(slots)
        return slots

    def overdue(self) -> Slots:
        """Forget who has been silent for longest, if there are more than `most`; their slots, rising."""
        if len(self._slots) <= self.most:
            return np.zeros(0, np.intp)
        used = np.array(list(self._slots.values()), np.intp)
        excess = len(used) - self.most + self.most // SPARE
        chosen = np.sort(used[np.argsort(self._latest[used])[:excess]])
        for slot in chosen.tolist():
            name = self._names[slot]
            assert name is not None
            del self._slots[name]
            self._names[slot] = None
        self._free.extend(chosen.tolist())
        self.forgotten += len(chosen)
        return chosen

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state."""
        return {
            "names": list(self._names),
            "free": list(self._free),
            "latest": self._latest[: self.size].copy(),
            "events": self._events,
            "forgotten": self.forgotten,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `snapshot` returned."""
        self._names, self._free = list(state["names"]), list(state["free"])
        self._latest = state["latest"].copy()
        self._events, self.forgotten = state["events"], state["forgotten"]
        self._slots = {name: slot for slot, name in enumerate(self._names) if name is not None}

    def _take(self, vehicle: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._names[slot] = vehicle
            return slot
        self._names.append(vehicle)
        if len(self._latest) < self.size:
            self._latest = np.concatenate((self._latest, np.zeros(max(self.size, 16), np.int64)))
        return self.size - 1
