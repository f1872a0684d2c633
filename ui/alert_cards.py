"""The list of alerts on a narrow screen: one below the other, with whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Literal

import streamlit as st

from dataflows.events import Severity
from ui.action_desk import ActionDesk
from ui.alert_groups import Line
from ui.alert_list import is_dimmed, severity_of, state, what, who_plainly
from ui.alert_selection import card_key, in_card, open_or_close
from ui.alert_words import lasted, since
from ui.formatting import markdown

CARDS = "alert_cards"
"""Key of the container; the style of the page shows it on narrow screens only, instead of the table."""

MAX_CARDS = 8
"""Cards without those of opened groups: each is an element that is sent to the browser at every refresh."""

MAX_MEMBERS = 50
"""Cards of an opened group."""

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
    shown = [line for line, fits in zip(lines, fitting(lines), strict=True) if fits or in_card(line)]
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
        if len(lines) > len(shown):
            st.caption(f"More on a wider screen: {len(lines) - len(shown):,}")


def fitting(lines: Sequence[Line]) -> list[bool]:
    """Which lines are among the first `MAX_CARDS` rows, or the first `MAX_MEMBERS` of a group there."""
    fits = []
    rows = members = 0
    for line in lines:
        rows, members = (rows, members + 1) if line.is_member else (rows + 1, 0)
        fits.append(rows <= MAX_CARDS and members <= MAX_MEMBERS)
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
