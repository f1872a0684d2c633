"""What the page says of the vehicle that the viewer has chosen."""

from __future__ import annotations

import streamlit as st

from ui.alerts.alert_words import sentence
from ui.descriptions import describe_anomaly, describe_status, unit_of
from ui.fleet.map_section import speed_of
from ui.fleet.overview import Overview
from ui.fleet.selection import open_vehicle
from ui.formatting import markdown, plain, quantity
from ui.palette import BADGES

KEY = "fleet_chosen_vehicle"
"""Key of the container, for the style of the page."""

NOTHING = ":gray[:material/ads_click: Click a vehicle: on the map, in an alert, in the list or in the lanes.]"


def show_chosen(overview: Overview, chosen: str | None) -> None:
    """Draw one line about the vehicle, and the way to its page; or how to choose one."""
    with st.container(key=KEY, horizontal=True, vertical_alignment="center"):
        st.markdown(NOTHING if chosen is None else about(overview, chosen))
        if chosen is not None:
            st.button(
                "Open",
                key="fleet_chosen_open",
                icon=":material/arrow_forward:",
                on_click=open_vehicle,
                args=(chosen,),
                help="The page of this vehicle",
            )


def about(overview: Overview, name: str) -> str:
    """Markdown: the vehicle, its worst alert or what stands out, its state and its speed."""
    vehicle = overview.fleet.vehicles[name]
    event, signals = vehicle.latest, overview.settings.signals
    alert = overview.alerts.worst.get(name)
    state = describe_status(vehicle, overview.fleet.taken_at, overview.stale_after)
    facts = [*([] if alert and state == "ok" else [state]), f"severity {event.severity:.0f}"]
    if (speed := speed_of(vehicle, overview.settings)) is not None:
        signal, value = speed
        facts.append(f"{plain(signal)} {quantity(value, unit_of(signal, signals))}")
    parts = [f"**{markdown(name, 40)}**"]
    if alert is not None:
        parts.append(f":{BADGES[alert.severity]}-badge[{alert.severity}] {markdown(sentence(alert), 160)}")
    elif name in overview.anomalous:
        parts.append(f":red-badge[anomalous] {markdown(describe_anomaly(event, signals), 160)}")
    parts.append(f":gray[· {markdown(' · '.join(facts))}]")
    return " ".join(parts)
