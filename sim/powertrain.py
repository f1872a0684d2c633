"""The engines of a fleet: gear, engine speed, load, heat, voltage and fuel, derived from the movement.

One array element per vehicle. The formulas are those of longitudinal vehicle dynamics (Rajamani, *Vehicle
Dynamics and Control*, ch. 4): force = m·a + air drag + rolling resistance; a lumped heat capacity for engine
and coolant with a thermostat-controlled radiator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sim.damage import Damage
from sim.routes import BoolArray, FloatArray, IntArray

AMBIENT_TEMPERATURE = 14.0  # °C
ENGINE_OFF_VOLTAGE = 12.5  # V
TOP_GEAR = 5

_GRAVITY = 9.81  # m/s²
_AIR_DENSITY = 1.2  # kg/m³
_ROLLING_RESISTANCE = 0.011
_EFFICIENCY = 0.9  # engine to wheels
_ACCESSORIES = 1500.0  # W: alternator, pumps
_RPM_PER_SPEED = 1000.0 * 3.6 / np.array([8.0, 15.0, 23.0, 32.0, 42.0, 52.0])  # per m/s, by gear
_RPM_OF_FULL_POWER = 4500.0
_IDLE_RPM = 780.0
_SHIFT_PAUSE = 1.2  # seconds between two shifts
_FUEL_ENERGY = 32e6 * 0.3  # J of work per litre of petrol
_IDLE_BURN = 0.7 / 3600  # l/s
_IDLE_HEAT = 4500.0  # W into the coolant
_HEAT_PER_POWER = 0.85  # W into the coolant per W of work
_COOLANT_LOST = 4.5  # a severe leak leaves exp(-this) of the radiator's effect, which has much in reserve
_BOILS_AT, _BOILING = 128.0, 1500.0  # °C under the pressure in the circuit; W/K that steam carries away
_WEAK_BATTERY_DROOP = 4.0  # how much further the voltage droops under load with a worn-out battery
_WEAK_BATTERY_STEADY = 0.3  # V that it takes from the alternator all the time
_WEAK_BATTERY_REST = 0.9  # V that a worn-out battery lacks at rest
_BRAKE_DRAG = 3.0  # rolling resistances that badly dragging brakes add


@dataclass(frozen=True, slots=True)
class Model:
    """A vehicle model.

    Attributes:
        share: of the fleet, 0–1.
        mass: kg.
        power: W.
        drag_area: cd·A, m².
        tank: litres.
    """

    share: float
    mass: float
    power: float
    drag_area: float
    tank: float


MODELS = (
    Model(0.40, 1250.0, 80e3, 0.62, 45.0),  # compact
    Model(0.35, 1600.0, 125e3, 0.66, 60.0),  # saloon
    Model(0.25, 2300.0, 125e3, 1.10, 75.0),  # van
)


def resistance(
    mass: FloatArray, drag_area: FloatArray, speed: FloatArray, brake_drag: FloatArray | float
) -> FloatArray:
    """Air drag, rolling resistance and dragging brakes of n vehicles, N.

    Args:
        mass: kg.
        drag_area: cd·A, m².
        speed: m/s.
        brake_drag: how badly the brakes drag, 0–1.
    """
    drag = 0.5 * _AIR_DENSITY * drag_area * speed**2
    rolling = mass * _GRAVITY * _ROLLING_RESISTANCE * (speed > 0.0)
    force: FloatArray = drag + rolling * (1.0 + _BRAKE_DRAG * brake_drag)
    return force


class Engines(Protocol):
    """What moves n vehicles; the attributes are those of `Powertrain`."""

    running: BoolArray

    @property
    def rpm(self) -> FloatArray: ...

    @property
    def throttle(self) -> FloatArray: ...

    @property
    def temperature(self) -> FloatArray: ...

    @property
    def voltage(self) -> FloatArray: ...

    @property
    def fuel(self) -> FloatArray: ...

    @property
    def damage(self) -> Damage: ...

    @damage.setter
    def damage(self, damage: Damage) -> None: ...

    def acceleration_limit(self, speed: FloatArray) -> FloatArray:
        """The strongest acceleration that the power allows, m/s²."""

    def step(
        self, speed: FloatArray, acceleration: FloatArray, consumers: BoolArray, running: BoolArray, dt: float
    ) -> None:
        """Advance by dt seconds."""

    def refuel(self, vehicles: BoolArray, share_per_second: float, dt: float) -> None:
        """Fill the tanks of the marked vehicles."""

    def engage(self, speed: FloatArray) -> None:
        """Choose the gear for a speed."""


class Powertrain:
    """The combustion engines of n vehicles.

    Attributes:
        rpm: engine speed, 1/min.
        throttle: share of the available power at this engine speed, %.
        temperature: engine coolant, °C.
        voltage: at the battery terminals, V.
        fuel: fill level of the tank, %.
        gear: 0 (first) to `TOP_GEAR`.
        running: false while refuelling, and while it is switched off.
        work: mechanical power at the engine, W.
        damage: how badly the vehicles are damaged.
        ambient: temperature outside, °C.
        cranking: what the starter takes from the voltage, V.
    """

    def __init__(self, vehicles: int, rng: np.random.Generator) -> None:
        model = rng.choice(len(MODELS), size=vehicles, p=[model.share for model in MODELS])
        load = rng.uniform(60.0, 300.0, vehicles)
        self.mass = np.array([model.mass for model in MODELS])[model] + load
        self._power = np.array([model.power for model in MODELS])[model] * rng.uniform(0.9, 1.1, vehicles)
        self._drag_area = np.array([model.drag_area for model in MODELS])[model]
        self._tank = np.array([model.tank for model in MODELS])[model]
        self._thermostat = rng.uniform(84.0, 89.0, vehicles)  # °C, at which it starts to open
        self._heat_capacity = 60.0 * self.mass  # J/K
        self._regulator = rng.uniform(14.05, 14.4, vehicles)  # V

        cold = rng.random(vehicles) < 0.15
        start = AMBIENT_TEMPERATURE + rng.uniform(0.0, 25.0, vehicles)
        self.temperature: FloatArray = np.where(cold, start, self._thermostat + 3.0)
        self.fuel: FloatArray = rng.uniform(20.0, 100.0, vehicles)
        self.voltage: FloatArray = self._regulator.copy()
        self.rpm: FloatArray = np.full(vehicles, _IDLE_RPM)
        self.throttle: FloatArray = np.zeros(vehicles)
        self.gear: IntArray = np.zeros(vehicles, dtype=np.int64)
        self.running: BoolArray = np.ones(vehicles, dtype=np.bool_)
        self._load: FloatArray = np.full(vehicles, 0.2)
        self._since_shift: FloatArray = np.zeros(vehicles)
        self.work: FloatArray = np.zeros(vehicles)
        self.damage = Damage.none(vehicles)
        self.ambient = AMBIENT_TEMPERATURE
        self.cranking: FloatArray | float = 0.0

    def acceleration_limit(self, speed: FloatArray) -> FloatArray:
        """The strongest acceleration that the power at the current engine speed allows, m/s²."""
        force = _EFFICIENCY * self._available_power() / np.maximum(speed, 3.0)
        limit: FloatArray = (force - self._resistance(speed)) / self.mass
        return limit

    def step(
        self, speed: FloatArray, acceleration: FloatArray, consumers: BoolArray, running: BoolArray, dt: float
    ) -> None:
        """Advance by dt seconds.

        Args:
            speed: m/s.
            acceleration: m/s².
            consumers: whether large electrical consumers (air conditioning) are on.
            running: whether the engine runs.
            dt: seconds, small compared with the time constants (at most about 0.5).
        """
        self.running = running
        self._shift_gears(speed, dt)
        idle = _IDLE_RPM + 4.0 * np.clip(60.0 - self.temperature, 0.0, 60.0)
        self.rpm = np.where(running, np.maximum(idle, speed * _RPM_PER_SPEED[self.gear]), 0.0)

        force = self.mass * acceleration + self._resistance(speed)
        work = np.maximum(force * speed / _EFFICIENCY + _ACCESSORIES, 0.0) * running
        self.work = work
        self.throttle = np.clip(100.0 * work / self._available_power(), 0.0, 100.0)
        self._load += (self.throttle / 100.0 - self._load) * min(dt / 0.8, 1.0)

        heat = _HEAT_PER_POWER * work + _IDLE_HEAT * running
        opening = np.clip((self.temperature - self._thermostat) / 10.0, 0.0, 1.0)
        damage = self.damage
        coolant = 1.0 if damage.is_none else np.exp(-_COOLANT_LOST * damage.coolant_leak)
        cooling = 18.0 + 0.6 * speed + opening * coolant * (250.0 + 42.0 * speed)  # W/K
        cooling *= self.temperature - self.ambient
        if not damage.is_none:
            cooling += _BOILING * np.maximum(self.temperature - _BOILS_AT, 0.0)
        self.temperature = self.temperature + dt * (heat - cooling) / self._heat_capacity

        burn = np.where(work > 0.0, _IDLE_BURN + work / _FUEL_ENERGY, 0.0)  # no fuel while coasting in gear
        self.fuel = np.maximum(self.fuel - 100.0 * dt * burn / self._tank, 0.0)

        droop = 0.25 * np.clip(1.0 - self.rpm / 1600.0, 0.0, 1.0) + 0.14 * consumers + 0.1 * self._load
        weak = 0.0 if damage.is_none else damage.weak_battery
        droop = (
            droop * (1.0 + _WEAK_BATTERY_DROOP * weak)
            + self.cranking * (1.0 + weak)
            + _WEAK_BATTERY_STEADY * weak
        )
        regulated = np.where(running, self._regulator - droop, ENGINE_OFF_VOLTAGE - _WEAK_BATTERY_REST * weak)
        self.voltage = self.voltage + (regulated - self.voltage) * min(dt / 1.0, 1.0)

    def refuel(self, vehicles: BoolArray, share_per_second: float, dt: float) -> None:
        """Fill the tanks of the marked vehicles, by `share_per_second` % per second."""
        self.fuel = np.minimum(self.fuel + share_per_second * dt * vehicles, 100.0)

    def engage(self, speed: FloatArray) -> None:
        """Choose the gear for a speed immediately, as if the vehicle had been driving at it for a while."""
        self.gear = np.searchsorted(2000.0 / _RPM_PER_SPEED, speed).clip(0, TOP_GEAR).astype(np.int64)

    def _shift_gears(self, speed: FloatArray, dt: float) -> None:
        rpm = speed * _RPM_PER_SPEED[self.gear]
        up = (rpm > 2000.0 + 2600.0 * self._load) & (self.gear < TOP_GEAR)
        # Below any engine speed just after shifting up, or the gearbox would hunt.
        down = (rpm < 1000.0 + 1300.0 * self._load) & (self.gear > 0)
        self._since_shift += dt
        # When braking hard a driver skips gears and does not wait for each of them.
        shift = (self._since_shift >= _SHIFT_PAUSE) | (rpm < 700.0)
        self.gear = self.gear + (up & shift) - (down & shift)
        self._since_shift[shift & (up | down)] = 0.0

    def _available_power(self) -> FloatArray:
        power: FloatArray = self._power * np.clip(self.rpm / _RPM_OF_FULL_POWER, 0.25, 1.0)
        return power

    def _resistance(self, speed: FloatArray) -> FloatArray:
        drag = 0.0 if self.damage.is_none else self.damage.brake_drag
        return resistance(self.mass, self._drag_area, speed, drag)
