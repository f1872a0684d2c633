"""The list of alerts on a narrow screen: one below the other, with whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Literal

import streamlit as st

from dataflows.events import Severity
from ui.actions.action_desk import ActionDesk
from ui.alerts.alert_groups import Line
from ui.alerts.alert_list import is_dimmed, severity_of, state, what, who_plainly
from ui.alerts.alert_selection import card_key, in_card, open_or_close
from ui.alerts.alert_words import lasted, since
from ui.formatting import markdown

CARDS = "alert_cards"
"""Key of the container; the style of the page shows it on narrow screens only, instead of the table."""

MAX_CARDS = 8
"""Cards without those of opened groups, until the viewer asks for all: each is sent at every refresh."""

MAX_MEMBERS = 50
"""Cards of an opened group, also then."""

_ALL = "alert_cards_all"
"""Key of whether the viewer has asked for all cards."""

MORE = "alert_cards_more"
"""Key of the button that asks for all cards, or for fewer again."""

BADGES: dict[Severity, Literal["red", "orange", "yellow", "blue"]] = {
    "critical": "red",
    "major": "orange",
    "minor": "yellow",
    "warning": "blue",
}


def show_cards(lines: Sequence[Line], taken_at: float, desk: ActionDesk, zone: tzinfo) -> None:
    """Draw the lines that there is room for; they can be selected, and groups opened.

    Args:
        lines: of the list.
        taken_at: seconds since the epoch.
        desk: knows what has been done.
        zone: of the viewer.
    """
    few, most = fitting(lines), fitting(lines, len(lines))
    is_all = bool(st.session_state.get(_ALL))
    fits = most if is_all else few
    shown = [line for line, fitted in zip(lines, fits, strict=True) if fitted or in_card(line)]
    with st.container(key=CARDS):
        for line in shown:
            key = card_key(line)
            st.checkbox(card(line, taken_at, desk, zone), key=key)
            if line.is_group:
                st.button(
                    "Hide the vehicles" if line.is_opened else "Show the vehicles",
                    key=f"{key}_group",
                    type="tertiary",
                    icon=":material/expand_less:" if line.is_opened else ":material/expand_more:",
                    on_click=open_or_close,
                    args=(line,),
                )
        if few != most:
            label = "Show fewer" if is_all else f"Show {most.count(True) - len(shown):,} more"
            st.button(label, key=MORE, type="tertiary", on_click=_all_or_few)
        if not all(most):
            st.caption(f"More on a wider screen: {most.count(False):,}")


def fitting(lines: Sequence[Line], most: int = MAX_CARDS) -> list[bool]:
    """Which lines are among the first `most` rows, or the first `MAX_MEMBERS` of a group there."""
    fits = []
    rows = members = 0
    for line in lines:
        rows, members = (rows, members + 1) if line.is_member else (rows + 1, 0)
        fits.append(rows <= most and members <= MAX_MEMBERS)
    return fits


def card(line: Line, now: float, desk: ActionDesk, zone: tzinfo) -> str:
    """Markdown: severity, vehicle and sentence; then since when, and in which state.

    Args:
        line: an alert or a group.
        now: seconds since the epoch.
        desk: knows what has been done.
        zone: of the viewer.
    """
    severity = severity_of(line.alerts)
    colour = "gray" if is_dimmed(line, now) else BADGES[severity]
    facts = [since(line.alerts, zone), lasted(line.alerts, now), state(line, desk, now, zone)]
    return (
        f":{colour}-badge[{severity}] **{markdown(who_plainly(line), 40)}**  \n{markdown(what(line))}  \n"
        f":gray[{markdown(' · '.join(facts), 200)}]"
    )


def _all_or_few() -> None:
    st.session_state[_ALL] = not st.session_state.get(_ALL)
