"""The page *Fleet*: what needs attention now, where it is, and how the last hours were."""

from __future__ import annotations

import streamlit as st

from ui.demo.panel import show_demo_panel
from ui.fleet.alert_section import show_alerts
from ui.fleet.chosen import show_chosen
from ui.fleet.filters import show_filters
from ui.fleet.map_section import show_fleet_map
from ui.fleet.selection import chosen, current_overview, shown
from ui.fleet.status import show_status, show_trouble
from ui.fleet.style import STYLE
from ui.fleet.swim_lanes import show_swim_lanes
from ui.fleet.vehicle_list import show_vehicle_list
from ui.viewer import Viewer

STATUS_EVERY = 1.0
LIST_EVERY = 2.0
LANES_EVERY = 5.0
"""Fewest seconds between two drawings: what moves faster cannot be read, or clicked."""

REDRAW_EVERY = 0.2
"""As above, of alerts: they come one by one, and in a storm."""

LARGE = 2_000
"""Vehicles from which on the map is drawn less often."""


def show_fleet(viewer: Viewer) -> None:
    """Draw the page."""
    feed, section = viewer.feed, viewer.sections.section
    refresh = viewer.settings.page.refresh

    def status() -> None:
        # What is replayed, and where the replay is, stands above.
        if feed.is_live:
            show_status(feed.connection, current_overview(viewer))

    def trouble() -> None:
        if feed.is_live:
            show_trouble(feed.connection, current_overview(viewer), viewer.zone)

    def filters() -> None:
        overview = current_overview(viewer)
        if overview.fleet.vehicles or overview.alerts.alerts:
            show_filters(overview, shown())

    def alerts() -> None:
        overview = current_overview(viewer)
        show_alerts(viewer, overview, shown(), chosen(overview))

    def fleet_map() -> None:
        overview = current_overview(viewer)
        if overview.fleet.vehicles:
            show_fleet_map(overview, shown(), chosen(overview))

    def chosen_vehicle() -> None:
        overview = current_overview(viewer)
        if overview.fleet.vehicles:
            show_chosen(overview, chosen(overview))

    def vehicles() -> None:
        overview = current_overview(viewer)
        if overview.fleet.vehicles:
            _heading("Vehicles")
            show_vehicle_list(overview, shown(), chosen(overview))

    def lanes() -> None:
        overview = current_overview(viewer)
        if overview.fleet.vehicles:
            _heading("Last six hours", "the worst of every five minutes")
            show = shown()
            names = None if show == "all" else overview.names_in(show)
            show_swim_lanes(viewer, feed.state.lanes(), names, chosen(overview))

    st.html(STYLE)
    with st.container(key="fleet_head", horizontal=True, vertical_alignment="center"):
        st.title("Fleet", anchor=False, width="content")
        section("fleet_status", status, ("fleet", "connection", "clock"), STATUS_EVERY)
    section("fleet_trouble", trouble, ("fleet", "connection", "clock"), STATUS_EVERY)
    section("fleet_filters", filters, ("fleet", "alerts", "clock"), refresh)
    with st.container(key="fleet_grid"):
        with st.container(key="fleet_alerts"):
            _heading("Alerts")
            section("alerts", alerts, ("alerts", "connection", "clock"), REDRAW_EVERY)
        with st.container(key="fleet_view"):
            is_large = len(feed.state.snapshot().vehicles) > LARGE
            section("map", fleet_map, ("fleet", "alerts"), 4 * refresh if is_large else refresh)
            section("fleet_chosen", chosen_vehicle, ("fleet", "alerts"), STATUS_EVERY)
            section("lanes", lanes, ("fleet",), LANES_EVERY)
        with st.container(key="fleet_vehicles"):
            section("vehicles", vehicles, ("fleet", "alerts"), LIST_EVERY)
    show_demo_panel(viewer)


def _heading(title: str, explanation: str = "") -> None:
    st.markdown(f"**{title}**{f' :gray[:small[{explanation}]]' if explanation else ''}")
