"""The charts of the page: anomalies by hour, and each signal from events or from summaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pandas as pd
import streamlit as st

from config.settings import Settings
from dataflows.clock import utc
from dataflows.report.day import Chart, DayReport
from ui.descriptions import unit_of
from ui.formatting import markdown, plain
from ui.history import charts, frames
from ui.history.charts import Line
from ui.history.period import Period

CHARTS_PER_ROW = 2

MOST_VEHICLES = 2

SEVERAL_HOURS = timedelta(hours=2)


def show_hours(rollups: pd.DataFrame, vehicles: Sequence[str], period: Period) -> None:
    """Draw which share of the events of each hour were anomalies, if there are several hours."""
    if period.length < SEVERAL_HOURS:
        return
    st.markdown(f"**Anomalies by hour** :small[:gray[% of the events{legend(vehicles)}]]")
    shown = period.around(rollups["start"].min().floor("h"), rollups["end"].max().ceil("h"))
    option = charts.hourly_chart(frames.hourly_frame(rollups), _named(vehicles), shown)
    st.echarts_chart(option, key="hours", height=charts.HEIGHT_OF_HOURS)


def show_event_signals(reports: Sequence[DayReport], period: Period) -> None:
    """Draw every signal from all events of one vehicle or two."""
    vehicles = [report.vehicle_id for report in reports]
    around = (
        "with the expected value and its band, anomalies in red"
        if len(vehicles) == 1
        else "in its band, anomalies shaded"
    )
    st.markdown(f"**Signals** :small[:gray[every event, {around}{legend(vehicles)}]]")
    drawn: dict[str, Callable[[], tuple[list[Line], Sequence[float]]]] = {}
    units = {chart.name: chart.unit for report in reports for chart in report.charts}
    times = [time for report in reports for chart in report.charts[:1] for time in chart.line.times[[0, -1]]]
    shown = period.around(utc(int(min(times))), utc(int(max(times))))
    for name in units:
        found = [
            (report.vehicle_id, chart) for report in reports for chart in report.charts if chart.name == name
        ]
        drawn[name] = _from_events(found, vehicles)
    _show_charts(drawn, units, shown)


def show_rollup_signals(
    rollups: pd.DataFrame, vehicles: Sequence[str], period: Period, settings: Settings
) -> None:
    """Draw every signal from summaries of one vehicle or two."""
    names = [
        name
        for name, signal in settings.signals.items()
        if signal.role != "position" and f"{name}_mean" in rollups
    ]
    st.markdown(f"**Signals** :small[:gray[mean, lowest and highest{legend(vehicles)}]]")
    units = {name: unit_of(name, settings.signals) for name in names}
    shown = period.around(rollups["start"].min(), rollups["end"].max())
    _show_charts({name: _from_rollups(rollups, name, vehicles) for name in names}, units, shown)


def legend(vehicles: Sequence[str]) -> str:
    """Markdown: which of two vehicles has which colour; empty for one."""
    if len(vehicles) < MOST_VEHICLES:
        return ""
    first, second = vehicles
    return f"; blue: {markdown(first, 40)}, orange: {markdown(second, 40)}"


def _show_charts(
    drawn: dict[str, Callable[[], tuple[list[Line], Sequence[float]]]], units: dict[str, str], period: Period
) -> None:
    names = list(drawn)
    for first in range(0, len(names), CHARTS_PER_ROW):
        row = names[first : first + CHARTS_PER_ROW]
        for column, name in zip(st.columns(CHARTS_PER_ROW, gap="medium"), row, strict=False):
            column.markdown(f":small[{markdown(name)} :gray[{markdown(units[name])}]]")
            lines, limits = drawn[name]()
            option = charts.signal_chart(lines, period, limits)
            column.echarts_chart(option, key=f"past_{name}", height=charts.HEIGHT_OF_SIGNAL)


def _from_events(
    found: Sequence[tuple[str, Chart]], vehicles: Sequence[str]
) -> Callable[[], tuple[list[Line], Sequence[float]]]:
    def drawn() -> tuple[list[Line], Sequence[float]]:
        lines = {vehicle: frames.event_line(plain(vehicle), chart) for vehicle, chart in found}
        empty = frames.nothing()
        return [lines.get(vehicle, Line(plain(vehicle), empty)) for vehicle in vehicles], found[0][1].limits

    return drawn


def _from_rollups(
    rollups: pd.DataFrame, name: str, vehicles: Sequence[str]
) -> Callable[[], tuple[list[Line], Sequence[float]]]:
    return lambda: (frames.rollup_lines(rollups, name, _named(vehicles)), ())


def _named(vehicles: Sequence[str]) -> list[tuple[str, str]]:
    return [(vehicle, plain(vehicle)) for vehicle in vehicles]
