"""The page *Vehicle*: one vehicle, now or in the past."""

from __future__ import annotations

import streamlit as st

from ui.vehicle.vehicle_detail import show_vehicle_detail
from ui.viewer import Viewer


def show_vehicle(viewer: Viewer) -> None:
    """Draw the page."""

    def vehicle() -> None:
        fleet = viewer.feed.state.snapshot()
        if fleet.vehicles:
            show_vehicle_detail(fleet, viewer.feed, viewer.settings, viewer.zone)

    st.title("Vehicle", anchor=False)
    viewer.sections.section("vehicle", vehicle, ("fleet",), viewer.settings.page.refresh)
