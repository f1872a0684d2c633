"""The list of alerts: the most urgent first, the recently cleared ones at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from dataflows.events import Alert
from ui import palette
from ui.action_desk import ActionDesk
from ui.alert_selection import LIST, arranged
from ui.alert_state import AlertSnapshot, is_muted
from ui.alert_words import describe_state, lasted, since, vehicle_of
from ui.fleet_table import button_label, severity_style, vehicle_button
from ui.formatting import plain

MAX_ROWS = 100
"""Alerts in the list."""

MAX_CLEARED = 20
"""Of them, cleared ones."""

ROW_HEIGHT = 32
LEAST_ROWS, MOST_ROWS = 3, 9
"""Rows that there is room for: the page below does not move with every alert."""

COLUMNS = ["Severity", "Vehicle", "What", "Since", "Lasted", "Times", "State"]


def rows_of(alerts: AlertSnapshot) -> list[Alert]:
    """The alerts in the list: all open ones, up to `MAX_ROWS`, then the last `MAX_CLEARED` that cleared."""
    cleared = [alert for alert in alerts.alerts if alert.state == "cleared"]
    return [*alerts.open, *cleared[:MAX_CLEARED]][:MAX_ROWS]


def alert_frame(alerts: Sequence[Alert], desk: ActionDesk, now: float, zone: tzinfo) -> pd.DataFrame:
    """One row per alert; ``Times`` is a number, everything else is text."""
    rows = [
        {
            "Severity": alert.severity,
            "Vehicle": button_label(vehicle_of(alert)),
            "What": plain(alert.summary, 200),
            "Since": since(alert, zone),
            "Lasted": lasted(alert, now),
            "Times": alert.openings,
            "State": describe_state(alert, desk.sent(alert), now, zone),
        }
        for alert in alerts
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def coloured(frame: pd.DataFrame, alerts: Sequence[Alert], now: float) -> Styler:
    """The list with the colours of severities; muted and cleared alerts are grey."""
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, alert in enumerate(alerts):
        if alert.state == "cleared" or is_muted(alert, now):
            styles.iloc[row, :] = f"color: {palette.SILENT};"
        else:
            styles.iloc[row, 0] = severity_style(alert)
    return frame.style.apply(lambda _: styles, axis=None)


def show_list(alerts: AlertSnapshot, desk: ActionDesk, zone: tzinfo) -> None:
    """Draw the list; its rows can be selected."""
    rows = arranged(rows_of(alerts))
    frame = alert_frame(rows, desk, alerts.taken_at, zone)
    # Half a row more if there are more rows, so that they are not overlooked.
    room = 1 + (MOST_ROWS + 0.5 if len(rows) > MOST_ROWS else max(len(rows), LEAST_ROWS))
    st.dataframe(
        coloured(frame, rows, alerts.taken_at),
        key=LIST,
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=round(room * ROW_HEIGHT) + 3,
        row_height=ROW_HEIGHT,
        column_config={
            "Severity": st.column_config.TextColumn(width=75),
            "Vehicle": vehicle_button("alert_list_click"),
            "What": st.column_config.TextColumn(width=430),
            "Since": st.column_config.TextColumn(width=80, help="When it probably began."),
            "Lasted": st.column_config.TextColumn(width=60),
            "Times": st.column_config.NumberColumn(
                width=55, help="How often it was opened: what comes back soon is the same alert."
            ),
            "State": st.column_config.TextColumn(width=330),
        },
    )
    if len(alerts.open) > MAX_ROWS:
        st.caption(f"The most urgent {MAX_ROWS} of {len(alerts.open):,} open alerts.")
