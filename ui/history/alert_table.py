"""The alerts of some time; a click leads to the vehicle at the moment of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd
import streamlit as st

from dataflows.events import SEVERITIES, Severity
from dataflows.report.day import AlertLine
from ui import links, palette
from ui.formatting import button_label, plain

_SHOWN, _CLICK = "past_alerts_shown", "past_alert_click"


def show_alerts(alerts: Sequence[AlertLine], zone: tzinfo, *, with_vehicle: bool) -> None:
    """Draw the table.

    Args:
        alerts: by time.
        zone: of the viewer.
        with_vehicle: whether they are of several vehicles.
    """
    st.subheader("Alerts", anchor=False)
    if not alerts:
        st.caption("None.")
        return
    st.session_state[_SHOWN] = list(alerts)
    frame = alert_frame(alerts, zone)
    if not with_vehicle:
        frame = frame.drop(columns="Vehicle")
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, alert in enumerate(alerts):
        if alert.severity in SEVERITIES:
            styles.loc[row, "Severity"] = _severity_style(SEVERITIES[SEVERITIES.index(alert.severity)])
    st.dataframe(
        frame.style.apply(lambda _: styles, axis=None),
        hide_index=True,
        key="past_alerts",
        column_config={
            "From": moment_button(_CLICK, _clicked),
            "To": st.column_config.TextColumn(width=110),
            "Severity": st.column_config.TextColumn(width=75),
            "Vehicle": st.column_config.TextColumn(width=100),
            "What": st.column_config.TextColumn(width=520),
        },
    )


def alert_frame(alerts: Sequence[AlertLine], zone: tzinfo) -> pd.DataFrame:
    """One row per alert; all of it is text."""

    def local(moment: datetime | None) -> str:
        return "still open" if moment is None else f"{moment.astimezone(zone):%d %b %H:%M}"

    return pd.DataFrame(
        {
            "From": [button_label(local(alert.opened_at)) for alert in alerts],
            "To": [local(alert.cleared_at) for alert in alerts],
            "Severity": [alert.severity for alert in alerts],
            "Vehicle": [plain(alert.vehicle_id) for alert in alerts],
            "What": [plain(alert.summary, 200) for alert in alerts],
        }
    )


def moment_button(key: str, on_click: Callable[[], None]) -> Any:
    """A column of moments; clicking one calls `on_click`, with the click in the session under `key`."""
    return st.column_config.ButtonColumn(
        width=110,
        type="tertiary",
        alignment="left",
        key=key,
        on_click=on_click,
        help="Opens the vehicle then.",
    )


def clicked_row(key: str, rows: int) -> int | None:
    """The row of a click, of so many; ``None`` if the browser shows rows that are no longer there."""
    row = st.session_state[key]["row"]
    return row if isinstance(row, int) and 0 <= row < rows else None


def _clicked() -> None:
    alerts: list[AlertLine] = st.session_state[_SHOWN]
    row = clicked_row(_CLICK, len(alerts))
    if row is not None:
        alert = alerts[row]
        links.go_to("vehicle", links.query_of_vehicle(alert.vehicle_id, alert.opened_at))


def _severity_style(severity: Severity) -> str:
    """The CSS of a cell that names a severity, in the viewer's theme."""
    colours = palette.SEVERITY_ON_DARK if st.context.theme.type == "dark" else palette.SEVERITY
    background, text = colours[severity]
    return f"background-color: {background}; color: {text};"
