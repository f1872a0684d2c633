"""The list of alerts: the most urgent first, those that have cleared last; a group is one row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from dataflows.events import SEVERITIES, Alert, Severity
from ui import palette
from ui.actions.action_desk import ActionDesk
from ui.alerts import alert_selection
from ui.alerts.alert_groups import Line, Row, grouped, vehicles_of
from ui.alerts.alert_selection import LIST
from ui.alerts.alert_words import (
    describe_group,
    describe_state,
    describe_states,
    lasted,
    sentence,
    since,
    vehicle_of,
)
from ui.fleet.fleet_table import button_label, choose_labelled, severity_style, vehicle_button
from ui.live.alert_state import AlertSnapshot, is_muted

MAX_ROWS = 100
"""Rows in the list, without those of opened groups."""

MAX_CLEARED = 20
"""Of them, rows of cleared alerts."""

ROW_HEIGHT = 32
LEAST_ROWS, MOST_ROWS = 3, 9
"""Rows that there is room for: the page below does not move with every alert."""

COLUMNS = ["Severity", "Vehicle", "What", "Since", "Lasted", "Times", "State"]

CLOSED, OPENED, MEMBER = "▸ ", "▾ ", "└ "
"""In front of the vehicles of a group, and of the vehicle of an alert in it."""

_CLICK = "alert_list_click"


def rows_of(alerts: AlertSnapshot) -> list[Row]:
    """The rows of the list: all open alerts, up to `MAX_ROWS`, then the last `MAX_CLEARED` that cleared."""
    rows = grouped(alerts.alerts, alerts.taken_at)
    is_open = [row[0].state == "open" for row in rows].count(True)
    return rows[: min(is_open + MAX_CLEARED, MAX_ROWS)]


def severity_of(alerts: Sequence[Alert]) -> Severity:
    """The highest severity of the alerts, at least one."""
    return max((alert.severity for alert in alerts), key=SEVERITIES.index)


def who(line: Line) -> str:
    """The vehicle, or how many vehicles, as the label of a button."""
    if line.is_group:
        return f"{OPENED if line.is_opened else CLOSED}{who_plainly(line)}"
    return f"{MEMBER if line.is_member else ''}{button_label(who_plainly(line))}"


def who_plainly(line: Line) -> str:
    """The vehicle, or how many vehicles."""
    return f"{len(vehicles_of(line.alerts))} vehicles" if line.is_group else vehicle_of(line.alerts[0])


def what(line: Line) -> str:
    """The sentence of an alert, or what those of a group have in common."""
    return describe_group(line.alerts) if line.is_group else sentence(line.alerts[0])


def state(line: Line, desk: ActionDesk, now: float, zone: tzinfo) -> str:
    """The state of an alert, or how many of a group are in which."""
    if line.is_group:
        return describe_states(line.alerts, desk.sent, now, zone)
    (alert,) = line.alerts
    return describe_state(alert, desk.sent(alert), now, zone)


def is_dimmed(line: Line, now: float) -> bool:
    """Whether nobody needs to look: all of it is muted or has cleared, at `now`, seconds since the epoch."""
    return all(alert.state == "cleared" or is_muted(alert, now) for alert in line.alerts)


def alert_frame(lines: Sequence[Line], desk: ActionDesk, now: float, zone: tzinfo) -> pd.DataFrame:
    """One row per line; ``Times`` is a number, everything else is text."""
    rows = [
        {
            "Severity": severity_of(line.alerts),
            "Vehicle": who(line),
            "What": what(line),
            "Since": since(line.alerts, zone),
            "Lasted": lasted(line.alerts, now),
            "Times": sum(alert.openings for alert in line.alerts),
            "State": state(line, desk, now, zone),
        }
        for line in lines
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def coloured(frame: pd.DataFrame, lines: Sequence[Line], now: float) -> Styler:
    """The list with the colours of severities; muted and cleared alerts are grey."""
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, line in enumerate(lines):
        if is_dimmed(line, now):
            styles.iloc[row, :] = f"color: {palette.SILENT};"
        else:
            styles.iloc[row, 0] = severity_style(severity_of(line.alerts))
    return frame.style.apply(lambda _: styles, axis=None)


def show_list(lines: Sequence[Line], taken_at: float, desk: ActionDesk, zone: tzinfo) -> None:
    """Draw the list; its rows can be selected, and its groups opened.

    Args:
        lines: of the list.
        taken_at: seconds since the epoch.
        desk: knows what has been done.
        zone: of the viewer.
    """
    frame = alert_frame(lines, desk, taken_at, zone)
    # Half a row more if there are more rows, so that they are not overlooked.
    room = 1 + (MOST_ROWS + 0.5 if len(lines) > MOST_ROWS else max(len(lines), LEAST_ROWS))
    st.dataframe(
        coloured(frame, lines, taken_at),
        key=LIST,
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=round(room * ROW_HEIGHT) + 3,
        row_height=ROW_HEIGHT,
        column_config={
            "Severity": st.column_config.TextColumn(width=75),
            "Vehicle": vehicle_button(_CLICK, _clicked),
            "What": st.column_config.TextColumn(width=700),
            "Since": st.column_config.TextColumn(width=80, help="When it probably began."),
            "Lasted": st.column_config.TextColumn(width=60),
            "Times": st.column_config.NumberColumn(
                width=55, help="How often it was opened: what comes back soon is the same alert."
            ),
            "State": st.column_config.TextColumn(width=300),
        },
    )


def show_unlisted(lines: Sequence[Line], alerts: AlertSnapshot) -> None:
    """Draw how many open alerts are in none of the lines, if there are any."""
    listed = {alert_id for line in lines for alert_id in line.ids}
    count = sum(alert.alert_id not in listed for alert in alerts.open)
    if count:
        st.caption(f"{count:,} open alerts that are less urgent are not listed.")


def clicked_group(lines: Sequence[Line], row: int, label: str) -> Line | None:
    """The group of a click; ``None`` if a vehicle was clicked.

    Args:
        lines: as they are now; the browser may have shown earlier ones.
        row: that was clicked.
        label: of what was clicked.
    """
    groups = [line for line in lines if line.is_group and who(line) == label]
    return next((line for line in lines[row : row + 1] if line in groups), next(iter(groups), None))


def _clicked(key: str) -> None:
    click = st.session_state[key]
    group = clicked_group(alert_selection.last_lines(), click["row"], click["label"])
    if group is None:
        choose_labelled(click["label"].removeprefix(MEMBER))
    else:
        alert_selection.open_or_close(group)
