"""Alerts as files: CSV for a spreadsheet, JSON for a program."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

import msgspec

from dataflows.events import Alert

COLUMNS = (
    "alert_id",
    "vehicle_id",
    "kind",
    "subject",
    "state",
    "severity",
    "peak",
    "summary",
    "signal",
    "actual",
    "typical",
    "events",
    "openings",
    "onset_at",
    "opened_at",
    "last_at",
    "cleared_at",
    "acknowledged_by",
    "acknowledged_at",
    "muted_until",
    "mute_reason",
    "useful",
    "comments",
    "revision",
    "changed_at",
)
"""Fields of an alert, with the leading signal and its values in the place of all signals."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, *CSV Injection*)."""


def csv_of(alerts: Sequence[Alert]) -> bytes:
    """A line for each alert, and one with `COLUMNS` before; UTF-8 with a mark, which spreadsheets need."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for alert in alerts:
        fields = {name: getattr(alert, name) for name in alert.__struct_fields__}
        lead = alert.signals[0] if alert.signals else None
        fields |= {
            "signal": lead.name if lead else None,
            "actual": lead.actual if lead else None,
            "typical": lead.typical if lead else None,
            "comments": "; ".join(f"{comment.by}: {comment.text}" for comment in alert.comments),
        }
        writer.writerow([_cell(fields[name]) for name in COLUMNS])
    return text.getvalue().encode("utf-8-sig", errors="replace")


def json_of(alerts: Sequence[Alert]) -> bytes:
    """A list of the alerts, as they are on their topic."""
    return msgspec.json.format(msgspec.json.encode(list(alerts)), indent=2)


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case str():
            return f"'{value}" if value.startswith(_FORMULA) else value
    return value
