"""A fleet in which some vehicles have combustion engines and the others are electric."""

from __future__ import annotations

import numpy as np

from sim.damage import Damage
from sim.electric import ElectricDrive
from sim.powertrain import Powertrain
from sim.routes import BoolArray, FloatArray

_CRANKING = 2.4  # V that the starter takes from a good battery
_CRANKING_SECONDS = 1.3


class MixedPowertrain:
    """What moves n vehicles. Quantities that a vehicle does not have are NaN.

    Args:
        electric: which of the n vehicles are electric.
        rng: decides models and fill levels.
        ambient: temperature outside, °C.

    Attributes:
        combustion: the vehicles with an engine, in their order.
        drive: the electric ones, likewise.
        is_electric: which are which.
        running: whether they are switched on.
    """

    def __init__(self, electric: BoolArray, rng: np.random.Generator, ambient: float) -> None:
        vehicles = len(electric)
        self.is_electric = electric
        self._burning, self._charged = np.flatnonzero(~electric), np.flatnonzero(electric)
        self.combustion = Powertrain(len(self._burning), rng)
        self.drive = ElectricDrive(len(self._charged), rng, ambient)
        self.running: BoolArray = np.ones(vehicles, dtype=np.bool_)
        self._since_start: FloatArray = np.full(len(self._burning), np.inf)
        self._damage = Damage.none(vehicles)
        self.ambient = ambient

    @property
    def ambient(self) -> float:
        """Temperature outside, °C."""
        return self.combustion.ambient

    @ambient.setter
    def ambient(self, temperature: float) -> None:
        self.combustion.ambient = self.drive.ambient = temperature

    @property
    def damage(self) -> Damage:
        """How badly the vehicles are damaged."""
        return self._damage

    @damage.setter
    def damage(self, damage: Damage) -> None:
        self._damage = damage
        self.combustion.damage = damage.part(self._burning)
        self.drive.damage = damage.part(self._charged)

    @property
    def rpm(self) -> FloatArray:
        """Engine speed, 1/min."""
        return self._spread(self.combustion.rpm)

    @property
    def temperature(self) -> FloatArray:
        """Of the coolant, °C."""
        return self._spread(self.combustion.temperature)

    @property
    def fuel(self) -> FloatArray:
        """Fill level, %."""
        return self._spread(self.combustion.fuel)

    @property
    def throttle(self) -> FloatArray:
        """Share of the available power, %."""
        return self._spread(self.combustion.throttle, self.drive.throttle)

    @property
    def voltage(self) -> FloatArray:
        """Of the low-voltage battery, V."""
        return self._spread(self.combustion.voltage, self.drive.voltage)

    @property
    def state_of_charge(self) -> FloatArray:
        """%."""
        return self._spread(None, self.drive.state_of_charge)

    @property
    def power(self) -> FloatArray:
        """What the battery gives, kW."""
        return self._spread(None, self.drive.power)

    @property
    def range(self) -> FloatArray:
        """km."""
        return self._spread(None, self.drive.range)

    @property
    def battery_temperature(self) -> FloatArray:
        """°C."""
        return self._spread(None, self.drive.temperature)

    @property
    def charging(self) -> FloatArray:
        """1 while a charger charges, else 0."""
        return self._spread(None, self.drive.charging.astype(np.float64))

    @property
    def level(self) -> FloatArray:
        """What is left in tank or battery, 0–1."""
        return self._spread(self.combustion.fuel, self.drive.state_of_charge) / 100.0

    def park(self, vehicles: BoolArray) -> None:
        """Let the marked vehicles have been parked for long: the engine is as cold as the air."""
        parked = vehicles[self._burning]
        self.combustion.temperature[parked] = self.ambient

    def acceleration_limit(self, speed: FloatArray) -> FloatArray:
        """The strongest acceleration that the power allows, m/s²."""
        return self._spread(
            self.combustion.acceleration_limit(speed[self._burning]),
            self.drive.acceleration_limit(speed[self._charged]),
        )

    def step(
        self, speed: FloatArray, acceleration: FloatArray, consumers: BoolArray, running: BoolArray, dt: float
    ) -> None:
        """Advance by dt seconds; arguments as for `Powertrain.step`."""
        burning, charged = self._burning, self._charged
        starts = (running & ~self.running)[burning]
        self._since_start = np.where(starts, 0.0, self._since_start + dt)
        cranks = self._since_start < _CRANKING_SECONDS
        self.combustion.cranking = np.where(cranks, _CRANKING, 0.0)
        self.running = running
        self.combustion.step(speed[burning], acceleration[burning], consumers[burning], running[burning], dt)
        self.drive.step(speed[charged], acceleration[charged], consumers[charged], running[charged], dt)

    def refuel(self, vehicles: BoolArray, share_per_second: float, dt: float) -> None:
        """Fill the tanks of the marked vehicles; the electric ones are charged by what `plug_in` says."""
        self.combustion.refuel(vehicles[self._burning], share_per_second, dt)

    def plug_in(self, chargers: FloatArray) -> None:
        """Connect chargers: n powers, W; 0 for none. Combustion engines take no notice."""
        self.drive.charger = chargers[self._charged]

    def engage(self, speed: FloatArray) -> None:
        """Choose the gear for a speed."""
        self.combustion.engage(speed[self._burning])

    def _spread(self, combustion: FloatArray | None, electric: FloatArray | None = None) -> FloatArray:
        values = np.full(len(self.is_electric), np.nan)
        if combustion is not None:
            values[self._burning] = combustion
        if electric is not None:
            values[self._charged] = electric
        return values
