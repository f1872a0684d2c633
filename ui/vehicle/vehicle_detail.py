"""One vehicle: what it measured, what the model expected, and the reasons for the verdict."""

from __future__ import annotations

from datetime import tzinfo

import pandas as pd
import streamlit as st

from config.settings import Settings
from dataflows.events import Alert, Enriched
from ui.clock_time import clock_time
from ui.descriptions import (
    describe_anomaly,
    describe_implausible,
    describe_missing,
    describe_status,
    leading_signals,
    plausible_range,
    ranked_shares,
)
from ui.formatting import markdown, number, plain, quantity
from ui.live.feed import Feed
from ui.live.fleet_state import FleetSnapshot, VehicleSnapshot
from ui.vehicle import chart_data, charts

CHARTS_PER_ROW = 3


def show_vehicle_detail(fleet: FleetSnapshot, feed: Feed, settings: Settings, zone: tzinfo) -> None:
    """Draw the chosen vehicle: a headline, the error, the contributions, the signals, all values."""
    box, headline = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    with box:
        vehicle = _choose(fleet)
    alert = feed.alerts.snapshot().worst.get(vehicle.vehicle_id)
    headline.markdown(_headline(vehicle, alert, fleet.taken_at, settings))
    events = chart_data.thinned(feed.state.history(vehicle.vehicle_id))
    error, why = st.columns([2, 1], gap="medium")
    with error:
        st.markdown(
            "**Reconstruction error** :small[:gray[with] :orange[threshold] :gray[and] :red[anomalies]]"
        )
        st.vega_lite_chart(chart_data.error_frame(events), charts.error_chart(), key="error_chart")
    with why:
        _show_contributions(events, settings, zone)
    frames = chart_data.signal_frames(events, settings.scored_signals)
    for first in range(0, len(frames), CHARTS_PER_ROW):
        row = list(frames.items())[first : first + CHARTS_PER_ROW]
        # Separate columns for each row, so that a title of two lines moves the whole row down.
        for column, (name, frame) in zip(st.columns(CHARTS_PER_ROW), row, strict=False):
            column.markdown(_signal_title(name, vehicle.latest, settings))
            column.vega_lite_chart(frame, charts.signal_chart(), key=f"signal_chart_{name}")
    with st.expander("All values", icon=":material/table:", key="values"):
        st.dataframe(value_table(vehicle.latest, settings), hide_index=True, key="value_table")


def value_table(event: Enriched, settings: Settings) -> pd.DataFrame:
    """One row per signal: value, expected value, difference, unit, plausible range, and a note."""
    rows = []
    for name, signal in settings.signals.items():
        value, expected = event.values.get(name), event.expected.get(name)
        rows.append(
            {
                "Signal": plain(name),
                "Value": "missing" if value is None else number(value, 4 if signal.is_scored else 6),
                "Expected": "" if expected is None else number(expected, 4),
                "Difference": "" if value is None or expected is None else f"{value - expected:+.3g}",
                "Unit": signal.unit,
                "Plausible range": plausible_range(signal),
                "Note": "outside the plausible range" if name in event.implausible else "",
            }
        )
    return pd.DataFrame(rows)


def _choose(fleet: FleetSnapshot) -> VehicleSnapshot:
    options = sorted(fleet.vehicles)
    # The choice is kept outside the box, whose options change with the fleet.
    st.session_state.vehicle_box = st.session_state.chosen
    st.selectbox("Vehicle", options, key="vehicle_box", format_func=plain, on_change=_box_changed)
    return fleet.vehicles[st.session_state.chosen]


def _box_changed() -> None:
    if st.session_state.vehicle_box is not None:
        st.session_state.chosen = st.session_state.vehicle_box


def _headline(vehicle: VehicleSnapshot, alert: Alert | None, now: float, settings: Settings) -> str:
    event = vehicle.latest
    state = markdown(describe_status(vehicle, now, settings.page.stale_after))
    colour = "red" if event.is_anomaly else "green" if state == "ok" else "orange"
    if vehicle.silent(now, settings.page.stale_after):
        colour = "gray"
    parts = [f":{colour}-badge[{state}] severity {event.severity:.0f}"]
    if alert is not None:
        worse = "red" if alert.severity in ("critical", "major") else "orange"
        parts.insert(0, f":{worse}-badge[{alert.severity} alert] {markdown(alert.summary)}")
    if event.is_anomaly:
        parts.append(f":red[**{markdown(describe_anomaly(event, settings.signals))}**]")
    if event.implausible:
        parts.append(f":orange[implausible: {markdown(describe_implausible(event, settings.signals))}]")
    if event.status == "partial":
        parts.append(f":orange[{markdown(describe_missing(event, settings.signals))}]")
    return " · ".join(parts)


def _signal_title(name: str, event: Enriched, settings: Settings) -> str:
    value, unit = event.values.get(name), settings.signals[name].unit
    measured = markdown("missing" if value is None else quantity(value, unit))
    if event.is_anomaly and name in leading_signals(event, settings.signals):
        measured = f":red[**{measured}**]"
    elif name in event.implausible or value is None:
        measured = f":orange[**{measured}**]"
    expected = event.expected.get(name)
    compared = "" if expected is None else f" :gray[expected {markdown(number(expected))}]"
    return f":small[{markdown(name)} {measured}{compared}]"


def _show_contributions(events: list[Enriched], settings: Settings, zone: tzinfo) -> None:
    explained = next((event for event in reversed(events) if event.is_anomaly), events[-1])
    moment = clock_time(explained.ts, zone)
    kind = ":red[anomaly]" if explained.is_anomaly else ":gray[event]"
    st.markdown(f"**Why** :small[{kind} :gray[at {markdown(moment)}]]")
    shares = ranked_shares(explained, settings.signals)
    leading = leading_signals(explained, settings.signals) if explained.is_anomaly else ()
    frame = chart_data.contribution_frame(shares, leading).head(6)
    st.vega_lite_chart(frame, charts.contribution_chart(), key="contribution_chart")
