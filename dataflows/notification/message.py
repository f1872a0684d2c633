"""The words of a message, for a dispatcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dataflows.events import Alert, Severity
from dataflows.notification.changes import Change
from dataflows.notification.channel import Group
from dataflows.notification.routing import rank

MOST_LISTED = 10
"""Alerts of a group that have a line of their own; of the rest the message says how many."""


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text.

    Attributes:
        title: one line.
        body: some lines.
        severity: of the worst alert that is open; ``None`` if the message says that alerts have cleared.
    """

    title: str
    body: str
    severity: Severity | None


def compose(group: Group, zone: ZoneInfo) -> Message:
    """The message about a group.

    Args:
        group: what has changed.
        zone: of the times in it.
    """
    changes = sorted(group.changes, key=lambda change: (-rank(change.alert), change.alert.opened_at))
    worst = changes[0].alert
    severity = None if group.key.heading == "cleared" else worst.severity
    title = f"{_heading(changes)}: {_who(changes)}, {_fault(worst)}"
    if len(changes) == 1:
        return Message(title, _single(changes[0], zone), severity)
    since = min(change.alert.opened_at for change in changes)
    first = f"{_who(changes)}: {_fault(worst)} since {_clock(since, zone)}"
    lines = [_row(change, zone) for change in changes[:MOST_LISTED]]
    rest = len(changes) - len(lines)
    return Message(title, "\n".join([first, "", *lines, *([f"and {rest} more"] if rest else [])]), severity)


def _heading(changes: Sequence[Change]) -> str:
    """What has happened, of the worst alert first: people may see no more than that."""
    change = changes[0]
    match change.what:
        case "cleared":
            return "Cleared"
        case "repeated":
            return f"Still {change.alert.severity}"
        case "worse":
            return f"Now {change.alert.severity}"
        case "opened":
            again = " again" if len(changes) == 1 and change.alert.openings > 1 else ""
            return f"{change.alert.severity.capitalize()}{again}"


def _who(changes: Sequence[Change]) -> str:
    vehicles = {change.alert.vehicle_id for change in changes}
    if len(vehicles) > 1:
        return f"{len(vehicles)} vehicles"
    return next(iter(vehicles)) or "the whole fleet"


def _fault(alert: Alert) -> str:
    match alert.kind:
        case "anomaly":
            return f"anomaly of {alert.subject}"
        case "limit":
            return f"{alert.subject} outside its limits"
        case "missing":
            return f"{alert.subject} missing"
        case "silent":
            return "no data"


def _single(change: Change, zone: ZoneInfo) -> str:
    alert = change.alert
    lines = [
        alert.summary or _fault(alert),
        "",
        f"Vehicle: {alert.vehicle_id or 'the whole fleet'}",
        f"Severity: {alert.severity} (peak {alert.peak:.0f} of 100)",
        f"Since: {_clock(alert.opened_at, zone)}",
    ]
    if alert.cleared_at is not None:
        lines.append(f"Cleared: {_clock(alert.cleared_at, zone)}")
    if alert.openings > 1:
        lines.append(f"Opened: {alert.openings} times")
    if alert.acknowledged_by:
        lines.append(f"Acknowledged by: {alert.acknowledged_by}")
    return "\n".join(lines)


def _row(change: Change, zone: ZoneInfo) -> str:
    alert = change.alert
    details = [alert.severity, f"since {_clock(alert.opened_at, zone)}"]
    if alert.cleared_at is not None:
        details.append(f"cleared {_clock(alert.cleared_at, zone)}")
    if alert.openings > 1:
        details.append(f"opened {alert.openings} times")
    if alert.acknowledged_by:
        details.append(f"acknowledged by {alert.acknowledged_by}")
    return (
        f"- {alert.vehicle_id or 'the whole fleet'}: {alert.summary or _fault(alert)} ({', '.join(details)})"
    )


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        # The first and last day of the calendar.
        local = moment.astimezone(UTC)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()
