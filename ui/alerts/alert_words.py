"""Alerts in words: what state they are in, since when, and for how long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from dataflows.events import Alert
from ui.actions.action_desk import SentAction
from ui.clock_time import clock_time
from ui.formatting import duration, plain
from ui.live.alert_state import is_muted

WHOLE_FLEET = "whole fleet"
"""In place of the vehicle where an alert is about all of them."""

ANSWER_WITHIN = 30.0
"""Seconds after which an action without an answer is remarkable: the job reads actions at once."""

_SINCE = re.compile(r",? since \d\d:\d\d:\d\d UTC")
_RARITY = "; seen once in "


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


def since(alerts: Sequence[Alert], zone: tzinfo) -> str:
    """When the first of the alerts probably began, as the viewer reads it."""
    return clock_time(min(map(_began, alerts)), zone)


def sentence(alert: Alert) -> str:
    """The sentence of an alert without the time, which stands beside it, as the viewer reads it."""
    return plain(_SINCE.sub("", alert.summary, count=1), 300)


def sentence_and_rarity(alert: Alert) -> tuple[str, str]:
    """The sentence, and how rare that is, if it says so: ``seen once in about 40,000 events``."""
    says, mark, rarity = sentence(alert).partition(_RARITY)
    return says, f"{mark}{rarity}".removeprefix("; ")


def short_sentence(alert: Alert) -> str:
    """The sentence of an alert without the time and without how rare that is."""
    return sentence(alert).partition(_RARITY)[0]


def fault(alert: Alert) -> str:
    """``anomaly of fuel``, ``fuel outside its limits``, ``fuel missing``, ``no data``."""
    subject = plain(alert.subject.replace("_", " "))
    match alert.kind:
        case "anomaly":
            return f"anomaly of {subject}"
        case "limit":
            return f"{subject} outside its limits"
        case "missing":
            return f"{subject} missing"
        case "silent":
            return "no data"


def describe_group(alerts: Sequence[Alert]) -> str:
    """What the alerts of a group have in common, and what the most urgent, the first one, says.

    How rare that is, is left out: it is about one vehicle, and the row would not have room for it.
    """
    first = alerts[0]
    common = fault(first)
    says = short_sentence(first)
    return f"{common[:1].upper()}{common[1:]} · {plain(vehicle_of(first), 40)}: {says}"


def describe_states(
    alerts: Sequence[Alert], sent_of: Callable[[Alert], SentAction | None], now: float, zone: tzinfo
) -> str:
    """How many alerts of a group are in which state: ``9 open · 3 acknowledged · 3 acknowledge sent``.

    Args:
        alerts: of the group.
        sent_of: what somebody has done about the current revision of an alert.
        now: seconds since the epoch.
        zone: of the viewer; the time when the last one cleared is in it.
    """
    states = Counter(_short_state(alert, now) for alert in alerts)
    sent = Counter(f"{each.action} sent" for alert in alerts if (each := sent_of(alert)) is not None)
    parts = [f"{count} {what}" for what, count in (states + sent).items()]
    if all(alert.state == "cleared" for alert in alerts):
        parts[0] += f", the last {clock_time(max(map(_cleared, alerts)), zone)}"
    return " · ".join(parts)


def vehicle_of(alert: Alert) -> str:
    """The vehicle, or `WHOLE_FLEET`."""
    return alert.vehicle_id or WHOLE_FLEET


def _began(alert: Alert) -> datetime:
    return min(alert.onset_at, alert.opened_at)


def _cleared(alert: Alert) -> datetime:
    return alert.cleared_at or alert.last_at


def _short_state(alert: Alert, now: float) -> str:
    if alert.state == "cleared":
        return "cleared"
    if is_muted(alert, now):
        return "muted"
    return "acknowledged" if alert.acknowledged_by else "open"


def _state(alert: Alert, now: float, zone: tzinfo) -> str:
    if alert.state == "cleared":
        return f"cleared {clock_time(_cleared(alert), zone)}"
    if alert.muted_until is not None and is_muted(alert, now):
        reason = f": {plain(alert.mute_reason)}" if alert.mute_reason else ""
        return f"muted until {clock_time(alert.muted_until, zone)}{reason}"
    if alert.acknowledged_by:
        return f"acknowledged by {plain(alert.acknowledged_by, 40)}"
    return "open"
