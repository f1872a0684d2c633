"""What the page of a vehicle shows: which vehicle, which moment, how much around it.

All of it is in the address, which can be sent to others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import streamlit as st

from ui.links import query_of_vehicle, time_in
from ui.live.fleet_state import FleetSnapshot, VehicleSnapshot
from ui.vehicle.window import DEFAULT_SPAN, SPANS, SpanName, Window, span_named, window_around

VEHICLE, AT, SPAN = "vehicle", "at", "span"
"""In the address."""

_WINDOW = "vehicle_window"
"""Key of the window in the state of the session: it stays where it is while the slider moves within it."""

LATEST_KNOWN = timedelta(seconds=2)
"""A moment closer to the last event than this is taken for now."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown.

    Attributes:
        vehicle_id: which vehicle; untrusted text from an address.
        at: the moment in the past, UTC; ``None`` for live.
        span: how much time.
        window: in the past, the time that is shown, with `at` in it; ``None`` for live.
    """

    vehicle_id: str
    at: datetime | None
    span: SpanName
    window: Window | None

    @property
    def is_live(self) -> bool:
        """Whether what is shown follows the vehicle."""
        return self.at is None


def chosen(fleet: FleetSnapshot, stale_after: float) -> Choice | None:
    """What the address asks for; without a vehicle in it, the worst one. ``None`` if there is none.

    Args:
        fleet: what is known now.
        stale_after: seconds without an event after which a vehicle is silent.
    """
    vehicle = st.query_params.get(VEHICLE) or _first(fleet, stale_after)
    if vehicle is None:
        return None
    if VEHICLE not in st.query_params:
        st.query_params[VEHICLE] = vehicle
    st.session_state.chosen = vehicle
    span = span_named(st.query_params.get(SPAN))
    at = moment_in(st.query_params.get(AT))
    if at is None:
        st.session_state.pop(_WINDOW, None)
        return Choice(vehicle, None, span, None)
    window: Window | None = st.session_state.get(_WINDOW)
    if window is None or not window.contains(at) or abs(window.length - SPANS[span]) > window.step:
        latest = datetime.fromtimestamp(fleet.taken_at, UTC)
        window = st.session_state[_WINDOW] = window_around(at, span, latest)
    return Choice(vehicle, at, span, window)


def moment_in(text: str | None) -> datetime | None:
    """The moment that an address names, UTC; ``None`` if it names none that a calendar has around it."""
    moment = time_in(text)
    if moment is None or not 1970 < moment.year < 9000:
        return None
    return moment.astimezone(UTC)


def query_of(choice: Choice, at: datetime | None) -> dict[str, str]:
    """The query in the address of the same vehicle and span at a moment, or live."""
    query = query_of_vehicle(choice.vehicle_id, at)
    return query if choice.span == DEFAULT_SPAN else query | {SPAN: choice.span}


def address_of(choice: Choice, at: datetime | None) -> str:
    """An address that can be sent: of this page, as the browser knows it."""
    page = (st.context.url or "").partition("?")[0]
    return f"{page}?{urlencode(query_of(choice, at))}"


def go_to_vehicle(vehicle_id: str) -> None:
    """Show another vehicle, at the same moment; from a callback."""
    st.query_params[VEHICLE] = vehicle_id


def go_to_moment(at: datetime, window: Window) -> None:
    """Show a moment within a window; from a callback."""
    st.session_state[_WINDOW] = window
    st.query_params[AT] = query_of_vehicle("", at.replace(microsecond=0))[AT]


def go_live() -> None:
    """Follow the vehicle again; from a callback."""
    st.session_state.pop(_WINDOW, None)
    st.query_params.pop(AT, None)


def choose_span(span: SpanName) -> None:
    """Show more time, or less; from a callback."""
    st.session_state.pop(_WINDOW, None)
    if span == DEFAULT_SPAN:
        st.query_params.pop(SPAN, None)
    else:
        st.query_params[SPAN] = span


def show_in(key: str, value: object) -> None:
    """Have a widget show a value; one that does already is left alone, with what is being done to it."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def _first(fleet: FleetSnapshot, stale_after: float) -> str | None:
    before: str | None = st.session_state.get("chosen")
    if before in fleet.vehicles:
        return before

    def badness(vehicle: VehicleSnapshot) -> tuple[bool, bool, float, str]:
        is_silent = vehicle.silent(fleet.taken_at, stale_after)
        return is_silent, not vehicle.latest.is_anomaly, -vehicle.error_ratio, vehicle.vehicle_id

    worst = min(fleet.vehicles.values(), key=badness, default=None)
    return None if worst is None else worst.vehicle_id
