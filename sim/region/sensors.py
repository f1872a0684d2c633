"""The sensors of the vehicles of a region: those of the city and some more."""

from __future__ import annotations

import msgspec
import numpy as np

from sim.region.physics import RegionPhysics
from sim.routes import FloatArray
from sim.sensors import Readings, Sensors, Telemetry
from sim.tyres import TYRE_PRESSURES
from sim.vehicle import VehiclePhysics

_TYRE_NOISE, _HEADING_NOISE = 0.006, 0.4  # bar, °


class RegionTelemetry(Telemetry, frozen=True):
    """One event as a vehicle sends it; the signals of ``config/region.toml`` in their units."""

    heading: float | msgspec.UnsetType
    odometer: float | msgspec.UnsetType
    ignition: int | msgspec.UnsetType
    ambient_temperature: float | msgspec.UnsetType
    weather: int | msgspec.UnsetType
    tyre_pressure_front_left: float | msgspec.UnsetType
    tyre_pressure_front_right: float | msgspec.UnsetType
    tyre_pressure_rear_left: float | msgspec.UnsetType
    tyre_pressure_rear_right: float | msgspec.UnsetType
    state_of_charge: float | msgspec.UnsetType
    power: float | msgspec.UnsetType
    range: float | msgspec.UnsetType
    charging: int | msgspec.UnsetType
    battery_temperature: float | msgspec.UnsetType


class RegionSensors(Sensors):
    """The sensors of n vehicles.

    Args:
        vehicles: n.
        seed: decides the noise.
    """

    def __init__(self, vehicles: int, seed: np.random.SeedSequence) -> None:
        super().__init__(vehicles, seed)
        self._for_more = np.random.default_rng(seed.spawn(1)[0])

    def measure(self, physics: VehiclePhysics) -> Readings:
        """Read every sensor once, at full resolution."""
        assert isinstance(physics, RegionPhysics)
        vehicles = len(physics.speed)
        engine, weather = physics.engine, physics.weather
        tyres = self._for_more.standard_normal((len(TYRE_PRESSURES), vehicles)) * _TYRE_NOISE
        turned = self._for_more.standard_normal(vehicles) * _HEADING_NOISE
        outside = weather.temperature + 0.1 * self._for_more.standard_normal(vehicles)

        def everywhere(value: float) -> FloatArray:
            return np.full(vehicles, value)

        return (
            super().measure(physics)
            | {
                # The compass of a standing vehicle is at rest.
                "heading": (physics.heading + turned * (physics.speed > 0.0)) % 360.0,
                "odometer": physics.odometer / 1000.0,
                "ignition": engine.running.astype(np.float64),
                "ambient_temperature": outside,
                "weather": everywhere(float(weather.kind)),
                "state_of_charge": engine.state_of_charge,
                "power": engine.power,
                "range": engine.range,
                "charging": engine.charging,
                "battery_temperature": engine.battery_temperature,
            }
            | dict(zip(TYRE_PRESSURES, physics.tyres.pressure + tyres, strict=True))
        )
