"""The line at the top of the page: whether it is live; and what to do when it is not."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import streamlit as st

from config.settings import Settings
from ui.clock_time import clock_time
from ui.fleet.overview import Overview
from ui.formatting import duration, markdown
from ui.live.feed import Connection
from ui.live.fleet_state import MAX_VEHICLES, FleetSnapshot


def show_status(connection: Connection, overview: Overview) -> None:
    """Draw the line."""
    st.markdown(status_line(overview.settings, connection, overview.fleet))


def show_trouble(connection: Connection, overview: Overview, zone: tzinfo) -> None:
    """Draw what is wrong and what to do about it, if anything is.

    Args:
        connection: to the broker.
        overview: the fleet.
        zone: of the viewer.
    """
    settings, fleet = overview.settings, overview.fleet
    if connection.phase in ("unreachable", "refused", "lost"):
        st.error(connection_trouble(settings, connection), icon=":material/cloud_off:")
    elif not fleet.vehicles:
        st.info(waiting(settings), icon=":material/hourglass_empty:")
    elif fleet.last_event_at is not None and _is_silent(settings, fleet):
        st.warning(silence(settings, fleet, fleet.last_event_at, zone), icon=":material/pause_circle:")
    elif (count := overview.counts["warming_up"]) and count == len(fleet.vehicles) - len(overview.silent):
        st.info(warming_up(count), icon=":material/model_training:")


def status_line(settings: Settings, connection: Connection, fleet: FleetSnapshot) -> str:
    """One line of Markdown: a badge with the state, the age of the last event, the rate, and the broker.

    What is wrong with the messages comes second, if anything is: a phone has room for the beginning only.
    """
    age = None if fleet.last_event_at is None else fleet.taken_at - fleet.last_event_at
    last = "no events yet" if age is None else f"last event {duration(age)} ago"
    since = duration(fleet.taken_at - connection.since)
    facts = [f"{_broker(settings)}, {connection.phase} for {since}"]
    if connection.phase == "connected" and fleet.events:
        facts.insert(0, f"{fleet.events_per_second:,.0f} events per second")
    badges = [_badge(settings, connection, fleet), *wrong_messages(fleet)]
    return f"{' '.join(badges)} **{last}** :gray[· {' · '.join(facts)}]"


def wrong_messages(fleet: FleetSnapshot) -> list[str]:
    """Markdown: what the page could not read or keep, each a badge; nothing if all is well."""
    parts = []
    if fleet.dead_letters:
        letters = "dead letter" if fleet.dead_letters == 1 else "dead letters"
        parts.append(f":orange-badge[:material/mail_off: {fleet.dead_letters:,} {letters}: see Pipeline]")
    if fleet.undecodable:
        parts.append(f":orange-badge[{fleet.undecodable:,} unreadable here]")
    if fleet.dropped:
        parts.append(f":orange-badge[{fleet.dropped:,} silent vehicles dropped: more than {MAX_VEHICLES:,}]")
    return parts


def connection_trouble(settings: Settings, connection: Connection) -> str:
    """Markdown: what is wrong with the connection, and what to do about it."""
    broker = _broker(settings)
    reason = markdown(connection.reason)
    again = "The page keeps retrying, and shows meanwhile what it knew last."
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


def warming_up(count: int) -> str:
    """Markdown: that there are no verdicts yet, and why."""
    which = "The only vehicle is" if count == 1 else f"All {count:,} vehicles are"
    return (
        f"{which} warming up: the detector learns from the stream what is normal, and gives no verdict "
        "before it has seen enough. Limits, missing signals and silence raise alerts already."
    )


def silence(settings: Settings, fleet: FleetSnapshot, last_event_at: float, zone: tzinfo) -> str:
    """Markdown: since when nothing has come, and where to look for the reason.

    Args:
        settings: all settings.
        fleet: what is known.
        last_event_at: when the last event was scored, seconds since the epoch.
        zone: of the viewer.
    """
    since = clock_time(datetime.fromtimestamp(last_event_at, UTC), zone)
    return (
        f"Nothing has come on `{_enriched_topic(settings)}` since **{since}**, for "
        f"{duration(fleet.taken_at - last_event_at)}. If the dataflow has ended, the last line of its output "
        "says why; started again, it resumes where it stopped. If it is running, no telemetry reaches it: "
        f"look for warnings in its output, and at `{settings.topics.dead_letter}` for undecodable messages."
    )


def _badge(settings: Settings, connection: Connection, fleet: FleetSnapshot) -> str:
    match connection.phase:
        case "connected" if fleet.last_event_at is None:
            return ":blue-badge[:material/hourglass_empty: Waiting]"
        case "connected" if _is_silent(settings, fleet):
            return ":orange-badge[:material/pause_circle: Stream silent]"
        case "connected":
            return ":green-badge[:material/sensors: Live]"
        case "connecting":
            return ":blue-badge[:material/sync: Connecting]"
        case _:
            return ":red-badge[:material/cloud_off: Disconnected]"


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
