"""The electric drives of a fleet: power, charge, heat and range, derived from the movement.

One array element per vehicle. Forces are those of `sim.powertrain`; braking gives a part of the energy back
(recuperation, limited by power and at low speed). A battery loses heat by its inner resistance. Chargers give
less from about 60 % on, as on published charging curves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.damage import Damage
from sim.powertrain import resistance
from sim.routes import BoolArray, FloatArray

_EFFICIENCY = 0.9  # battery to wheels
_RECUPERATED = 0.75  # wheels to battery
_MOST_RECUPERATED = 60e3  # W
_ACCESSORIES = 350.0  # W
_AIR_CONDITIONING = 900.0  # W, while switched on
_HEATING = 70.0  # W per K between outside and 20 °C
_MOST_HEATING = 3500.0  # W
_LOSS = 0.06  # share of the rated power that is lost at rated power; it grows with the square
_HEAT_CAPACITY = 300e3  # J/K, of the battery
_COOLING, _ACTIVE_COOLING, _COOLED_ABOVE = 25.0, 350.0, 32.0  # W/K, W/K, °C
_CAPACITY_LOST = 0.45  # share that a battery in the worst state lacks
_TAPER_FROM, _TAPER_TO = 60.0, 105.0  # % at which chargers start to give less, and nothing
_ON, _OFF = 14.0, 12.7  # V, of the battery for lamps and computers


@dataclass(frozen=True, slots=True)
class ElectricModel:
    """A vehicle model.

    Attributes:
        share: of the electric fleet, 0–1.
        mass: kg.
        power: W.
        drag_area: cd·A, m².
        capacity: kWh.
    """

    share: float
    mass: float
    power: float
    drag_area: float
    capacity: float


ELECTRIC_MODELS = (
    ElectricModel(0.45, 1600.0, 100e3, 0.62, 50.0),  # compact
    ElectricModel(0.3, 2000.0, 160e3, 0.58, 75.0),  # saloon
    ElectricModel(0.25, 2500.0, 130e3, 1.10, 80.0),  # van
)


class ElectricDrive:
    """The drives of n vehicles.

    Attributes:
        throttle: share of the rated power, %.
        power: what the battery gives, kW; negative while it is charged.
        state_of_charge: %.
        range: distance that the charge is good for at the recent consumption, km.
        temperature: of the battery, °C.
        voltage: of the low-voltage battery, V.
        charger: what a charger could give, W; 0 where there is none.
        charging: whether it is charged by a charger.
        damage: how badly the vehicles are damaged.
        ambient: temperature outside, °C.
    """

    def __init__(self, vehicles: int, rng: np.random.Generator, ambient: float) -> None:
        model = rng.choice(len(ELECTRIC_MODELS), size=vehicles, p=[model.share for model in ELECTRIC_MODELS])
        self.mass = np.array([m.mass for m in ELECTRIC_MODELS])[model] + rng.uniform(60.0, 300.0, vehicles)
        self._rated = np.array([m.power for m in ELECTRIC_MODELS])[model]
        self._drag_area = np.array([m.drag_area for m in ELECTRIC_MODELS])[model]
        self._capacity = np.array([m.capacity for m in ELECTRIC_MODELS])[model] * 3.6e6  # J
        self._regulator = _ON + rng.uniform(-0.15, 0.25, vehicles)
        self.state_of_charge: FloatArray = rng.uniform(35.0, 95.0, vehicles)
        self.temperature: FloatArray = ambient + rng.uniform(0.0, 10.0, vehicles)
        self.voltage: FloatArray = np.full(vehicles, _OFF)
        self.throttle: FloatArray = np.zeros(vehicles)
        self.power: FloatArray = np.zeros(vehicles)
        self.charger: FloatArray = np.zeros(vehicles)
        self.charging: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        self.damage = Damage.none(vehicles)
        self.ambient = ambient
        # Both fade with distance, so that standing changes neither.
        self._energy: FloatArray = self.mass * 0.34 * 1e4
        self._driven: FloatArray = np.full(vehicles, 1e4)

    @property
    def capacity(self) -> FloatArray:
        """What the batteries hold when full, J."""
        capacity: FloatArray = self._capacity * (1.0 - _CAPACITY_LOST * self.damage.weak_battery)
        return capacity

    @property
    def range(self) -> FloatArray:
        """Distance that the charge is good for at the consumption of the last 10 km or so, km."""
        per_metre = np.maximum(self._energy / self._driven, 100.0)
        kilometres: FloatArray = self.state_of_charge / 100.0 * self.capacity / per_metre / 1000.0
        return kilometres

    def acceleration_limit(self, speed: FloatArray) -> FloatArray:
        """The strongest acceleration that the power allows, m/s²."""
        force = _EFFICIENCY * self._rated / np.maximum(speed, 8.0)
        limit: FloatArray = (force - self._resistance(speed)) / self.mass
        return limit

    def step(
        self, speed: FloatArray, acceleration: FloatArray, consumers: BoolArray, running: BoolArray, dt: float
    ) -> None:
        """Advance by dt seconds; arguments as for `Powertrain.step`."""
        wheels = (self.mass * acceleration + self._resistance(speed)) * speed
        back = np.minimum(-wheels * _RECUPERATED, _MOST_RECUPERATED) * np.clip(speed / 5.0, 0.0, 1.0)
        drive = np.where(wheels >= 0.0, wheels / _EFFICIENCY, -back) * running
        heating = np.minimum(_HEATING * np.abs(self.ambient - 20.0), _MOST_HEATING)
        comfort = (_ACCESSORIES + heating + _AIR_CONDITIONING * consumers) * running
        taper = np.clip((_TAPER_TO - self.state_of_charge) / (_TAPER_TO - _TAPER_FROM), 0.0, 1.0)
        charge = self.charger * taper * ~running * (self.state_of_charge < 100.0)
        self.charging = charge > 0.0
        self.throttle = np.clip(100.0 * drive / self._rated, 0.0, 100.0)
        power = drive + comfort - charge
        self.power = power / 1000.0

        loss = _LOSS * power**2 / self._rated
        lost = dt * (power + loss)
        self.state_of_charge = (self.state_of_charge - 100.0 * lost / self.capacity).clip(0.0, 100.0)
        cooling = _COOLING + _ACTIVE_COOLING * np.clip((self.temperature - _COOLED_ABOVE) / 5.0, 0.0, 1.0)
        heat = loss - cooling * (self.temperature - self.ambient)
        self.temperature = self.temperature + dt * heat / _HEAT_CAPACITY

        fading = np.exp(-speed * dt / 1e4)
        self._energy = self._energy * fading + (drive + comfort) * dt * (speed > 0.0)
        self._driven = self._driven * fading + speed * dt
        awake = running | self.charging
        target = np.where(awake, self._regulator - 0.1 * consumers, _OFF) - 0.7 * self.damage.weak_battery
        self.voltage = self.voltage + (target - self.voltage) * min(dt / 1.0, 1.0)

    def _resistance(self, speed: FloatArray) -> FloatArray:
        return resistance(self.mass, self._drag_area, speed, self.damage.brake_drag)
