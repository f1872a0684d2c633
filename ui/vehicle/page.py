"""The page *Vehicle*: one vehicle, now or in the past."""

from __future__ import annotations

import streamlit as st

from ui.commands.panel import show_commands
from ui.formatting import markdown, plain
from ui.live.fleet_state import FleetSnapshot
from ui.push.sections import Draw
from ui.vehicle import choice as choices
from ui.vehicle.choice import Choice
from ui.vehicle.shown import Shown
from ui.vehicle.time_bar import show_time_bar
from ui.vehicle.window import SPANS, STEPS
from ui.viewer import Viewer

LEAST_BETWEEN = 1.0
"""Seconds between two drawings of a section, at least."""

_BOX = "vehicle_box"


def show_vehicle(viewer: Viewer) -> None:
    """Draw the page."""
    fleet = viewer.feed.state.snapshot()
    choice = choices.chosen(fleet, viewer.settings.page.stale_after)
    if choice is None:
        st.title("Vehicle", anchor=False)
        viewer.sections.section("vehicle_waiting", lambda: _wait(viewer), ("fleet", "connection"))
        return
    _show_top(viewer, choice, fleet)
    shown = Shown(viewer, choice)
    _section(viewer, choice, "vehicle_head", shown.head, of_clock=True)
    vehicle = fleet.vehicles.get(choice.vehicle_id)
    show_time_bar(choice, vehicle.latest.ts if vehicle else None, viewer.zone)
    charts, rest = st.columns([3, 2], gap="medium")
    with charts:
        pixel = SPANS[choice.span].total_seconds() / STEPS
        _section(viewer, choice, "vehicle_charts", shown.charts, at_least=pixel)
    with rest:
        _section(viewer, choice, "vehicle_map", shown.map)
        _section(viewer, choice, "vehicle_why", shown.why)
        _section(viewer, choice, "vehicle_values", shown.values)
        viewer.sections.section("vehicle_alerts", shown.alerts, ("alerts", "clock") if choice.is_live else ())
        # What is commanded happens now, whatever is shown.
        if choice.is_live:
            show_commands(viewer, choice.vehicle_id)


def _show_top(viewer: Viewer, choice: Choice, fleet: FleetSnapshot) -> None:
    name, controls = st.columns([3, 2], vertical_alignment="bottom")
    name.title(markdown(choice.vehicle_id, 60), anchor=False)
    with controls:
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    options = sorted({*fleet.vehicles, choice.vehicle_id})
    choices.show_in(_BOX, choice.vehicle_id)
    row.selectbox("Vehicle", options, key=_BOX, format_func=plain, on_change=_box_changed, width="stretch")
    with row.popover("Link", icon=":material/link:"):
        st.caption("The vehicle as it is now, whenever the link is opened:")
        st.code(choices.address_of(choice, None), language=None, wrap_lines=True)
        vehicle = fleet.vehicles.get(choice.vehicle_id)
        at = choice.at or (vehicle.latest.ts if vehicle else None)
        if at is not None:
            st.caption("The vehicle at this moment:")
            st.code(choices.address_of(choice, at), language=None, wrap_lines=True)


def _section(
    viewer: Viewer, choice: Choice, name: str, draw: Draw, *, of_clock: bool = False, at_least: float = 0.0
) -> None:
    """A section that follows the vehicle if it is live, and else stays as it is."""
    if not choice.is_live:
        viewer.sections.section(name, draw, ())
        return
    every = max(LEAST_BETWEEN, viewer.settings.page.refresh, at_least)
    if of_clock:
        viewer.sections.section(name, draw, ("fleet", "alerts", "connection", "clock"), every)
        return

    def version() -> int:
        # A vehicle that falls silent is shown differently, although nothing comes from it.
        vehicle = viewer.feed.state.snapshot().vehicles.get(choice.vehicle_id)
        now = viewer.feed.state.snapshot().taken_at
        is_silent = vehicle is not None and vehicle.silent(now, viewer.settings.page.stale_after)
        return 2 * viewer.feed.state.version_of(choice.vehicle_id) + is_silent

    viewer.sections.section(name, draw, ("fleet", "clock"), every, part=version)


def _box_changed() -> None:
    if st.session_state[_BOX] is not None:
        choices.go_to_vehicle(st.session_state[_BOX])


def _wait(viewer: Viewer) -> None:
    if viewer.feed.state.snapshot().vehicles:
        # The worst one is chosen when the whole page is drawn.
        st.rerun()
    connection = viewer.feed.connection
    if connection.phase == "connected":
        st.info(
            f"No events yet on `{viewer.settings.topics.enriched}`: start the dataflow, "
            "`python -m bytewax.run dataflows.fleet`, and something that sends telemetry.",
            icon=":material/hourglass_empty:",
        )
    else:
        why = f": {markdown(connection.reason)}" if connection.reason else ""
        st.info(
            f"Not connected to the broker at {markdown(viewer.settings.enriched_broker)}{why}. "
            "Vehicles appear here when it answers.",
            icon=":material/cloud_off:",
        )
