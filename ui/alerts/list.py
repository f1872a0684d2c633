"""The list of alerts: one component that the pages share, from a phone to a screen on the wall."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dataflows.events import Alert
from ui import links
from ui.alerts import acting, bulk
from ui.alerts.detail import detail_of
from ui.alerts.rows import COLOURS, list_of
from ui.assets import component
from ui.push.sections import draw_again
from ui.viewer import Viewer

ROWS_AT_ONCE = 200
"""Alerts that are sent to the browser, until the viewer asks for more: all are sent again at each change."""

CLOCK_JUMP = 2.0
"""Seconds by which the clock of the alerts has to differ from what it was expected to show to be told anew:
in a replay it goes its own way."""

_list = component("fleet_alert_list", "alert_list.js")


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

    Whoever may act gets buttons in the rows, check boxes, and what can be done to the selected ones below.
    What they do is sent from here.

    Args:
        viewer: who looks; the time zone, the role and the desk are theirs.
        alerts: what to show, already filtered, in the order of `urgency`.
        key: unique on the page; the list keeps its selection, opened groups and scrolling under it.
        compact: for a place beside something else: no check boxes, no headings, and it scrolls by itself.
        chosen: id of the vehicle whose rows are marked.
        on_vehicle: called with the id of a vehicle whose name was clicked, before the page is drawn again;
            without it, a click goes to the vehicle's page.
    """
    now = viewer.feed.alerts.snapshot().taken_at
    limit = st.session_state.setdefault(_of(key, "limit"), ROWS_AT_ONCE)
    by_id = {alert.alert_id: alert for alert in alerts}

    def value(name: str) -> Any:
        return getattr(st.session_state.get(key), name, None)

    def acknowledge() -> None:
        wanted = [by_id[each] for each in value("acknowledge") or () if each in by_id]
        acting.perform(viewer, "acknowledge", wanted)

    def visit() -> None:
        where = value("vehicle") or {}
        alert = by_id.get(where.get("alert", ""))
        if alert is not None:
            links.go_to("vehicle", links.query_of_vehicle(alert.vehicle_id, alert.opened_at))
        elif on_vehicle is None:
            links.go_to("vehicle", links.query_of_vehicle(where.get("id", "")))
        else:
            on_vehicle(where.get("id", ""))

    def select() -> None:
        bulk.selection_changed(key)
        draw_again(_of(key, "bulk"))

    def more() -> None:
        st.session_state[_of(key, "limit")] = limit + ROWS_AT_ONCE

    is_named = bool(viewer.name)
    opened = by_id.get(value("opened") or "")
    listed = list(alerts[:limit])
    if opened is not None and all(alert is not opened for alert in listed):
        listed.append(opened)
    data = list_of(listed, viewer.desk.sent, now, viewer.zone) | {
        "now": _told_clock(key, now),
        "compact": compact,
        "acts": viewer.may_act and is_named,
        "chosen": chosen,
        "more": max(0, len(alerts) - limit),
        "answers": acting.answers(),
        "rounds": bulk.rounds(key),
        "view": st.session_state.get(_of(key, "view"), 0),
        "detail": None if opened is None else detail_of(opened, viewer.settings, viewer.zone, now),
        "colours": COLOURS,
    }
    _list(
        key=key,
        data=data,
        on_selected_change=select,
        on_opened_change=lambda: None,
        on_vehicle_change=visit,
        on_acknowledge_change=acknowledge,
        on_more_change=more,
    )

    def selected() -> None:
        wanted = bulk.not_done(key, value("selected") or ())
        bulk.show_bulk(viewer, [alert for alert in alerts if alert.alert_id in wanted], key)

    if data["acts"] and not compact:
        viewer.sections.section(_of(key, "bulk"), selected, ())
    elif trouble := acting.trouble():
        st.error(trouble, icon=":material/error:")


def show_afresh(key: str) -> None:
    """Have a list show something else when it is drawn next: nothing is selected, and rows move at once."""
    st.session_state[_of(key, "view")] = st.session_state.get(_of(key, "view"), 0) + 1
    st.session_state[_of(key, "limit")] = ROWS_AT_ONCE


def _of(key: str, name: str) -> str:
    return f"{key}_{name}"


def _told_clock(key: str, now: float) -> float:
    """What the browser is told of the clock: a moment that it has been told already, while that is right.

    So what it is told does not change with every second.
    """
    wall = time.time()
    name = _of(key, "clock")
    told: tuple[float, float] = st.session_state.get(name, (now, wall))
    if abs(told[0] + (wall - told[1]) - now) > CLOCK_JUMP:
        told = now, wall
    st.session_state[name] = told
    return round(told[0], 1)
