"""The strip at the top of the page: how many vehicles and alerts are what; choosing one shows only these."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import palette
from ui.assets import component
from ui.fleet.overview import SHOWS, Overview, Show
from ui.fleet.selection import show_only

KEY = "fleet_strip"

TITLES: dict[Show, tuple[str, str]] = {
    "all": ("vehicles", "All vehicles and all open alerts."),
    "open": ("open alerts", "Vehicles with an open alert."),
    "unacknowledged": ("unacknowledged", "Alerts that nobody has acknowledged or muted yet."),
    "muted": ("muted", "Alerts that nobody is told of for a while."),
    "anomalous": ("anomalous now", "Vehicles whose latest event is anomalous."),
    "silent": ("silent", "Vehicles that have not sent anything for a while."),
    "warming_up": ("warming up", "Vehicles without a verdict yet: too little has been learned."),
    "ok": ("ok", "Vehicles without an alert that are sending, and whose latest event is normal."),
}
"""Of each choice what stands behind its number, and what it means."""

SHORT: dict[Show, str] = {"all": "all", "open": "open", "unacknowledged": "unacked", "anomalous": "anomalous"}
"""What stands behind a number where there is little room, if that is not the title."""

TONES: dict[Show, str] = {
    "all": "none",
    "open": "major",
    "unacknowledged": "critical",
    "muted": "silent",
    "anomalous": "anomalous",
    "silent": "silent",
    "warming_up": "warming_up",
    "ok": "ok",
}
"""Of each choice the colour of its dot, in `palette.DOTS`."""

GROUPS: tuple[tuple[str, tuple[Show, ...]], ...] = (
    ("Alerts", ("unacknowledged", "open", "muted")),
    ("Vehicles", ("all", "anomalous", "silent", "warming_up", "ok")),
)

_strip = component("fleet_filters", "fleet_filters.js")


def show_filters(overview: Overview, chosen: Show) -> None:
    """Draw the strip.

    Args:
        overview: what is counted.
        chosen: what the page shows.
    """

    def choose() -> None:
        wanted = getattr(st.session_state[KEY], "chosen", None)
        if wanted in SHOWS:
            show_only("all" if wanted == chosen else wanted)

    _strip(key=KEY, data={"groups": groups(overview, chosen), "dots": palette.DOTS}, on_chosen_change=choose)


def groups(overview: Overview, chosen: Show) -> list[dict[str, Any]]:
    """What stands in the strip: a choice that is about nobody is left out if it is seldom about anybody."""
    counts = overview.counts
    return [
        {
            "title": title,
            "choices": [
                {
                    "name": show,
                    "label": TITLES[show][0],
                    "short": SHORT.get(show, TITLES[show][0]),
                    "hint": TITLES[show][1],
                    "count": counts[show],
                    "tone": TONES[show],
                    "chosen": show == chosen,
                }
                for show in shows
                if counts[show] or show == chosen or show not in ("warming_up", "muted")
            ],
        }
        for title, shows in GROUPS
    ]
