"""One vehicle in some hours or on a day: what it did, where, and what it measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from config.settings import Settings
from dataflows.history.trips import Trip
from dataflows.report.day import DayReport
from dataflows.report.html import html, tiles
from ui import links
from ui.formatting import markdown, plain
from ui.history import frames
from ui.history.alert_table import clicked_row, moment_button, show_alerts
from ui.history.downloads import show_downloads
from ui.history.period import Period
from ui.history.signals import show_event_signals, show_hours, show_rollup_signals
from ui.live.track import distance
from ui.map.view import MapRoute, show_map

HEIGHT_OF_MAP = 420
"""Pixels."""

SPACING = 10.0
"""Metres between two points of a route, at least."""

_SHOWN, _CLICK = "trips_shown", "trip_click"


def show_detail(
    directory: Path | str,
    report: DayReport,
    rollups: pd.DataFrame,
    period: Period,
    settings: Settings,
    zone: tzinfo,
) -> None:
    """Draw all of it.

    Args:
        directory: of the history.
        report: of the vehicle and period.
        rollups: of the same.
        period: which.
        settings: all settings.
        zone: of the viewer.
    """
    vehicle = report.vehicle_id
    units = {name: signal.unit for name, signal in settings.signals.items()}
    with st.grid(min_column_width=165):
        for name, value in tiles(report, units):
            st.metric(name, value, border=True)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Trips and stops", anchor=False)
        _show_trips(report.trips, vehicle, units, zone)
        show_alerts(report.alerts, zone, with_vehicle=False)
    with right:
        st.subheader("Route", anchor=False)
        _show_route(report, settings)
    if len(rollups):
        show_hours(rollups, [vehicle], period)
    if report.charts:
        show_event_signals([report], period)
    elif len(rollups):
        st.caption("The events of this time are no longer kept, or not yet: these are summaries of minutes.")
        show_rollup_signals(rollups, [vehicle], period, settings)
    for line in report.commands:
        st.caption(markdown(line))
    with st.container(horizontal=True):
        show_downloads(directory, "events" if report.charts else "rollups", [vehicle], period)
        if period.is_one_day:
            st.download_button(
                "This day as a page",
                html(report, units),
                f"{plain(vehicle)} {report.day}.html",
                "text/html",
                icon=":material/download:",
                key="download_day",
                help="It needs no network, and can be mailed. Its times are in UTC.",
            )


def _show_trips(trips: Sequence[Trip], vehicle: str, units: dict[str, str], zone: tzinfo) -> None:
    if not trips:
        st.caption("No summaries are kept of this time.")
        return
    st.session_state[_SHOWN] = [(vehicle, trip) for trip in trips]
    st.dataframe(
        frames.trip_frame(trips, units, zone),
        hide_index=True,
        key="trips",
        column_config={"From": moment_button(_CLICK, _clicked)},
    )


def _clicked() -> None:
    shown: list[tuple[str, Trip]] = st.session_state[_SHOWN]
    row = clicked_row(_CLICK, len(shown))
    if row is not None:
        vehicle, trip = shown[row]
        links.go_to("vehicle", links.query_of_vehicle(vehicle, trip.start))


def _show_route(report: DayReport, settings: Settings) -> None:
    way = route_of(report)
    if not way.points:
        st.caption("No position is kept of this time.")
        return
    # Another vehicle or time is another part of the world.
    key = f"route_{report.vehicle_id}_{report.start.isoformat()}_{report.end.isoformat()}"
    show_map(settings, key, (), route=way, height=HEIGHT_OF_MAP)


def route_of(report: DayReport) -> MapRoute:
    """Where the vehicle was, with anomalies; places that are too near to each other are left out."""
    known = np.isfinite(report.latitudes) & np.isfinite(report.longitudes)
    points: list[tuple[float, float]] = []
    flagged: list[int] = []
    places = zip(report.latitudes[known].tolist(), report.longitudes[known].tolist(), strict=True)
    for place, is_flagged in zip(places, report.flagged[known].tolist(), strict=True):
        if not points or distance(points[-1], place) >= SPACING:
            points.append(place)
        if is_flagged and flagged[-1:] != [len(points) - 1]:
            flagged.append(len(points) - 1)
    return MapRoute(points, flagged)
