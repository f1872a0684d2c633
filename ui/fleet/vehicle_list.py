"""The list of vehicles, the worst first, and the field that finds one among thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from config.settings import SignalSettings
from ui import palette
from ui.alerts.alert_words import sentence
from ui.assets import component
from ui.descriptions import describe_anomaly, describe_implausible, describe_missing, describe_status
from ui.fleet.filters import TITLES
from ui.fleet.overview import Overview, Show
from ui.fleet.selection import choose_or_open, open_vehicle
from ui.formatting import number, plain
from ui.live.fleet_state import VehicleSnapshot

KEY = "vehicle_list"

ROWS = 40
"""Vehicles that are sent to the browser at once: a page of the list."""

LONGEST_SEARCH = 200
"""Characters of an id that are looked for."""

_VIEW = "vehicle_list_view"

_list = component("fleet_vehicle_list", "vehicle_list.js")


@dataclass(frozen=True, slots=True)
class View:
    """What part of the list a viewer looks at.

    Attributes:
        search: part of an id; empty for no search.
        page: from 0 on.
    """

    search: str = ""
    page: int = 0


def found(ranking: Sequence[str], search: str) -> Sequence[str]:
    """The vehicles whose id contains `search`: that with this very id first, then those that begin with it.

    Args:
        ranking: ids; vehicles that match alike stay in this order.
        search: upper and lower case are the same; empty finds all.
    """
    wanted = search.strip().casefold()
    if not wanted:
        return ranking
    matching = [name for name in ranking if wanted in name.casefold()]
    return sorted(
        matching, key=lambda name: (name.casefold() != wanted, not name.casefold().startswith(wanted))
    )


def stands_out(vehicle: VehicleSnapshot, signals: Mapping[str, SignalSettings]) -> str:
    """What is unusual about the latest event: anomaly, implausible and missing values, if anything."""
    event = vehicle.latest
    phrases = [describe_anomaly(event, signals)] if event.is_anomaly else []
    if event.implausible:
        phrases.append(f"implausible: {describe_implausible(event, signals)}")
    if event.status == "partial":
        phrases.append(describe_missing(event, signals))
    return "; ".join(phrases)


def row_of(name: str, overview: Overview) -> dict[str, Any]:
    """A row: words, and numbers for its colours.

    Returns:
        ``id``, which is reported when it is clicked, ``name`` as it is shown, ``tone``, ``alert`` (a severity
        or empty), ``state``, ``error`` (a text), ``level`` (0–100, the threshold at 50) and ``note``.
    """
    vehicle = overview.fleet.vehicles[name]
    alert, ratio = overview.alerts.worst.get(name), vehicle.error_ratio
    tone: str = overview.tones[name]
    state = describe_status(vehicle, overview.fleet.taken_at, overview.stale_after)
    return {
        "id": name,
        "name": plain(name, 60),
        "tone": "anomalous" if tone == "ok" and name in overview.anomalous else tone,
        "alert": alert.severity if alert else "",
        # That its latest event was normal does not make a vehicle with an alert one that is ok.
        "state": "" if alert and state == "ok" else state,
        "error": "" if vehicle.latest.anomaly_threshold is None else f"{number(ratio, 2)} ×",
        "level": round(100.0 * ratio / (1.0 + ratio)),
        "note": plain(
            stands_out(vehicle, overview.settings.signals) or (sentence(alert) if alert else ""), 200
        ),
    }


def view_of(text: object, page: object) -> View:
    """The view that a browser asks for, whatever it sends."""
    return View(
        text[:LONGEST_SEARCH] if isinstance(text, str) else "",
        max(0, page) if isinstance(page, int) else 0,
    )


def show_vehicle_list(overview: Overview, show: Show, chosen: str | None) -> None:
    """Draw the list; a click chooses a vehicle, another one or the arrow goes to its page.

    Args:
        overview: the vehicles.
        show: which of them, unless one is searched: that is found whatever it is.
        chosen: id of the vehicle whose row is marked.
    """
    view: View = st.session_state.get(_VIEW, View())
    names = found(overview.ranking, view.search) if view.search else overview.vehicles_in(show)
    pages = max(1, -(-len(names) // ROWS))
    page = min(view.page, pages - 1)
    listed = names[page * ROWS : (page + 1) * ROWS]

    def value(name: str) -> Any:
        return getattr(st.session_state.get(KEY), name, None)

    def look() -> None:
        asked = value("view") or {}
        st.session_state[_VIEW] = view_of(asked.get("search"), asked.get("page"))

    def choose_clicked() -> None:
        if value("chosen") in overview.fleet.vehicles:
            choose_or_open(value("chosen"))

    def open_clicked() -> None:
        if value("opened") in overview.fleet.vehicles:
            open_vehicle(value("opened"))

    def open_first() -> None:
        text = value("entered")
        first = found(overview.ranking, text)[:1] if isinstance(text, str) and text.strip() else ()
        for name in first:
            open_vehicle(name)

    _list(
        key=KEY,
        data={
            "rows": [row_of(name, overview) for name in listed],
            "chosen": chosen,
            "what": what(show, view.search, len(names), len(overview.fleet.vehicles)),
            "first": page * ROWS + 1,
            "total": len(names),
            "page": page,
            "pages": pages,
            "dots": palette.DOTS,
            "chips": {
                name: [pair, palette.SEVERITY_ON_DARK[name]] for name, pair in palette.SEVERITY.items()
            },
        },
        on_view_change=look,
        on_chosen_change=choose_clicked,
        on_opened_change=open_clicked,
        on_entered_change=open_first,
    )


def what(show: Show, search: str, listed: int, all_vehicles: int) -> str:
    """What the list holds, in words."""
    if search:
        return (
            f"{listed:,} of {all_vehicles:,} match" if listed else f"no vehicle matches “{plain(search, 40)}”"
        )
    if not listed:
        return "no vehicles"
    if show == "all":
        return "worst first"
    return f"only {TITLES[show][0]} · worst first"
