"""Traccar's position forwarding as JSON (``forward.type`` mqtt, kafka or json); ``config/traccar.toml``."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from sim.fleet import FleetStep
from sim.formats.format import MessagePerEvent
from sim.routes import FloatArray, IntArray
from sim.sensors import column

_KNOTS_PER_KMH = 0.539957  # the factor that Traccar uses


class _Attributes(msgspec.Struct, frozen=True, rename="camel"):
    ignition: bool | msgspec.UnsetType
    motion: bool | msgspec.UnsetType
    rpm: int | msgspec.UnsetType
    throttle: float | msgspec.UnsetType
    coolant_temp: float | msgspec.UnsetType
    power: float | msgspec.UnsetType
    fuel_level: float | msgspec.UnsetType
    acceleration: float | msgspec.UnsetType
    speed_limit: float


class _Position(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    id: int = 0  # it is forwarded before it is stored
    attributes: _Attributes
    device_id: int
    protocol: str = "teltonika"
    server_time: str
    device_time: str
    fix_time: str
    outdated: bool = False
    valid: bool = True
    latitude: float
    longitude: float
    altitude: float = 0.0
    speed: float | msgspec.UnsetType
    course: float = 0.0
    address: None = None
    accuracy: float = 0.0
    network: None = None
    geofence_ids: None = None


class _Device(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    id: int
    attributes: dict[str, str] = {}
    group_id: int = 0
    calendar_id: int = 0
    name: str
    unique_id: str
    status: str = "online"
    last_update: str
    position_id: int = 0
    phone: None = None
    model: None = None
    contact: None = None
    category: str = "car"
    disabled: bool = False
    expiration_time: None = None


class _Forwarded(msgspec.Struct, frozen=True):
    position: _Position
    device: _Device


class Traccar(MessagePerEvent):
    """``{"position": {"fixTime": …, "speed": 33.0, …}, "device": {"uniqueId": "VEH-0001", …}}``.

    Speeds are in knots. The server's clock is right, whatever those of the vehicles show.
    """

    def payloads(self, step: FleetStep, clocks: IntArray) -> list[bytes]:
        """The n events; a signal that is missing is left out."""
        readings = step.readings
        measured = zip(
            _above_zero(readings["rpm"]),
            _above_zero(readings["speed"]),
            column(readings["rpm"], integer=True),
            column(readings["throttle"]),
            column(readings["engine_temperature"]),
            column(readings["battery_voltage"]),
            column(readings["fuel"]),
            column(readings["acceleration"]),
            _knots(readings["speed_limit"]),
            strict=True,
        )
        events = zip(
            step.vehicle_ids,
            _stamps(step.times),
            _stamps(clocks),
            readings["latitude"].tolist(),
            readings["longitude"].tolist(),
            _knots(readings["speed"]),
            measured,
            strict=True,
        )
        encode = msgspec.json.Encoder().encode
        payloads = []
        for number, (name, received, sent, latitude, longitude, speed, attributes) in enumerate(events, 1):
            position = _Position(
                attributes=_Attributes(*attributes),
                device_id=number,
                server_time=received,
                device_time=sent,
                fix_time=sent,
                latitude=latitude,
                longitude=longitude,
                speed=speed,
            )
            device = _Device(id=number, name=name, unique_id=name, last_update=received)
            payloads.append(encode(_Forwarded(position, device)))
        return payloads


def _knots(kmh: FloatArray) -> list[Any]:
    return column(np.round(kmh * _KNOTS_PER_KMH, 6))


def _above_zero(values: FloatArray) -> list[Any]:
    unknown = np.isnan(values).tolist()
    pairs = zip((values > 0.0).tolist(), unknown, strict=True)
    return [msgspec.UNSET if missing else above for above, missing in pairs]


def _stamps(times: IntArray) -> list[str]:
    """As Jackson writes a date: ``2026-01-31T12:00:00.000+00:00``."""
    moments = np.datetime_as_string((times // 1000).astype("datetime64[ms]")).tolist()
    return [f"{moment}+00:00" for moment in moments]
