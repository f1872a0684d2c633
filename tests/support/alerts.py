"""Alerts as the job sends them, for tests of what reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from dataflows.events import Alert
from dataflows.messages import MessageBatch

OPENED = datetime(2026, 3, 1, 13, 2, tzinfo=UTC)
"""When an alert opens unless the test says otherwise."""


def make_alert(vehicle: str = "VEH-1", **changes: Any) -> Alert:
    """An alert that has just opened, with these fields changed."""
    fields: dict[str, Any] = {
        "revision": 1,
        "vehicle_id": vehicle,
        "kind": "limit",
        "subject": "coolant",
        "state": "open",
        "severity": "minor",
        "peak": 62.0,
        "summary": f"Coolant of {vehicle} is at 118 °C, above its limit of 110 °C.",
        "signals": (),
        "events": 3,
        "openings": 1,
        "onset_at": OPENED,
        "opened_at": OPENED,
        "last_at": OPENED,
        "cleared_at": None,
        "changed_at": OPENED,
    } | changes
    fields.setdefault("alert_id", f"{vehicle}/{fields['kind']}/{fields['subject']}/1")
    if fields["state"] == "cleared" and fields["cleared_at"] is None:
        fields["cleared_at"] = OPENED + timedelta(minutes=18)
    return Alert(**fields)


def later(alert: Alert, **changes: Any) -> Alert:
    """The next revision of an alert, with these fields changed."""
    if changes.get("state") == "cleared":
        changes.setdefault("cleared_at", OPENED + timedelta(minutes=18))
    return msgspec.structs.replace(alert, revision=alert.revision + 1, **changes)


def place_of(alert: Alert) -> str:
    """The levels of its topic below that of the alerts."""
    return f"{alert.vehicle_id}/{alert.kind}/{alert.subject}"


def encoded(alert: Alert) -> bytes:
    """The alert on the wire."""
    return msgspec.json.encode(alert)


def batch_of(*messages: tuple[str, bytes]) -> MessageBatch:
    """Messages with their topics, as an MQTT source emits them."""
    topics, payloads = zip(*messages, strict=True)
    return MessageBatch(list(payloads), list(topics), [0] * len(messages), "mqtt")
