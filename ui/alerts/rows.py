"""The rows of the list, as the browser gets them: columns of plain values, and which alerts are in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from dataflows.events import SEVERITIES, Alert
from ui import palette
from ui.actions.action_desk import SentAction
from ui.alerts.alert_groups import grouped, vehicles_of
from ui.alerts.alert_words import (
    describe_group,
    describe_state,
    describe_states,
    sentence_and_rarity,
    since,
    vehicle_of,
)
from ui.alerts.requests import applicable
from ui.formatting import plain
from ui.live.alert_state import is_muted

SentOf = Callable[[Alert], SentAction | None]
"""What somebody has done about the current revision of an alert."""

COLOURS = {
    severity: [palette.SEVERITY[severity], palette.SEVERITY_ON_DARK[severity]] for severity in SEVERITIES
}
"""Severity → background and text in the light theme, and in the dark one."""


def list_of(alerts: Sequence[Alert], sent_of: SentOf, now: float, zone: tzinfo) -> dict[str, Any]:
    """What the rows show, without what changes with every second: the browser counts for how long.

    Args:
        alerts: in the order of the rows.
        sent_of: of an alert.
        now: seconds since the epoch.
        zone: of the viewer.

    Returns:
        ``alerts`` by column, each as long as `alerts`; ``rows``, in order: the number of an alert, or for a
        group ``key``, which stays, ``of``, the numbers of its alerts, and its words.
    """
    sentences = [sentence_and_rarity(alert) for alert in alerts]
    numbers = {alert.alert_id: number for number, alert in enumerate(alerts)}
    columns = {
        "id": [alert.alert_id for alert in alerts],
        "severity": [SEVERITIES.index(alert.severity) for alert in alerts],
        "vehicle": [alert.vehicle_id for alert in alerts],
        "who": [plain(vehicle_of(alert), 60) for alert in alerts],
        "says": [says for says, _ in sentences],
        "rare": [rare for _, rare in sentences],
        "since": [since([alert], zone) for alert in alerts],
        "began": [_seconds(min(alert.onset_at, alert.opened_at)) for alert in alerts],
        "ended": [_ended(alert) for alert in alerts],
        "times": [alert.openings for alert in alerts],
        "state": [describe_state(alert, sent_of(alert), now, zone) for alert in alerts],
        "tone": [_tone(alert, now) for alert in alerts],
        "waits": [int(_waits(alert, sent_of(alert), now)) for alert in alerts],
    }
    rows: list[Any] = []
    for row in grouped(alerts, now):
        members = [numbers[alert.alert_id] for alert in row]
        rows.append(members[0] if len(row) == 1 else _group(row, members, sent_of, now, zone))
    return {"alerts": columns, "rows": rows}


def _group(
    row: Sequence[Alert], members: Sequence[int], sent_of: SentOf, now: float, zone: tzinfo
) -> dict[str, Any]:
    # Of all its alerts the one that opened first stays in it the longest.
    first = min(row, key=lambda alert: (alert.opened_at, alert.alert_id))
    return {
        "key": f"group {first.alert_id}",
        "of": members,
        "who": f"{len(vehicles_of(row))} vehicles",
        "says": describe_group(row),
        "since": since(row, zone),
        "state": describe_states(row, sent_of, now, zone),
    }


def _tone(alert: Alert, now: float) -> str:
    if alert.state == "cleared":
        return "cleared"
    if is_muted(alert, now):
        return "muted"
    return "acknowledged" if alert.acknowledged_by else "open"


def _waits(alert: Alert, sent: SentAction | None, now: float) -> bool:
    """Whether somebody should acknowledge it, and nobody has asked for it yet."""
    return bool(applicable("acknowledge", [alert], now)) and (sent is None or sent.action != "acknowledge")


def _ended(alert: Alert) -> int:
    return 0 if alert.state == "open" else _seconds(alert.cleared_at or alert.last_at)


def _seconds(moment: datetime) -> int:
    return round(moment.timestamp())
