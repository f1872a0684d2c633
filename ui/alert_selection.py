"""Which alerts a viewer has selected, while the list changes under the hand.

The browser identifies a selected row by its number. So the page remembers which alert was in which row, and
selects the rows again that these alerts have moved to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from dataflows.events import Alert

LIST = "alert_list"
"""Key of the list."""

_ORDER = "alert_order"
"""Key of the ids of the alerts, by row, as they were drawn last."""


def selected(alerts: Iterable[Alert]) -> list[Alert]:
    """The selected ones of `alerts`, in the order of the list."""
    by_id = {alert.alert_id: alert for alert in alerts}
    return [by_id[alert_id] for alert_id in _selected_ids() if alert_id in by_id]


def arranged(alerts: Sequence[Alert]) -> list[Alert]:
    """The rows of the list: `alerts` in their order, or in the last one while something is selected.

    Alerts that have come since then are above the others.
    """
    by_id = {alert.alert_id: alert for alert in alerts}
    chosen = [alert_id for alert_id in _selected_ids() if alert_id in by_id]
    order = list(by_id)
    if chosen:
        before = _last_order()
        known = set(before)
        order = [name for name in order if name not in known] + [name for name in before if name in by_id]
    rows = [order.index(alert_id) for alert_id in chosen]
    if rows != _selected_rows():
        _select(rows)
    st.session_state[_ORDER] = order
    return [by_id[alert_id] for alert_id in order]


def clear() -> None:
    """Select nothing."""
    _select([])


def _selected_ids() -> list[str]:
    order = _last_order()
    return [order[row] for row in _selected_rows() if row < len(order)]


def _last_order() -> list[str]:
    order: list[str] = st.session_state.get(_ORDER, [])
    return order


def _selected_rows() -> list[int]:
    return sorted(st.session_state[LIST]["selection"]["rows"]) if LIST in st.session_state else []


def _select(rows: list[int]) -> None:
    st.session_state[LIST] = {"selection": {"rows": rows}}
