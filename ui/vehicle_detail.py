"""One vehicle: what it measured, what the model expected, and why it was judged as it was."""

from __future__ import annotations

from datetime import tzinfo

import pandas as pd
import streamlit as st

from config.settings import Settings
from dataflows.events import Enriched
from ui import chart_data, charts
from ui.clock_time import clock_time
from ui.feed import Feed
from ui.fleet_state import FleetSnapshot, VehicleSnapshot
from ui.signal_values import SignalReader
from ui.words import (
    anomaly_words,
    implausible_words,
    leading_signals,
    markdown,
    missing_words,
    number,
    plain,
    plausible_range,
    quantity,
    status_words,
)

CHARTS_A_ROW = 3


def show_vehicle(
    fleet: FleetSnapshot, feed: Feed, settings: Settings, reader: SignalReader, zone: tzinfo
) -> None:
    """Draw the chosen vehicle: a sentence, the error, its signals, the contributions, the values."""
    box, headline = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    with box:
        vehicle = _choose(fleet)
    values = reader.values(vehicle.latest.telemetry)
    headline.markdown(_headline(vehicle, values, fleet.taken_at, settings))
    events = chart_data.thinned(feed.state.history(vehicle.vehicle_id))
    error, why = st.columns([2, 1], gap="medium")
    with error:
        st.markdown("**Reconstruction error** :small[:gray[against the] :orange[threshold], :red[anomalies]]")
        st.vega_lite_chart(chart_data.error_frame(events), charts.error_chart(), key="error_chart")
    with why:
        _show_contributions(events, zone)
    shown = {name: signal for name, signal in settings.signals.items() if signal.scored}
    frames = chart_data.signal_frames(events, reader, shown)
    for first in range(0, len(frames), CHARTS_A_ROW):
        row = list(frames.items())[first : first + CHARTS_A_ROW]
        # A row of columns each, so that a title that takes two lines does not shift one column only.
        for column, (name, frame) in zip(st.columns(CHARTS_A_ROW), row, strict=False):
            column.markdown(_signal_title(name, values.get(name), vehicle.latest, settings))
            column.vega_lite_chart(frame, charts.signal_chart(), key=f"signal_chart_{name}")
    with st.expander("Values in full", icon=":material/table:", key="values"):
        st.dataframe(value_table(vehicle.latest, values, settings), hide_index=True, key="value_table")


def value_table(event: Enriched, values: dict[str, float | None], settings: Settings) -> pd.DataFrame:
    """One row a signal: value, expected, difference, unit, plausible range, and a remark."""
    rows = []
    for name, signal in settings.signals.items():
        value, expected = values.get(name), event.expected.get(name)
        rows.append(
            {
                "Signal": plain(name),
                "Value": "missing" if value is None else number(value, 6 if not signal.scored else 4),
                "Expected": "" if expected is None else number(expected, 4),
                "Difference": "" if value is None or expected is None else f"{value - expected:+.3g}",
                "Unit": signal.unit,
                "Plausible": plausible_range(signal),
                "Remark": "outside the plausible range" if name in event.implausible else "",
            }
        )
    return pd.DataFrame(rows)


def _choose(fleet: FleetSnapshot) -> VehicleSnapshot:
    options = sorted(fleet.vehicles)
    # The choice outlives the box, whose options change with the fleet.
    st.session_state.vehicle_box = st.session_state.chosen
    st.selectbox("Vehicle", options, key="vehicle_box", format_func=plain, on_change=_box_changed)
    return fleet.vehicles[st.session_state.chosen]


def _box_changed() -> None:
    if st.session_state.vehicle_box is not None:
        st.session_state.chosen = st.session_state.vehicle_box


def _headline(
    vehicle: VehicleSnapshot, values: dict[str, float | None], now: float, settings: Settings
) -> str:
    event = vehicle.latest
    state = markdown(status_words(vehicle, now, settings.page.stale_after))
    colour = "red" if event.is_anomaly else "green" if state == "ok" else "orange"
    if vehicle.silent(now, settings.page.stale_after):
        colour = "gray"
    parts = [f":{colour}-badge[{state}] severity {event.severity:.0f}"]
    if event.is_anomaly:
        parts.append(f":red[**{markdown(anomaly_words(event, values, settings.signals))}**]")
    if event.implausible:
        parts.append(f":orange[implausible: {markdown(implausible_words(event, values, settings.signals))}]")
    if event.status == "partial":
        parts.append(f":orange[{markdown(missing_words(values, settings.signals))}]")
    return " · ".join(parts)


def _signal_title(name: str, value: float | None, event: Enriched, settings: Settings) -> str:
    unit = settings.signals[name].unit
    measured = markdown("missing" if value is None else quantity(value, unit))
    if event.is_anomaly and name in leading_signals(event):
        measured = f":red[**{measured}**]"
    elif name in event.implausible or value is None:
        measured = f":orange[**{measured}**]"
    expected = event.expected.get(name)
    compared = "" if expected is None else f" :gray[expected {markdown(number(expected))}]"
    return f":small[{markdown(name)} {measured}{compared}]"


def _show_contributions(events: list[Enriched], zone: tzinfo) -> None:
    explained = next((event for event in reversed(events) if event.is_anomaly), events[-1])
    moment = clock_time(explained.ts, zone)
    kind = ":red[anomaly]" if explained.is_anomaly else ":gray[event]"
    st.markdown(f"**Why** :small[{kind} :gray[of {markdown(moment)}]]")
    frame = chart_data.contribution_frame(
        explained, leading_signals(explained) if explained.is_anomaly else ()
    ).head(6)
    st.vega_lite_chart(frame, charts.contribution_chart(), key="contribution_chart")
