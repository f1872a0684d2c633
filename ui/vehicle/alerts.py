"""The alerts of a vehicle: those that are open and have cleared lately, or those of a time in the past."""

from __future__ import annotations

from datetime import tzinfo

import streamlit as st

from config.errors import HistoryError
from dataflows.report.day import AlertLine
from ui.alerts.list import show_alert_list
from ui.clock_time import clock_time
from ui.formatting import markdown
from ui.palette import BADGES
from ui.vehicle import past
from ui.vehicle.choice import Choice
from ui.viewer import Viewer

MOST = 8
"""Alerts that are shown; open ones come first."""


def show_alerts(viewer: Viewer, choice: Choice) -> None:
    """Draw the alerts of the vehicle that is shown."""
    if choice.window is not None:
        st.markdown("**Alerts in this time**")
        _show_past(viewer, choice)
        return
    st.markdown("**Alerts**")
    alerts = [
        alert for alert in viewer.feed.alerts.snapshot().alerts if alert.vehicle_id == choice.vehicle_id
    ]
    if not alerts:
        st.markdown(":gray[None is open, and none has cleared lately.]")
        return
    show_alert_list(viewer, alerts[:MOST], key="vehicle_alerts", compact=True)
    if len(alerts) > MOST:
        st.caption(f"{len(alerts) - MOST:,} more that are less urgent are on the page Alerts.")


def _show_past(viewer: Viewer, choice: Choice) -> None:
    directory = viewer.settings.history.directory
    assert choice.window is not None
    if directory is None:
        st.markdown(":gray[Not known: no history is kept.]")
        return
    try:
        alerts = past.alerts_between(directory, choice.vehicle_id, choice.window)
    except HistoryError as error:
        st.markdown(f":gray[Not known: {markdown(str(error), 200)}]")
        return
    if not alerts:
        st.markdown(":gray[None was open.]")
    for alert in alerts:
        st.markdown(_line(alert, viewer.zone))


def _line(alert: AlertLine, zone: tzinfo) -> str:
    end = "still open" if alert.cleared_at is None else f"cleared {clock_time(alert.cleared_at, zone)}"
    start = f"opened {clock_time(alert.opened_at, zone)}"
    colour = BADGES.get(alert.severity, "gray")  # type: ignore[call-overload]
    facts = markdown(f"{start} · {end}", 200)
    return f":{colour}-badge[{markdown(alert.severity)}] {markdown(alert.summary)}  \n:small[:gray[{facts}]]"
