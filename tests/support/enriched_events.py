"""Enriched events for tests, as the dataflow publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from dataflows.events import Enriched

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

CALM: dict[str, float] = {
    "speed": 60.0,
    "acceleration": 0.1,
    "rpm": 2_400.0,
    "throttle": 20.0,
    "engine_temperature": 90.0,
    "battery_voltage": 13.8,
    "fuel": 50.0,
    "speed_limit": 50.0,
    "traffic": 3.0,
}
"""Values of a healthy vehicle, which are also what the model expects."""


def enriched(
    vehicle_id: str,
    number: int = 0,
    *,
    error: float = 0.5,
    smoothed: float | None = None,
    threshold: float | None = 1.0,
    measured: Mapping[str, float | None] | None = None,
    position: tuple[float, float] | None = (48.137, 11.575),
    **changes: Any,
) -> Enriched:
    """The event `number` of a vehicle, one a second from `START`.

    Args:
        vehicle_id: the vehicle that sent it.
        number: seconds after `START`; also part of the event id.
        error: its reconstruction error; above the threshold it is an anomaly in the signals of `measured`.
        smoothed: the smoothed error; by default the same as `error`.
        threshold: `None` while warming up.
        measured: signals that differ from `CALM`; `None` for a signal that was not sent.
        position: latitude and longitude.
        changes: fields of `Enriched` to override.
    """
    ts = START + timedelta(seconds=number)
    north, east = position or (None, None)
    values = CALM | dict(measured or {}) | {"latitude": north, "longitude": east}
    sent = {name: value for name, value in values.items() if value is not None}
    telemetry: dict[str, Any] = {"vehicle_id": vehicle_id, "ts": ts.isoformat(), **sent}
    blamed = [name for name in measured or {} if name in sent] or ["speed"]
    fields: dict[str, Any] = {
        "event_id": f"{vehicle_id}/{number}",
        "vehicle_id": vehicle_id,
        "ts": ts,
        "reconstruction_error": error,
        "reconstruction_error_smoothed": error if smoothed is None else smoothed,
        "anomaly_threshold": threshold,
        "is_anomaly": threshold is not None and error > threshold,
        "severity": 0.0 if threshold is None else 100.0 * error / (error + threshold),
        "status": "warming_up" if threshold is None else "ok",
        "values": values,
        "expected": CALM,
        "band": {name: 0.25 * value for name, value in CALM.items()},
        "contributions": {name: 1.0 / len(blamed) if name in blamed else 0.0 for name in CALM},
        "model_version": 3,
        "processed_at": ts,
        "telemetry": msgspec.Raw(msgspec.json.encode(telemetry)),
    }
    return Enriched(**(fields | changes))


def payload(vehicle_id: str, number: int = 0, **changes: Any) -> bytes:
    """An `enriched` event as the bytes on its topic."""
    return msgspec.json.encode(enriched(vehicle_id, number, **changes))
