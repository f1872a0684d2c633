"""The page *Fleet*: what needs attention now, and where it is."""

from __future__ import annotations

import streamlit as st

from ui.alerts.alert_section import show_alert_list, show_heading
from ui.fleet.fleet_table import ranking, show_fleet_table
from ui.fleet.header import show_header
from ui.fleet.map_section import show_fleet_map
from ui.live.fleet_state import FleetSnapshot
from ui.vehicle.vehicle_detail import show_vehicle_detail
from ui.viewer import Viewer

HEIGHT_OF_OVERVIEW = 460
"""Pixels."""


def show_fleet(viewer: Viewer) -> None:
    """Draw the page."""
    settings, feed, sections = viewer.settings, viewer.feed, viewer.sections

    def header() -> None:
        fleet, alerts = feed.state.snapshot(), feed.alerts.snapshot()
        show_header(settings, feed.connection, fleet, alerts, is_live=feed.is_live)

    def alerts() -> None:
        show_alert_list(feed, viewer.desk, settings, viewer.zone)

    def fleet_map() -> None:
        if feed.state.snapshot().vehicles:
            show_fleet_map(_kept(viewer), feed.alerts.snapshot().worst, settings, HEIGHT_OF_OVERVIEW)

    def table() -> None:
        if feed.state.snapshot().vehicles:
            show_fleet_table(_kept(viewer), feed.alerts.snapshot().worst, settings, HEIGHT_OF_OVERVIEW)

    def vehicle() -> None:
        if feed.state.snapshot().vehicles:
            show_vehicle_detail(_kept(viewer), feed, settings, viewer.zone)

    st.title("Fleet", anchor=False)
    sections.section("header", header, ("fleet", "alerts", "connection", "clock"), settings.page.refresh)
    show_heading()
    sections.section("alerts", alerts, ("alerts", "connection", "clock"), 0.2)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        sections.section("map", fleet_map, ("fleet", "alerts"), settings.page.refresh)
    with right:
        sections.section("table", table, ("fleet",), settings.page.refresh)
    sections.section("vehicle", vehicle, ("fleet",), settings.page.refresh)


def _kept(viewer: Viewer) -> FleetSnapshot:
    """The fleet; chooses the worst vehicle at the start, and whenever the chosen one is no longer kept."""
    fleet = viewer.feed.state.snapshot()
    if st.session_state.get("chosen") not in fleet.vehicles:
        st.session_state.chosen = ranking(fleet, viewer.settings.page.stale_after)[0]
    return fleet
