"""State as arrays: how the parts of a detector are snapshotted and restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Slots

FIRST_CAPACITY = 16
"""Slots that the arrays have room for when the first vehicle arrives; the room doubles from there."""


class State(Protocol):
    """State of the vehicles of one shard, one slot per vehicle."""

    def grow(self, vehicles: int) -> None:
        """Make room for `vehicles` slots."""

    def forget(self, slots: Slots) -> None:
        """Clear the state of these slots, as if their vehicles had never been seen; shape (n,)."""

    def snapshot(self, vehicles: int) -> dict[str, Any]:
        """Copy the state of the first `vehicles` slots and everything shared."""

    def restore(self, state: dict[str, Any]) -> None:
        """Replace the state by a copy of what `snapshot` returned."""


class ArrayState:
    """Base class of a detector's parts: a subclass lists its state and inherits `snapshot` and `restore`.

    Attributes:
        PER_VEHICLE: names of the arrays whose first axis is the vehicle's slot.
        SHARED: names of arrays and numbers that belong to the shard as a whole.
        PARTS: names of attributes that have state of their own.
    """

    PER_VEHICLE: ClassVar[tuple[str, ...]] = ()
    SHARED: ClassVar[tuple[str, ...]] = ()
    PARTS: ClassVar[tuple[str, ...]] = ()

    def grow(self, vehicles: int) -> None:
        """Make room for `vehicles` slots; a new slot holds the array's `fill_value`."""
        for name in self.PER_VEHICLE:
            array: NDArray[Any] = getattr(self, name)
            if len(array) < vehicles:
                capacity = max(vehicles, 2 * len(array), FIRST_CAPACITY)
                grown = np.full((capacity, *array.shape[1:]), self.fill_value(name), array.dtype)
                grown[: len(array)] = array
                setattr(self, name, grown)
        for name in self.PARTS:
            getattr(self, name).grow(vehicles)

    def forget(self, slots: Slots) -> None:
        """Clear the state of these slots; what the fleet has learned from their vehicles is kept."""
        for name in self.PER_VEHICLE:
            getattr(self, name)[slots] = self.fill_value(name)
        for name in self.PARTS:
            getattr(self, name).forget(slots)

    def fill_value(self, name: str) -> float:
        """What the array `name` holds for a vehicle that has not been seen."""
        return 0

    @contextmanager
    def undone(self, slots: Slots) -> Iterator[None]:
        """Undo at the end of a block what it did to these slots, shape (n,), and to everything shared.

        Other slots must not be changed in it, and none must be added.
        """
        with ExitStack() as parts:
            for name in self.PARTS:
                parts.enter_context(getattr(self, name).undone(slots))
            rows = {name: getattr(self, name)[slots] for name in self.PER_VEHICLE}
            shared = {name: _copy(getattr(self, name)) for name in self.SHARED}
            try:
                yield
            finally:
                for name, before in rows.items():
                    getattr(self, name)[slots] = before
                for name, value in shared.items():
                    setattr(self, name, value)

    def snapshot(self, vehicles: int) -> dict[str, Any]:
        """Copy the state of the first `vehicles` slots and everything shared."""
        state: dict[str, Any] = {name: getattr(self, name)[:vehicles].copy() for name in self.PER_VEHICLE}
        for name in self.SHARED:
            state[name] = _copy(getattr(self, name))
        for name in self.PARTS:
            state[name] = getattr(self, name).snapshot(vehicles)
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Replace the state by a copy of what `snapshot` returned."""
        for name in (*self.PER_VEHICLE, *self.SHARED):
            setattr(self, name, _copy(state[name]))
        for name in self.PARTS:
            getattr(self, name).restore(state[name])


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
