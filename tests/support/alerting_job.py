"""Telemetry that opens and clears alerts, the settings for it, and what a job said about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from dataflows.events import Alert, AlertAction

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 100.0

CLEAR_AFTER = 5
"""Seconds of event time after which a quiet alert clears."""

SETTINGS = f"""
[signals.speed]
pointer = "/speed"
unit = "km/h"
high = {LIMIT}
[signals.rpm]
pointer = "/rpm"
[alerts]
clear_after = {CLEAR_AFTER}.0
reopen_within = 0.0
missing_after = ""
silent_after = ""
"""
"""Only limits make alerts, and only the speed has one; nothing re-opens."""


def drive(
    seconds: Iterable[int], *, fast: Collection[int] = (), vehicles: Collection[str] = ("VEH-1",)
) -> list[bytes]:
    """An event of each vehicle in each of these seconds.

    Args:
        seconds: since `START`.
        fast: those in which the speed is above its limit.
        vehicles: their ids.
    """
    return [
        msgspec.json.encode(
            {
                "vehicle_id": vehicle,
                "ts": (START + timedelta(seconds=second)).isoformat(),
                "sequence": second,
                "speed": LIMIT + 20.0 if second in fast else LIMIT - 40.0 + second % 7,
                "rpm": 1800 + second % 5,
            }
        )
        for second in seconds
        for vehicle in vehicles
    ]


def acknowledgement(alert_id: str, by: str = "Kim") -> bytes:
    """The action on the wire."""
    return msgspec.json.encode(AlertAction(action="acknowledge", by=by, alert_id=alert_id))


def decoded(payloads: Iterable[bytes | None]) -> list[Alert]:
    """The alerts in these messages; those that remove one have none."""
    return [msgspec.json.decode(payload, type=Alert) for payload in payloads if payload]


def latest(alerts: Iterable[Alert]) -> dict[str, Alert]:
    """Alert id → its highest revision."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        if alert.alert_id not in found or found[alert.alert_id].revision < alert.revision:
            found[alert.alert_id] = alert
    return found
