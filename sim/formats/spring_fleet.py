"""A Spring fleet platform: an event a message, Java's names and timestamps; ``config/spring-fleet.toml``.

Its events hold a label of their own, `anomaly` and `anomalyType`. They are left out here, since ground truth
is no part of the telemetry.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from config.topic_template import TopicTemplate
from sim.fleet import FleetStep
from sim.formats.format import MessagePerEvent
from sim.routes import FloatArray, IntArray
from sim.sensors import column

BATTERY_VOLTS = (6.0, 16.0)
"""Voltages that are 0 % and 100 %: the platform has a battery level, the simulated sensor measures volts."""

_DAY = range(6, 20)  # hours, UTC
_ROADS = ("urban", "rural", "highway")
_ROAD_LIMITS = (60.0, 90.0)  # highest speed limits of the first two, km/h


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    vehicle_id: str
    timestamp: msgspec.Raw
    latitude: float
    longitude: float
    speed: float | None
    previous_speed: float | None
    acceleration: float | None
    temperature: float | None
    battery: float | None
    fuel_level: float | None
    speed_limit: float
    traffic_level: int
    road_type: str
    night: bool
    weather: str = "clear"


class SpringFleet(MessagePerEvent):
    """``{"vehicleId": "VEH-0001", "timestamp": 1763712000.123000000, "speed": 61.2, …}``.

    The acceleration is the change of the speed since the event before, km/h, as there.
    """

    def __init__(self, template: TopicTemplate, vehicle_ids: Sequence[str]) -> None:
        super().__init__(template, vehicle_ids)
        self._speed: FloatArray | None = None

    def payloads(self, step: FleetStep, clocks: IntArray) -> list[bytes]:
        """The n events; a signal that is missing is null."""
        readings = step.readings
        speed = readings["speed"]
        before = speed if self._speed is None else self._speed
        self._speed = speed
        lowest, highest = BATTERY_VOLTS
        battery = (readings["battery_voltage"] - lowest) / (highest - lowest) * 100.0
        limit = readings["speed_limit"]
        columns = [
            readings["latitude"].tolist(),
            readings["longitude"].tolist(),
            column(speed, missing=None),
            column(before, missing=None),
            column(np.round(speed - before, 1) + 0.0, missing=None),
            column(readings["engine_temperature"], missing=None),
            column(np.round(battery, 1), missing=None),
            column(readings["fuel"], missing=None),
            limit.tolist(),
            column(readings["traffic"], integer=True),
            [_ROADS[index] for index in np.searchsorted(_ROAD_LIMITS, limit).tolist()],
            [hour not in _DAY for hour in (clocks // 3_600_000_000 % 24).tolist()],
        ]
        stamps = [
            msgspec.Raw(f"{time // 1_000_000}.{time % 1_000_000:06d}000".encode()) for time in clocks.tolist()
        ]
        encode = msgspec.json.Encoder().encode
        return [
            encode(_Event(vehicle_id, stamp, *values))
            for vehicle_id, stamp, *values in zip(step.vehicle_ids, stamps, *columns, strict=True)
        ]
