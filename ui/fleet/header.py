"""The top of the page: whether it is live, how much arrives, what is in trouble."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from config.settings import Settings
from ui.clock_time import clock_time, viewer_zone
from ui.formatting import duration, markdown
from ui.live.alert_state import AlertSnapshot
from ui.live.feed import Connection
from ui.live.fleet_state import FleetSnapshot


def show_header(
    settings: Settings, connection: Connection, fleet: FleetSnapshot, alerts: AlertSnapshot, *, is_live: bool
) -> None:
    """Draw the figures; of a stream also the connection, and what to do when something is wrong."""
    if is_live:
        _show_stream(settings, connection, fleet)
    if fleet.vehicles:
        _figures(settings, fleet, alerts)


def _show_stream(settings: Settings, connection: Connection, fleet: FleetSnapshot) -> None:
    st.markdown(connection_line(settings, connection, fleet))
    if connection.phase in ("unreachable", "refused", "lost"):
        st.error(connection_trouble(settings, connection), icon=":material/cloud_off:")
    elif not fleet.vehicles:
        st.info(waiting(settings), icon=":material/hourglass_empty:")
    elif fleet.last_event_at is not None and _is_silent(settings, fleet):
        st.warning(silence(settings, fleet, fleet.last_event_at), icon=":material/pause_circle:")
    else:
        # A placeholder, so that the figures are not redrawn when a message appears or disappears.
        st.empty()


def connection_line(settings: Settings, connection: Connection, fleet: FleetSnapshot) -> str:
    """One line of Markdown: a badge with the state, the age of the last event, and the broker."""
    age = None if fleet.last_event_at is None else fleet.taken_at - fleet.last_event_at
    last = "no events yet" if age is None else f"last event {duration(age)} ago"
    match connection.phase:
        case "connected" if age is None:
            badge = ":blue-badge[:material/hourglass_empty: Waiting]"
        case "connected" if _is_silent(settings, fleet):
            badge = ":orange-badge[:material/pause_circle: Stream silent]"
        case "connected":
            badge = ":green-badge[:material/sensors: Live]"
        case "connecting":
            badge = ":blue-badge[:material/sync: Connecting]"
        case _:
            badge = ":red-badge[:material/cloud_off: Disconnected]"
    since = duration(fleet.taken_at - connection.since)
    return f"{badge} **{last}** :gray[· {_broker(settings)}, {connection.phase} for {since}]"


def connection_trouble(settings: Settings, connection: Connection) -> str:
    """Markdown: what is wrong with the connection, and what to do about it."""
    broker = _broker(settings)
    reason = markdown(connection.reason)
    again = "The page keeps retrying."
    match connection.phase:
        case "refused":
            return (
                f"The {broker} refused this page: {reason}. Check username and password in "
                f"`[{_section(settings)}]` and the user's read permissions. {again}"
            )
        case "lost":
            return f"The connection to the {broker} was lost: {reason}. {again}"
        case _:
            return (
                f"Cannot reach the {broker}: {reason}. Start it, or set its address in "
                f"`[{_section(settings)}]` ({_address_keys(settings)}). {again}"
            )


def waiting(settings: Settings) -> str:
    """Markdown: no events have arrived yet, and how to get some."""
    return (
        f"No events yet on `{_enriched_topic(settings)}`, and the broker has kept none. Start the dataflow "
        "with `python -m bytewax.run dataflows.fleet`, or look at the last line of its output if it was "
        "started; if no vehicles are sending, simulate some with `python -m sim`."
    )


def silence(settings: Settings, fleet: FleetSnapshot, last_event_at: float) -> str:
    """Markdown: since when nothing has come, and where to look for the reason.

    Args:
        settings: all settings.
        fleet: what is known.
        last_event_at: when the last event was scored, seconds since the epoch.
    """
    since = clock_time(datetime.fromtimestamp(last_event_at, UTC), viewer_zone())
    return (
        f"Nothing has come on `{_enriched_topic(settings)}` since **{since}**, for "
        f"{duration(fleet.taken_at - last_event_at)}. If the dataflow has ended, the last line of its output "
        "says why; started again, it resumes where it stopped. If it is running, no telemetry reaches it: "
        f"look for warnings in its output, and at `{settings.topics.dead_letter}` for undecodable messages."
    )


def _is_silent(settings: Settings, fleet: FleetSnapshot) -> bool:
    last = fleet.last_event_at
    return last is not None and fleet.taken_at - last > settings.page.stale_after


def _enriched_topic(settings: Settings) -> str:
    topic = settings.topics.enriched
    return topic if _over_kafka(settings) else f"{topic}/+"


def _over_kafka(settings: Settings) -> bool:
    return settings.sink.kind == "kafka"


def _section(settings: Settings) -> str:
    return "kafka" if _over_kafka(settings) else "mqtt"


def _broker(settings: Settings) -> str:
    kind = "Kafka cluster" if _over_kafka(settings) else "MQTT broker"
    return f"{kind} at {markdown(settings.enriched_broker)}"


def _address_keys(settings: Settings) -> str:
    return (
        "`FLEET__KAFKA__BOOTSTRAP`" if _over_kafka(settings) else "`FLEET__MQTT__HOST`, `FLEET__MQTT__PORT`"
    )


def _figures(settings: Settings, fleet: FleetSnapshot, alerts: AlertSnapshot) -> None:
    vehicles = fleet.vehicles.values()
    silent = sum(vehicle.silent(fleet.taken_at, settings.page.stale_after) for vehicle in vehicles)
    reporting = [v for v in vehicles if not v.silent(fleet.taken_at, settings.page.stale_after)]
    anomalous = sum(vehicle.latest.is_anomaly for vehicle in reporting)
    warming_up = sum(vehicle.latest.status == "warming_up" for vehicle in reporting)
    waiting = len(alerts.unacknowledged)
    tiles = st.container(key="figures").columns(6)
    _tile(
        tiles[0],
        "Open alerts",
        f"{len(alerts.open):,}",
        f"{waiting:,} unacknowledged",
        "red" if waiting else "gray",
    )
    _tile(
        tiles[1],
        "Anomalous now",
        f"{anomalous:,}",
        f"{fleet.anomalies_last_hour:,} in the last hour",
        "red" if anomalous else "gray",
    )
    _tile(
        tiles[2],
        "Vehicles",
        f"{len(vehicles):,}",
        f"{warming_up:,} warming up" if warming_up else "none warming up",
        "blue" if warming_up else "gray",
    )
    _tile(
        tiles[3],
        "Silent",
        f"{silent:,}",
        f"no events for {duration(settings.page.stale_after)}",
        "orange" if silent else "gray",
    )
    _tile(
        tiles[4],
        "Events per second",
        f"{fleet.events_per_second:,.1f}",
        f"{fleet.events:,} received",
        "gray",
    )
    _tile(
        tiles[5],
        "Dead letters",
        f"{fleet.dead_letters:,}",
        f"{fleet.undecodable:,} unreadable here" if fleet.undecodable else "since this page was started",
        "orange" if fleet.dead_letters or fleet.undecodable else "gray",
        f"Latest: {markdown(fleet.dead_letter_reason)}" if fleet.dead_letter_reason else None,
    )


def _tile(
    place: DeltaGenerator,
    label: str,
    value: str,
    note: str,
    colour: Literal["red", "orange", "blue", "gray"],
    explanation: str | None = None,
) -> None:
    place.metric(label, value, note, delta_color=colour, delta_arrow="off", border=True, help=explanation)
