"""What the vehicles report: measured with a little noise, rounded, encoded as flat JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from sim.routes import FloatArray, IntArray
from sim.tyres import TYRE_PRESSURES
from sim.vehicle import VehiclePhysics

Readings = dict[str, FloatArray]
"""Signal → one value per vehicle, in the unit of the catalogue; NaN where the sensor reports nothing."""


class Telemetry(msgspec.Struct, frozen=True):
    """One event as a vehicle sends it; the signals of ``config/fleet.toml`` in their units."""

    vehicle_id: str
    ts: str
    sequence: int
    speed: float | msgspec.UnsetType
    acceleration: float | msgspec.UnsetType
    rpm: int | msgspec.UnsetType
    throttle: float | msgspec.UnsetType
    engine_temperature: float | msgspec.UnsetType
    battery_voltage: float | msgspec.UnsetType
    fuel: float | msgspec.UnsetType
    speed_limit: int | msgspec.UnsetType
    traffic: int | msgspec.UnsetType
    latitude: float | msgspec.UnsetType
    longitude: float | msgspec.UnsetType


SIGNALS = Telemetry.__struct_fields__[3:]

_DECIMALS = {
    "speed": 1,
    "acceleration": 2,
    "rpm": 0,
    "throttle": 1,
    "engine_temperature": 1,
    "battery_voltage": 2,
    "fuel": 1,
    "speed_limit": 0,
    "traffic": 0,
    "latitude": 6,
    "longitude": 6,
    # of the region
    "heading": 0,
    "odometer": 2,
    "ignition": 0,
    "ambient_temperature": 1,
    "weather": 0,
    "state_of_charge": 1,
    "power": 1,
    "range": 0,
    "charging": 0,
    "battery_temperature": 1,
} | dict.fromkeys(TYRE_PRESSURES, 2)
_NOISE = {  # standard deviations, in the unit of the signal
    "speed": 0.12,
    "acceleration": 0.04,
    "rpm": 6.0,
    "throttle": 0.25,
    "engine_temperature": 0.12,
    "battery_voltage": 0.02,
}
_RANGE = {  # of the sensors
    "speed": (0.0, 250.0),
    "acceleration": (-15.0, 15.0),
    "rpm": (0.0, 8000.0),
    "throttle": (0.0, 100.0),
    "engine_temperature": (-40.0, 150.0),
    "battery_voltage": (6.0, 16.0),
    "fuel": (0.0, 100.0),
    "state_of_charge": (0.0, 100.0),
    "range": (0.0, 2000.0),
} | dict.fromkeys(TYRE_PRESSURES, (0.0, 6.0))


class Sensors:
    """The sensors of n vehicles.

    Args:
        vehicles: n.
        seed: decides the noise.
    """

    def __init__(self, vehicles: int, seed: np.random.SeedSequence) -> None:
        self._rng = np.random.default_rng(seed)
        self._vehicles = vehicles

    def measure(self, physics: VehiclePhysics) -> Readings:
        """Read every sensor once, at full resolution; see `as_reported`."""
        noise = dict(zip(_NOISE, self._rng.standard_normal((len(_NOISE), self._vehicles)), strict=True))
        for signal, deviation in _NOISE.items():
            noise[signal] *= deviation
        # Without rotation there is no noise.
        noise["speed"] *= physics.speed > 0.0
        noise["rpm"] *= physics.engine.running
        latitude, longitude = physics.position
        return {
            "speed": physics.speed * 3.6 + noise["speed"],
            "acceleration": physics.acceleration + noise["acceleration"],
            "rpm": physics.engine.rpm + noise["rpm"],
            "throttle": physics.engine.throttle + noise["throttle"],
            "engine_temperature": physics.engine.temperature + noise["engine_temperature"],
            "battery_voltage": physics.engine.voltage + noise["battery_voltage"],
            "fuel": physics.engine.fuel.copy(),
            "speed_limit": physics.limit.copy(),
            "traffic": physics.traffic.copy(),
            "latitude": latitude,
            "longitude": longitude,
        }


def as_reported(readings: Readings) -> Readings:
    """Clip the readings to the range of the sensors, and round them as a control unit does."""
    reported: Readings = {}
    for signal, values in readings.items():
        lower, upper = _RANGE.get(signal, (-np.inf, np.inf))
        # Adding zero turns -0.0 into 0.0.
        reported[signal] = np.round(np.clip(values, lower, upper), _DECIMALS[signal]).astype(np.float64) + 0.0
    return reported


def encode(
    vehicle_ids: Sequence[str],
    times: IntArray,
    sequence: int,
    reported: Readings,
    telemetry: type[Telemetry] = Telemetry,
) -> list[bytes]:
    """Encode one event of each of n vehicles.

    Args:
        vehicle_ids: n ids.
        times: n event times, microseconds since 1970-01-01 UTC; written to the millisecond.
        sequence: number of the event, the same for all vehicles.
        reported: n values per signal; a signal that is NaN is left out of the event.
        telemetry: the shape of an event.
    """
    stamps = np.datetime_as_string((times // 1000).astype("datetime64[ms]"), timezone="UTC").tolist()
    columns = [
        column(reported[signal], integer=_DECIMALS[signal] == 0) for signal in telemetry.__struct_fields__[3:]
    ]
    encode_one = msgspec.json.Encoder().encode
    return [
        encode_one(telemetry(vehicle_id, stamp, sequence, *values))
        for vehicle_id, stamp, *values in zip(vehicle_ids, stamps, *columns, strict=True)
    ]


def column(values: FloatArray, *, integer: bool = False, missing: Any = msgspec.UNSET) -> list[Any]:
    """Values as Python numbers.

    Args:
        values: n values.
        integer: whether to write integers; the values are whole numbers.
        missing: what stands for NaN; `UNSET` leaves the member out of its object.
    """
    unknown = np.flatnonzero(np.isnan(values))
    numbers: list[Any] = (np.nan_to_num(values).astype(np.int64) if integer else values).tolist()
    for index in unknown:
        numbers[index] = missing
    return numbers
