"""Alerts in words: what state they are in, since when, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from dataflows.events import Alert, AlertKind, AlertSignal
from ui.action_desk import SentAction
from ui.alert_state import is_muted
from ui.clock_time import clock_time
from ui.descriptions import compare
from ui.formatting import duration, plain, quantity

WHOLE_FLEET = "whole fleet"
"""In place of the vehicle where an alert is about all of them."""

ANSWER_WITHIN = 30.0
"""Seconds after which an action without an answer is remarkable: the job reads actions at once."""


def describe_state(alert: Alert, sent: SentAction | None, now: float, zone: tzinfo) -> str:
    """``open``, ``acknowledged by Kim``, ``muted until 13:05:00: in repair``, ``cleared 12:40:10``.

    What people said follows, and what was sent and has not been answered.

    Args:
        alert: which one.
        sent: what somebody has done about this revision.
        now: seconds since the epoch.
        zone: of the viewer.
    """
    parts = [_state(alert, now, zone)]
    if alert.useful is not None:
        parts.append("useful" if alert.useful else "noise")
    if alert.comments:
        parts.append("1 comment" if len(alert.comments) == 1 else f"{len(alert.comments)} comments")
    if sent is not None:
        parts.append(describe_sent(sent, now))
    return " · ".join(parts)


def describe_sent(sent: SentAction, now: float) -> str:
    """``acknowledge sent``; after `ANSWER_WITHIN`, ``acknowledge sent 2 min ago, no answer``."""
    age = now - sent.sent_at
    late = f" {duration(age)} ago, no answer" if age >= ANSWER_WITHIN else ""
    return f"{sent.action} sent{late}"


def since(alert: Alert, zone: tzinfo) -> str:
    """When it probably began, as the viewer reads it."""
    return clock_time(min(alert.onset_at, alert.opened_at), zone)


def lasted(alert: Alert, now: float) -> str:
    """For how long: until it cleared, or until `now`, seconds since the epoch."""
    end = datetime.fromtimestamp(now, UTC) if alert.state == "open" else alert.cleared_at or alert.last_at
    return duration((end - min(alert.onset_at, alert.opened_at)).total_seconds())


def vehicle_of(alert: Alert) -> str:
    """The vehicle, or `WHOLE_FLEET`."""
    return alert.vehicle_id or WHOLE_FLEET


def describe_signal(signal: AlertSignal, kind: AlertKind, unit: str) -> str:
    """``engine_temperature 131 °C, expected 92.3 °C``; of a limit ``battery 10.9 V, limit 11.5 V``."""
    if signal.typical is not None and kind == "limit" and signal.actual is not None:
        measured, limit = quantity(signal.actual, unit), quantity(signal.typical, unit)
        return f"{plain(signal.name)} {measured}, limit {limit}"
    if signal.typical is not None:
        return compare(plain(signal.name), signal.actual, signal.typical, unit)
    return f"{plain(signal.name)} {'missing' if signal.actual is None else quantity(signal.actual, unit)}"


def _state(alert: Alert, now: float, zone: tzinfo) -> str:
    if alert.state == "cleared":
        return f"cleared {clock_time(alert.cleared_at or alert.last_at, zone)}"
    if alert.muted_until is not None and is_muted(alert, now):
        reason = f": {plain(alert.mute_reason)}" if alert.mute_reason else ""
        return f"muted until {clock_time(alert.muted_until, zone)}{reason}"
    if alert.acknowledged_by:
        return f"acknowledged by {plain(alert.acknowledged_by, 40)}"
    return "open"
