"""The top of the page of a vehicle: how it is, and why, in words."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import streamlit as st

from config.settings import Settings
from dataflows.events import Alert, Enriched
from ui.alerts.alert_words import short_sentence
from ui.clock_time import clock_time
from ui.descriptions import describe_status
from ui.formatting import duration, markdown
from ui.live.fleet_state import VehicleSnapshot
from ui.vehicle.choice import Choice
from ui.vehicle.words import state_at, why

WORSE = ("critical", "major")
"""Severities of alerts that are red."""


def show_live(
    vehicle: VehicleSnapshot,
    alert: Alert | None,
    last_anomaly: Enriched | None,
    now: float,
    settings: Settings,
    zone: tzinfo,
) -> None:
    """Draw how a vehicle is now.

    Args:
        vehicle: which one.
        alert: its worst open alert.
        last_anomaly: its last event that was flagged, as far as they are known.
        now: seconds since the epoch.
        settings: all of them.
        zone: of the viewer.
    """
    event, stale_after = vehicle.latest, settings.page.stale_after
    is_silent = vehicle.silent(now, stale_after)
    age = f"last event {duration(now - vehicle.seen_at)} ago"
    state = describe_status(vehicle, now, stale_after)
    if alert is not None and state == "ok":
        # The event is; the vehicle is not.
        badge = ":gray-badge[last event ok]"
    else:
        badge = _badge(state, event, is_silent)
    st.markdown(" ".join([badge, _alert(alert), f":gray[{age}]"]))
    if is_silent:
        since = clock_time(datetime.fromtimestamp(vehicle.seen_at, UTC), zone)
        st.markdown(
            f"**It has been silent since {markdown(since)}.** What is shown here is how it was then: "
            f"{markdown(why(event, settings))}"
        )
    elif event.is_anomaly or last_anomaly is None:
        st.markdown(_reason(event, settings))
    else:
        when = markdown(clock_time(last_anomaly.ts, zone))
        earlier = f":gray[Last anomaly at {when}: {markdown(why(last_anomaly, settings))}]"
        st.markdown(f"{_reason(event, settings)} {earlier}")


def show_past(event: Enriched | None, choice: Choice, settings: Settings, zone: tzinfo) -> None:
    """Draw how a vehicle was at the chosen moment."""
    assert choice.at is not None
    moment = markdown(clock_time(choice.at, zone))
    if event is None:
        st.markdown(f":gray-badge[nothing known] :gray[at {moment}]")
        st.markdown(
            "No event of the five minutes before is kept. Choose a moment at which a line is drawn below."
        )
        return
    earlier = (choice.at - event.ts).total_seconds()
    age = f", its last event {duration(earlier)} before" if earlier > settings.page.stale_after else ""
    st.markdown(f"{_badge(state_at(event), event, False)} :gray[at {moment}{age}]")
    st.markdown(_reason(event, settings))


def _badge(state: str, event: Enriched, is_silent: bool) -> str:
    colour = "gray" if is_silent else "red" if event.is_anomaly else "green" if state == "ok" else "orange"
    score = "" if event.anomaly_threshold is None or is_silent else f", severity {event.severity:.0f} of 100"
    return f":{colour}-badge[{markdown(state)}{score}]"


def _alert(alert: Alert | None) -> str:
    if alert is None:
        return ":gray-badge[no open alert]"
    colour = "red" if alert.severity in WORSE else "orange"
    return f":{colour}-badge[{alert.severity} alert: {markdown(short_sentence(alert), 160)}]"


def _reason(event: Enriched, settings: Settings) -> str:
    sentence = markdown(why(event, settings), 600)
    return f":red[**Why:** {sentence}]" if event.is_anomaly else sentence
