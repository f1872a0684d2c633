"""The values of a vehicle at one moment, with what was expected and what is allowed."""

from __future__ import annotations

import streamlit as st

from config.settings import Settings
from dataflows.events import Enriched
from ui.formatting import markdown, number
from ui.vehicle.words import expectation, limits_of, remark_on

HEADING = ("Signal", "Value", "Expected", "Limit", "Note")

SERIOUS = ("above", "below", "higher", "lower", "unusual")
"""How remarks begin that are red; the others are orange."""


def show_values(event: Enriched, settings: Settings, *, is_old: bool) -> None:
    """Draw one row for each signal.

    Args:
        event: the moment.
        settings: the catalogue is used.
        is_old: whether the vehicle has been silent since: the values are marked.
    """
    title = "**Last values**" if is_old else "**Values**"
    note = " :orange-badge[old: the vehicle is silent]" if is_old else ""
    st.markdown(f"{title}{note}")
    with st.container(key="vehicle_table"):
        st.markdown(table(event, settings))


def table(event: Enriched, settings: Settings) -> str:
    """The values as a table in Markdown."""
    lines = [f"| {' | '.join(HEADING)} |", "|:--|--:|--:|:--|:--|"]
    for name, signal in settings.signals.items():
        value, remark = event.values.get(name), remark_on(name, event, settings)
        unit = "" if signal.unit in ("", "1-5") else f" :gray[{markdown(signal.unit, 20)}]"
        shown = (
            ":gray[–]"
            if value is None
            else f"{markdown(number(value, 5 if _is_place(name, settings) else 3))}{unit}"
        )
        expected = markdown(expectation(name, event, settings))
        label = markdown(name.replace("_", " "), 40)
        colour = "red" if remark.startswith(SERIOUS) else "orange"
        if remark:
            label, shown = f"**{label}**", f"**{shown}**"
            remark = f":{colour}[{markdown(remark)}]"
        cells = (label, shown, expected and f":gray[{expected}]", markdown(limits_of(signal)), remark)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _is_place(name: str, settings: Settings) -> bool:
    return settings.signals[name].role == "position"
