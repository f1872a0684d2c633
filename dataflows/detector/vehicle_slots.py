"""Maps vehicles to their slots in the arrays, and evicts vehicles when there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Slots

EVICTED_SHARE = 16
"""One vehicle in this many is evicted at a time, so that it rarely has to be done."""


class VehicleSlots:
    """The vehicles of a shard and their slots. Those that have been silent for longest are evicted first.

    Silence is counted in events of the shard, not in time: vehicles' clocks may be wrong, and the same events
    in the same order must give the same scores whenever they are processed.

    Args:
        limit: vehicles that are left after `evict`, ≥ 1; between two calls there may be more.

    Attributes:
        evicted: vehicles evicted so far.
        last_evicted: those that the last call of `evict` has evicted.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.evicted = 0
        self.last_evicted: list[str] = []
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._names: list[str | None] = []
        self._latest: NDArray[np.int64] = np.zeros(0, np.int64)
        self._events = 0

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """Slots that have ever been used, including those that are free again."""
        return len(self._names)

    def name(self, slot: int) -> str:
        """The vehicle of a slot in use."""
        name = self._names[slot]
        assert name is not None
        return name

    def slots(self, vehicles: Sequence[str]) -> Slots:
        """The slot of each vehicle, shape (n,). A new vehicle gets one; each is recorded as having sent."""
        known = self._slots
        try:
            slots = np.fromiter(map(known.__getitem__, vehicles), np.intp, len(vehicles))
        except KeyError:
            for vehicle in vehicles:
                if vehicle not in known:
                    known[vehicle] = self._take(vehicle)
            slots = np.fromiter(map(known.__getitem__, vehicles), np.intp, len(vehicles))
        # For a slot that occurs more than once, the last assignment is the one that remains.
        self._latest[slots] = np.arange(self._events, self._events + len(slots))
        self._events += len(slots)
        return slots

    def looked_up(self, vehicles: Sequence[str]) -> Slots:
        """The slots that `slots` would return, shape (n,), without giving or recording anything."""
        known, unused = self._slots, chain(reversed(self._free), count(self.size))
        new = {vehicle: None for vehicle in vehicles if vehicle not in known}
        given = dict(zip(new, unused, strict=False))
        found = (known[vehicle] if vehicle in known else given[vehicle] for vehicle in vehicles)
        return np.fromiter(found, np.intp, len(vehicles))

    def evict(self) -> Slots:
        """Free the slots of the vehicles that have been silent for longest, if there are more than `limit`.

        Returns:
            The freed slots in rising order, shape (n,).
        """
        self.last_evicted = []
        if len(self._slots) <= self.limit:
            return np.zeros(0, np.intp)
        used = np.array(list(self._slots.values()), np.intp)
        excess = len(used) - self.limit + self.limit // EVICTED_SHARE
        chosen = np.sort(used[np.argsort(self._latest[used])[:excess]])
        for slot in chosen.tolist():
            name = self.name(slot)
            self.last_evicted.append(name)
            del self._slots[name]
            self._names[slot] = None
        self._free.extend(chosen.tolist())
        self.evicted += len(chosen)
        return chosen

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state."""
        return {
            "names": list(self._names),
            "free": list(self._free),
            "latest": self._latest[: self.size].copy(),
            "events": self._events,
            "evicted": self.evicted,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Replace the state by a copy of what `snapshot` returned."""
        self._names, self._free = list(state["names"]), list(state["free"])
        self._latest = state["latest"].copy()
        self._events, self.evicted = state["events"], state["evicted"]
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
