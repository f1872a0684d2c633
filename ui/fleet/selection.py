"""What a viewer has chosen on the page: which vehicles it shows, and which one they look at."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from ui import links
from ui.fleet.overview import Overview, Show, overview_of
from ui.push.sections import draw_again
from ui.viewer import Viewer

FOLLOWING = ("fleet_filters", "alerts", "map", "fleet_chosen", "vehicles", "lanes")
"""Sections that show what has been chosen."""

_SHOW = "show"
"""In the address of the page."""


def current_overview(viewer: Viewer) -> Overview:
    """The fleet and its alerts now."""
    feed = viewer.feed
    return overview_of(feed.state.snapshot(), feed.alerts.snapshot(), viewer.settings)


def shown() -> Show:
    """Which vehicles and alerts the address of the page asks for."""
    asked = st.query_params.get(_SHOW, "all")
    return next((show for show in get_args(Show) if show == asked), "all")


def show_only(show: Show) -> None:
    """Show these only; from a widget's callback."""
    if show == "all":
        st.query_params.pop(_SHOW, None)
    else:
        st.query_params[_SHOW] = show
    draw_again(*FOLLOWING)


def chosen(overview: Overview) -> str | None:
    """The vehicle that the viewer looks at; ``None`` if there is none, or it is no longer kept."""
    name: str | None = st.session_state.get("chosen")
    return name if name in overview.fleet.vehicles else None


def choose(vehicle_id: str) -> None:
    """Choose a vehicle, wherever it has been clicked; from a widget's callback."""
    st.session_state.chosen = vehicle_id
    draw_again(*FOLLOWING)


def choose_or_open(vehicle_id: str) -> None:
    """Choose a vehicle, or go to its page if it is chosen already; from a widget's callback."""
    if st.session_state.get("chosen") == vehicle_id:
        open_vehicle(vehicle_id)
    else:
        choose(vehicle_id)


def open_vehicle(vehicle_id: str) -> None:
    """Go to the page of a vehicle; from a widget's callback."""
    st.session_state.chosen = vehicle_id
    links.go_to("vehicle", links.query_of_vehicle(vehicle_id))
