"""Alerts for tests, as the dataflow publishes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from dataflows.events import Alert, AlertSignal
from tests.support.enriched_events import START


def alert(vehicle_id: str = "VEH-1", number: int = 0, **changes: Any) -> Alert:
    """An open alert of a vehicle that was opened `number` seconds after `START`.

    Args:
        vehicle_id: the vehicle.
        number: seconds after `START`; also part of the alert's id.
        changes: fields of `Alert` to override.
    """
    opened_at = START + timedelta(seconds=number)
    kind, subject = changes.get("kind", "anomaly"), changes.get("subject", "engine_temperature")
    fields: dict[str, Any] = {
        "alert_id": f"{vehicle_id}/{kind}/{subject}/{number}",
        "revision": 1,
        "vehicle_id": vehicle_id,
        "kind": kind,
        "subject": subject,
        "state": "open",
        "severity": "major",
        "peak": 70.0,
        "summary": f"{subject} 131 °C, expected 90 °C",
        "signals": (AlertSignal(name="engine_temperature", actual=131.0, typical=90.0, share=0.8),),
        "events": 12,
        "openings": 1,
        "onset_at": opened_at - timedelta(seconds=5),
        "opened_at": opened_at,
        "last_at": opened_at + timedelta(seconds=10),
        "cleared_at": None,
        "changed_at": opened_at,
    }
    return Alert(**(fields | changes))


def cleared(vehicle_id: str = "VEH-1", number: int = 0, **changes: Any) -> Alert:
    """The same alert, cleared a minute after it was opened, in a higher revision."""
    end = START + timedelta(seconds=number + 60)
    return alert(vehicle_id, number, **({"state": "cleared", "cleared_at": end, "revision": 2} | changes))


def place(shown: Alert) -> str:
    """The topic below the prefix of the alerts, or the key."""
    return f"{shown.vehicle_id}/{shown.kind}/{shown.subject}"


def message(shown: Alert) -> bytes:
    """An alert as the bytes on its topic."""
    return msgspec.json.encode(shown)
