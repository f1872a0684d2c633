"""The page *Alerts*."""

from __future__ import annotations

import streamlit as st

from ui.alerts.alert_section import show_alert_list, show_heading
from ui.viewer import Viewer


def show_alerts(viewer: Viewer) -> None:
    """Draw the page."""

    def alerts() -> None:
        show_alert_list(viewer.feed, viewer.desk, viewer.settings, viewer.zone)

    st.title("Alerts", anchor=False)
    show_heading()
    viewer.sections.section("alerts", alerts, ("alerts", "connection", "clock"), 0.2)
