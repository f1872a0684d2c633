"""How badly vehicles are damaged: what slowly developing faults do to the physics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.routes import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Damage:
    """Severities of the damage of n vehicles, 0 (none) to 1; the names are those of the kinds of fault.

    The arrays are not to be changed.

    Attributes:
        coolant_leak: the radiator loses its effect, so that the temperature settles higher.
        weak_battery: the voltage sags further under load and at the start; a traction battery holds less.
        brake_drag: the brakes resist the movement.
        tyre_leak: how far the pressure of one tyre has fallen.
        leaking_tyre: which tyre that is, an index; meaningless without a leak.
        is_none: nobody has any, so that it need not be looked at.
    """

    coolant_leak: FloatArray
    weak_battery: FloatArray
    brake_drag: FloatArray
    tyre_leak: FloatArray
    leaking_tyre: FloatArray
    is_none: bool = field(init=False)

    def __post_init__(self) -> None:
        severities = (self.coolant_leak, self.weak_battery, self.brake_drag, self.tyre_leak)
        object.__setattr__(self, "is_none", not any(severity.any() for severity in severities))

    @classmethod
    def none(cls, vehicles: int) -> Damage:
        """Everything is as it should be."""
        return cls(*np.zeros((5, vehicles)))

    def part(self, vehicles: IntArray) -> Damage:
        """The damage of some of the vehicles, by index."""
        return Damage(
            self.coolant_leak[vehicles],
            self.weak_battery[vehicles],
            self.brake_drag[vehicles],
            self.tyre_leak[vehicles],
            self.leaking_tyre[vehicles],
        )
