"""The controls above the charts: how much time is shown, which moment, and the way back to live."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.vehicle import choice as choices
from ui.vehicle.choice import Choice
from ui.vehicle.window import LABELS, SPANS, SpanName, Window, step_of, window_until

_DRAWINGS, _HANDLED = "vehicle_back_drawings", "vehicle_back_handled"
"""Keys of how often the slider of the live page was drawn, and which of these has been moved."""

_SPAN, _LIVE_SLIDER, _PAST_SLIDER = "vehicle_span", "vehicle_back", "vehicle_moment"


def show_time_bar(choice: Choice, latest: datetime | None, zone: tzinfo) -> None:
    """Draw the controls: the same ones live and in the past, so that nothing moves under the mouse.

    Args:
        choice: what is shown.
        latest: time of the last event of the vehicle; ``None`` if it is not known.
        zone: of the viewer.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="vehicle_time_bar")
    choices.show_in(_SPAN, choice.span)
    row.segmented_control(
        "Time shown", list(SPANS), key=_SPAN, format_func=_label, required=True, on_change=_choose_span
    )
    window, at = choice.window, choice.at
    if latest is not None and (window is None or at is None):
        window, at = window_until(latest, choice.span), latest
    _shifting(row, "Earlier", -1, window, at, is_possible=window is not None)
    if choice.window is not None and choice.at is not None:
        _past(row, choice.window, choice.at, zone)
    else:
        _live(row, choice, latest)
    _shifting(row, "Later", 1, window, at, is_possible=not choice.is_live)
    row.button(
        "Live" if choice.is_live else "Back to live",
        icon=":material/sensors:",
        disabled=choice.is_live,
        key="vehicle_live",
        type="primary",
        on_click=choices.go_live,
    )


def _label(span: SpanName) -> str:
    return LABELS[span]


def _choose_span() -> None:
    choices.choose_span(st.session_state[_SPAN])


def _shifting(
    row: DeltaGenerator,
    label: Literal["Earlier", "Later"],
    sign: int,
    window: Window | None,
    at: datetime | None,
    *,
    is_possible: bool,
) -> None:
    row.button(
        "",
        icon=":material/chevron_left:" if sign < 0 else ":material/chevron_right:",
        help=label,
        key=f"vehicle_{label.lower()}",
        disabled=not is_possible,
        on_click=_shift,
        args=(window, at, sign),
    )


def _shift(window: Window | None, at: datetime | None, sign: int) -> None:
    if window is not None and at is not None:
        by = sign * window.length / 2
        choices.go_to_moment(at + by, window.shifted(by))


def _live(row: DeltaGenerator, choice: Choice, latest: datetime | None) -> None:
    """A slider of how long ago: it stays where it is while time passes."""
    span, step = SPANS[choice.span], step_of(SPANS[choice.span])
    unit, name = _unit(span)
    drawing = st.session_state[_DRAWINGS] = st.session_state.get(_DRAWINGS, 0) + 1
    choices.show_in(_LIVE_SLIDER, 0.0)
    row.slider(
        f"Look back, {name}",
        min_value=-(span / unit),
        max_value=0.0,
        step=step / unit,
        format="%.1f",
        key=_LIVE_SLIDER,
        width="stretch",
        disabled=latest is None,
        on_change=_look_back,
        args=(drawing, latest, choice.span, unit),
    )


def _unit(span: timedelta) -> tuple[timedelta, Literal["minutes", "hours"]]:
    return (timedelta(hours=1), "hours") if span > timedelta(hours=1) else (timedelta(minutes=1), "minutes")


def _look_back(drawing: int, latest: datetime, span: SpanName, unit: timedelta) -> None:
    # A click that interrupts the drawing of what this has led to brings the same change of the slider again.
    if st.session_state.get(_HANDLED) == drawing:
        return
    st.session_state[_HANDLED] = drawing
    at = (latest + st.session_state[_LIVE_SLIDER] * unit).replace(microsecond=0)
    choices.go_to_moment(at, window_until(latest, span))


def _past(row: DeltaGenerator, window: Window, at: datetime, zone: tzinfo) -> None:
    choices.show_in(_PAST_SLIDER, at.astimezone(zone))
    row.slider(
        "Moment",
        min_value=window.start.astimezone(zone),
        max_value=window.end.astimezone(zone),
        step=window.step,
        format="HH:mm:ss" if window.has_events else "D MMM HH:mm",
        key=_PAST_SLIDER,
        width="stretch",
        on_change=_move,
        args=(window,),
    )


def _move(window: Window) -> None:
    choices.go_to_moment(st.session_state[_PAST_SLIDER], window)
