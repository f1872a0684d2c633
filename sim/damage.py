"""How badly vehicles are damaged: what slowly developing faults do to the physics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.routes import FloatArray


@dataclass(frozen=True, slots=True)
class Damage:
    """Severities of the damage of n vehicles, 0 (none) to 1; the names are those of the kinds of fault.

    Attributes:
        coolant_leak: the radiator loses its effect, so that the temperature settles higher.
        weak_battery: the voltage sags further under load and at the start; a traction battery holds less.
        brake_drag: the brakes resist the movement.
        tyre_leak: how far the pressure of one tyre has fallen.
        leaking_tyre: which tyre that is, an index; meaningless without a leak.
    """

    coolant_leak: FloatArray
    weak_battery: FloatArray
    brake_drag: FloatArray
    tyre_leak: FloatArray
    leaking_tyre: FloatArray

    @classmethod
    def none(cls, vehicles: int) -> Damage:
        """Everything is as it should be."""
        return cls(*(np.zeros(vehicles) for _ in cls.__dataclass_fields__))

    def part(self, vehicles: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Damage:
        """The damage of some of the vehicles, by index."""
        return Damage(*(getattr(self, name)[vehicles] for name in self.__dataclass_fields__))
