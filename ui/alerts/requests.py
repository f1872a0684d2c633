"""What a viewer wants done about alerts, as messages to the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from config.settings import Settings
from dataflows.events import ActionName, Alert, AlertAction
from ui.actions.action_desk import Request
from ui.alerts.alert_words import vehicle_of
from ui.formatting import markdown, plain
from ui.live.alert_state import is_muted

LONGEST_NAME, LONGEST_TEXT = 100, 500
"""Characters, as in `AlertAction`."""

Scope = Literal["alerts", "vehicles", "vehicle_kinds", "kinds"]
"""What a mute is of: the vehicle, kind and signal of each alert; whole vehicles; a kind of alerts of these
vehicles; a kind of alerts of the whole fleet."""
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done.

    Attributes:
        action: what.
        by: who.
        text: of a comment; the reason of a mute.
        until: end of a mute.
        scope: of a mute, and of the end of one.
    """

    action: ActionName
    by: str
    text: str = ""
    until: datetime | None = None
    scope: Scope = "alerts"


def applicable(action: ActionName, alerts: Sequence[Alert], now: float) -> list[Alert]:
    """Those of the alerts for which an action changes something, at `now`, seconds since the epoch."""
    match action:
        case "acknowledge":
            return [alert for alert in alerts if alert.state == "open" and not alert.acknowledged_by]
        case "unmute":
            return [alert for alert in alerts if is_muted(alert, now)]
        case _:
            return list(alerts)


def requests_for(chosen: Sequence[Alert], known: Sequence[Alert], wish: Wish) -> list[Request]:
    """The messages that ask the job for it: one for each alert, vehicle or kind.

    Args:
        chosen: the alerts that the viewer has selected.
        known: all alerts, among which a mute of a vehicle or kind may change others than the selected ones.
        wish: what is to be done.
    """

    def request(vehicle: str, alerts: Sequence[Alert], **about: str) -> Request:
        action = AlertAction(
            action=wish.action,
            by=wish.by[:LONGEST_NAME],
            text=wish.text[:LONGEST_TEXT],
            until=wish.until,
            **about,  # type: ignore[arg-type]
        )
        return Request(action, vehicle, tuple(alerts))

    def among(vehicle: str | None, kind: str | None) -> list[Alert]:
        return [
            alert for alert in known if vehicle in (None, alert.vehicle_id) and kind in (None, alert.kind)
        ]

    match wish.scope:
        case "vehicles":
            return [request(each, among(each, None), vehicle_id=each) for each in vehicles_in(chosen)]
        case "vehicle_kinds":
            pairs = dict.fromkeys((alert.vehicle_id, alert.kind) for alert in chosen if alert.vehicle_id)
            return [request(each, among(each, kind), vehicle_id=each, kind=kind) for each, kind in pairs]
        case "kinds":
            kinds = dict.fromkeys(alert.kind for alert in chosen)
            return [request("", among(None, kind), kind=kind) for kind in kinds]
        case _:
            return [request(alert.vehicle_id, [alert], alert_id=alert.alert_id) for alert in chosen]


def describe_scope(scope: Scope, alerts: Sequence[Alert]) -> str:
    """What is muted, in words: ``VEH-1, all of its alerts``."""
    vehicles = vehicles_in(alerts)
    kinds = " and ".join(dict.fromkeys(alert.kind for alert in alerts))
    whose = plain(vehicles[0], 40) if len(vehicles) == 1 else f"these {len(vehicles)} vehicles"
    match scope:
        case "alerts" if len(alerts) == 1:
            return f"{plain(vehicle_of(alerts[0]), 40)}: {plain(alerts[0].subject.replace('_', ' '), 40)}"
        case "alerts":
            return f"These {len(alerts)} alerts"
        case "vehicles":
            return f"All alerts of {whose}"
        case "vehicle_kinds":
            return f"All {kinds} alerts of {whose}"
        case "kinds":
            return f"All {kinds} alerts of the whole fleet"


def scopes_for(alerts: Sequence[Alert]) -> list[Scope]:
    """The scopes that make sense: an alert about the whole fleet has no vehicle."""
    return [scope for scope in SCOPES if vehicles_in(alerts) or scope not in ("vehicles", "vehicle_kinds")]


def vehicles_in(alerts: Sequence[Alert]) -> list[str]:
    """Ids of the vehicles that alerts are about, in their order; without the whole fleet."""
    return list(dict.fromkeys(alert.vehicle_id for alert in alerts if alert.vehicle_id))


def failure(settings: Settings, action: ActionName, reason: str) -> str:
    """Markdown: that an action was not delivered, why, and where to look."""
    broker = "Kafka cluster" if settings.sink.kind == "kafka" else "MQTT broker"
    return (
        f"Not sent: {action}. {broker} at {markdown(settings.enriched_broker)}: {markdown(reason)}. "
        "Try again; if it keeps failing, check that the dataflow is running and that this page may write to "
        f"`{settings.actions_topic}`."
    )
