"""The controls above the charts: how much time is shown, which moment, and the way back to live."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Literal

import streamlit as st

from ui.vehicle import choice as choices
from ui.vehicle.choice import Choice
from ui.vehicle.window import LABELS, SPANS, SpanName, Window, step_of, window_until

_SPAN, _LIVE_SLIDER, _PAST_SLIDER = "vehicle_span", "vehicle_back", "vehicle_moment"


def show_time_bar(choice: Choice, latest: datetime | None, zone: tzinfo) -> None:
    """Draw the controls.

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
    if choice.window is not None and choice.at is not None:
        _past(row, choice.window, choice.at, zone)
    else:
        _live(row, choice, latest)


def _label(span: SpanName) -> str:
    return LABELS[span]


def _choose_span() -> None:
    choices.choose_span(st.session_state[_SPAN])


def _live(row: st.delta_generator.DeltaGenerator, choice: Choice, latest: datetime | None) -> None:
    """A slider of how long ago: it stays where it is while time passes."""
    span, step = SPANS[choice.span], step_of(SPANS[choice.span])
    unit, name = _unit(span)
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
        args=(latest, choice.span, unit),
    )
    row.button("Live", icon=":material/sensors:", disabled=True, key="vehicle_is_live", type="primary")


def _unit(span: timedelta) -> tuple[timedelta, Literal["minutes", "hours"]]:
    return (timedelta(hours=1), "hours") if span > timedelta(hours=1) else (timedelta(minutes=1), "minutes")


def _look_back(latest: datetime, span: SpanName, unit: timedelta) -> None:
    at = (latest + st.session_state[_LIVE_SLIDER] * unit).replace(microsecond=0)
    choices.go_to_moment(at, window_until(latest, span))


def _past(row: st.delta_generator.DeltaGenerator, window: Window, at: datetime, zone: tzinfo) -> None:
    half = window.length / 2
    row.button("", icon=":material/chevron_left:", key="vehicle_earlier", help="Earlier", on_click=_shift,
               args=(window, at, -half))  # fmt: skip
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
    row.button("", icon=":material/chevron_right:", key="vehicle_later", help="Later", on_click=_shift,
               args=(window, at, half))  # fmt: skip
    row.button("Back to live", icon=":material/sensors:", key="vehicle_live", type="primary",
               on_click=choices.go_live)  # fmt: skip


def _move(window: Window) -> None:
    choices.go_to_moment(st.session_state[_PAST_SLIDER], window)


def _shift(window: Window, at: datetime, by: timedelta) -> None:
    choices.go_to_moment(at + by, window.shifted(by))
