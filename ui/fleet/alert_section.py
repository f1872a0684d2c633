"""The alerts on the page: the open ones that are shown, or that there are none."""

from __future__ import annotations

import streamlit as st

from ui.alerts.list import show_alert_list
from ui.alerts.notices import missing, nothing, trouble
from ui.fleet.filters import TITLES
from ui.fleet.overview import Overview, Show
from ui.fleet.selection import choose
from ui.formatting import markdown
from ui.viewer import Viewer

KEY = "fleet_alert_list"


def show_alerts(viewer: Viewer, overview: Overview, show: Show, chosen: str | None) -> None:
    """Draw the alerts; clicking the name of a vehicle chooses it.

    Args:
        viewer: who looks, and may act on them.
        overview: the alerts.
        show: which of them.
        chosen: id of the vehicle whose alerts are marked.
    """
    # What is wrong with the connection stands at the top of the page.
    if viewer.feed.alerts_trouble:
        warning = trouble(viewer.feed, overview.settings, viewer.zone)
        st.warning(warning, icon=":material/notifications_off:")
    alerts = overview.alerts_in(show)
    if alerts:
        show_alert_list(viewer, alerts, key=KEY, compact=True, chosen=chosen, on_vehicle=choose)
        if notes := missing(overview.alerts):
            st.markdown(" ".join(notes))
    elif overview.alerts.open:
        st.markdown(nothing_of(show, len(overview.alerts.open)))
    else:
        st.markdown(nothing(viewer.feed))


def nothing_of(show: Show, others: int) -> str:
    """Markdown: that none of the open alerts is shown.

    Args:
        show: what is shown instead.
        others: open alerts.
    """
    which = "alert is open" if others == 1 else "alerts are open"
    return f":gray[Of *{markdown(TITLES[show][0])}* there is no open alert; in all {others:,} {which}.]"
