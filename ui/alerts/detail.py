"""What is known of one alert, as the list shows it below the row that is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from config.errors import HistoryError
from config.settings import Settings
from dataflows.events import Alert, AlertKind, AlertSignal
from ui.alerts.past import revisions_of
from ui.alerts.timeline import spans_of, steps_of
from ui.clock_time import clock_time
from ui.descriptions import unit_of
from ui.formatting import number, plain, quantity

MOST_STEPS = 60
"""Steps shown, the last ones: an alert that comes and goes for days has hundreds."""


def detail_of(alert: Alert, settings: Settings, zone: tzinfo, now: float) -> dict[str, Any]:
    """All that is shown, as plain data; every text is one line.

    Args:
        alert: which one.
        settings: where the history is, and what signals there are.
        zone: of the viewer.
        now: seconds since the epoch.
    """
    revisions, note = _history(alert, settings)
    steps = steps_of(revisions, zone)
    return {
        "id": alert.alert_id,
        "facts": _facts(alert, zone),
        "signals": [_signal(each, alert.kind, settings) for each in alert.signals],
        "steps": [[clock_time(step.at, zone), step.words, step.tone] for step in steps[-MOST_STEPS:]],
        "spans": _shares(revisions, now),
        "note": note,
        "visit": f"{plain(alert.vehicle_id, 40)} at {clock_time(alert.opened_at, zone)}"
        if alert.vehicle_id
        else "",
    }


def _history(alert: Alert, settings: Settings) -> tuple[Sequence[Alert], str]:
    """The revisions that are kept, and why they are not all that there were."""
    directory = settings.history.directory
    if directory is None:
        return [alert], "Earlier steps are not kept: there is no history."
    try:
        revisions = revisions_of(directory, alert)
    except HistoryError as error:
        return [alert], f"Earlier steps cannot be read: {plain(str(error), 200)}"
    if revisions[0].revision > 1:
        return revisions, "The history does not have the earlier steps."
    return revisions, ""


def _facts(alert: Alert, zone: tzinfo) -> list[list[str]]:
    def when(moment: datetime) -> str:
        return clock_time(moment, zone)

    facts = [
        ["Kind", f"{alert.kind}, {plain(alert.subject.replace('_', ' '), 60)}"],
        ["Probably began", when(alert.onset_at)],
        ["Opened", when(alert.opened_at) + (f" (×{alert.openings})" if alert.openings > 1 else "")],
        ["Last seen", when(alert.last_at)],
        ["Cleared", when(alert.cleared_at) if alert.cleared_at is not None else "not yet"],
        ["Events", f"{alert.events:,}"],
        ["Peak", f"{number(alert.peak)} of 100"],
    ]
    if alert.acknowledged_by and alert.acknowledged_at is not None:
        facts.append(["Acknowledged", f"{plain(alert.acknowledged_by, 60)}, {when(alert.acknowledged_at)}"])
    if alert.muted_until is not None:
        facts.append(["Muted until", f"{when(alert.muted_until)}: {plain(alert.mute_reason, 200)}"])
    return facts


def _signal(signal: AlertSignal, kind: AlertKind, settings: Settings) -> dict[str, Any]:
    unit = unit_of(signal.name, settings.signals)
    actual, typical = values(signal, unit)
    return {
        "name": plain(signal.name.replace("_", " "), 60),
        "actual": actual,
        "typical": typical,
        "is": "limit" if kind == "limit" else "expected",
        "share": round(min(1.0, max(0.0, signal.share)), 3),
    }


def values(signal: AlertSignal, unit: str) -> tuple[str, str]:
    """The actual and the typical value, with enough digits to tell the two apart; empty if there is none."""
    actual, typical = signal.actual, signal.typical
    if actual is None or typical is None:
        return (
            "missing" if actual is None else quantity(actual, unit),
            "" if typical is None else quantity(typical, unit),
        )
    digits = next((digits for digits in (3, 4, 5) if number(actual, digits) != number(typical, digits)), 6)
    return quantity(actual, unit, digits), quantity(typical, unit, digits)


def _shares(revisions: Sequence[Alert], now: float) -> list[list[float | str]]:
    """When it was open: start and end as shares of the whole time, 0–1, and the severity."""
    spans = spans_of(revisions, now)
    if not spans:
        return []
    first, last = spans[0].start, max(span.end for span in spans)
    length = (last - first).total_seconds() or 1.0
    return [
        [
            round((span.start - first).total_seconds() / length, 4),
            round((span.end - first).total_seconds() / length, 4),
            span.severity,
        ]
        for span in spans
    ]
