"""Which alerts a viewer has selected, and which groups are opened, while the list is being updated.

The browser identifies a selected row of the table by its number. So the page remembers which line was in
which row, and selects the rows again that these lines have moved to. On a narrow screen there are cards with
check boxes instead of the table; only one of the two is visible, so what is selected is selected in either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from dataflows.events import Alert
from ui.alerts.alert_groups import Line, Row, lines_of

LIST = "alert_list"
"""Key of the table."""

_CARD = "alert_card_"
"""Start of the keys of the check boxes; the style of the page indents those of members."""

_LINES = "alert_lines"
"""Key of the lines as they were drawn last."""

_OPENED = "alert_groups_opened"
"""Key of the ids of all alerts in opened groups: a group stays open when some of its alerts come or go."""


def selected(alerts: Iterable[Alert]) -> list[Alert]:
    """The selected ones of `alerts`, in the order of the list; those of a group if it is selected."""
    by_id = {alert.alert_id: alert for alert in alerts}
    ids = dict.fromkeys(alert_id for line in (*_in_table(), *_in_cards()) for alert_id in line.ids)
    return [by_id[alert_id] for alert_id in ids if alert_id in by_id]


def arranged(rows: Sequence[Row]) -> list[Line]:
    """The lines of the list: `rows` as they are, or as they were last while something is selected.

    Alerts that have come since then are above the others.
    """
    by_id = {alert.alert_id: alert for row in rows for alert in row}

    def known(line: Line) -> tuple[str, ...]:
        return tuple(alert_id for alert_id in line.ids if alert_id in by_id)

    in_table, in_cards = (list(filter(None, map(known, each))) for each in (_in_table(), _in_cards()))
    if in_table or in_cards:
        before = filter(None, (known(line) for line in last_lines() if not line.is_member))
        held = [tuple(by_id[alert_id] for alert_id in ids) for ids in before]
        seen = {alert.alert_id for row in held for alert in row}
        fresh = [tuple(alert for alert in row if alert.alert_id not in seen) for row in rows]
        rows = [*filter(None, fresh), *held]
    opened = st.session_state.get(_OPENED, frozenset()) & by_id.keys()
    lines = list(lines_of(rows, opened))
    numbers = {line.ids: number for number, line in enumerate(lines)}
    chosen = sorted({numbers[ids] for ids in in_table if ids in numbers})
    if chosen != _selected_rows():
        _select(chosen)
    for line in (lines[numbers[ids]] for ids in in_cards if ids in numbers):
        if not in_card(line):
            st.session_state[card_key(line)] = True
    st.session_state[_LINES], st.session_state[_OPENED] = lines, frozenset(opened)
    return lines


def last_lines() -> list[Line]:
    """The lines as they were drawn last."""
    lines: list[Line] = st.session_state.get(_LINES, [])
    return lines


def open_or_close(line: Line) -> None:
    """Open a group, or close it."""
    opened: frozenset[str] = st.session_state.get(_OPENED, frozenset())
    ids = frozenset(line.ids)
    st.session_state[_OPENED] = opened | ids if opened.isdisjoint(ids) else opened - ids


def clear() -> None:
    """Select nothing."""
    _select([])
    for line in _in_cards():
        st.session_state[card_key(line)] = False


def card_key(line: Line) -> str:
    """Key of the check box of a line."""
    part = "member" if line.is_member else "group" if line.is_group else "alert"
    return f"{_CARD}{part}_{line.ids[0]}"


def in_card(line: Line) -> bool:
    """Whether the check box of a line is checked."""
    return bool(st.session_state.get(card_key(line)))


def _in_table() -> list[Line]:
    lines = last_lines()
    return [lines[row] for row in _selected_rows() if row < len(lines)]


def _in_cards() -> list[Line]:
    return [line for line in last_lines() if in_card(line)]


def _selected_rows() -> list[int]:
    return sorted(st.session_state[LIST]["selection"]["rows"]) if LIST in st.session_state else []


def _select(rows: list[int]) -> None:
    st.session_state[LIST] = {"selection": {"rows": rows}}
