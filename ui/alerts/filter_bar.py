"""The bar with which a viewer chooses which alerts are listed; what is chosen stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dataflows.events import Alert
from ui.alerts.filters import LONGEST, PARAMETERS, Choice, Filters, choices, filters_in
from ui.assets import component

KEY = "alert_filters"

_bar = component("fleet_alert_filters", "alert_filters.js")


def filters_of_address() -> Filters:
    """The filters in the address of the page."""
    return filters_in({name: st.query_params.get_all(name) for name in PARAMETERS})


def show_filters(alerts: Sequence[Alert], now: float, on_change: Callable[[], None]) -> None:
    """Draw the bar.

    Args:
        alerts: all that there are.
        now: seconds since the epoch.
        on_change: called when the viewer has chosen something, before anything is drawn again.
    """
    filters = filters_of_address()

    def chosen() -> None:
        wanted = getattr(st.session_state.get(KEY), "chosen", None)
        if isinstance(wanted, dict):
            keep(filters_in({str(name): _texts(value) for name, value in wanted.items()}))
        on_change()

    _bar(key=KEY, data=bar_data(filters, choices(alerts, filters, now)), on_chosen_change=chosen)


def bar_data(filters: Filters, offered: dict[str, list[Choice]]) -> dict[str, Any]:
    """What the bar shows, as plain data."""
    return {
        "chosen": {
            "state": filters.state,
            "severity": filters.severity,
            "kind": list(filters.kinds),
            "vehicle": filters.vehicle,
            "subject": filters.subject,
            "since": filters.since,
        },
        "choices": {
            name: [[each.value, each.label, each.count] for each in options]
            for name, options in offered.items()
        },
        "usual": filters == Filters(state=filters.state),
    }


def keep(filters: Filters) -> None:
    """Write filters into the address of the page."""
    query = filters.query()
    for name in PARAMETERS:
        if name in query:
            st.query_params[name] = query[name]
        elif name in st.query_params:
            del st.query_params[name]


def _texts(value: object) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    return [text[:LONGEST] for text in texts if isinstance(text, str)]
