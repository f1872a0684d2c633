"""Reads from the history what vehicles did on a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from config.settings import Settings
from dataflows.compiled import Floats
from dataflows.history.reader import History
from dataflows.history.trips import Trip, trips
from dataflows.report.day import AlertLine, Chart, DayReport, Line
from dataflows.report.wording import clock

OPEN_FOR = timedelta(days=30)
"""Alerts opened longer ago are not looked for, even if they are still open."""

_OF_TRIPS = (
    "vehicle_id",
    "start",
    "end",
    "first_at",
    "last_at",
    "moving_s",
    "idle_s",
    "distance_km",
    "anomalies",
)


def day_report(history: History, settings: Settings, vehicle: str, day: date) -> DayReport:
    """One vehicle on one day, with charts where its events are still kept.

    Args:
        history: where from.
        settings: all settings; the catalogue names the signals.
        vehicle: id of the vehicle.
        day: UTC.

    Raises:
        HistoryError: the history cannot be read.
    """
    return report_between(history, settings, vehicle, *_bounds(day))


def report_between(
    history: History, settings: Settings, vehicle: str, start: datetime, end: datetime
) -> DayReport:
    """One vehicle in some time, with charts where its events are still kept.

    Args:
        history: where from.
        settings: all settings; the catalogue names the signals.
        vehicle: id of the vehicle.
        start, end: with the zone that the times of commands are written in.

    Raises:
        HistoryError: the history cannot be read.
    """
    events = history.events(vehicle, start, end)
    latitude, longitude = (_column(events, name) for name in _position(settings))
    return DayReport(
        vehicle_id=vehicle,
        day=start.date(),
        start=start,
        end=end,
        trips=_trips(settings, history.rollups(vehicle, start, end).to_pylist()),
        alerts=open_alerts(history, vehicle, start, end),
        commands=_commands(history, vehicle, start, end),
        charts=_charts(events, settings),
        latitudes=latitude,
        longitudes=longitude,
        flagged=_flagged(events),
    )


def fleet_report(history: History, settings: Settings, day: date) -> list[DayReport]:
    """Every vehicle that sent something on a day, by id, without charts and commands.

    Raises:
        HistoryError: the history cannot be read.
    """
    start, end = _bounds(day)
    rows = history.rollups(None, start, end).to_pylist()
    rows.sort(key=itemgetter("vehicle_id", "start"))
    alerts: dict[str, list[AlertLine]] = {}
    for row in _open_alerts(history, None, start, end):
        alerts.setdefault(row["vehicle_id"], []).append(_alert(row))
    return [
        DayReport(vehicle, day, start, end, _trips(settings, list(of_vehicle)), alerts.get(vehicle, ()))
        for vehicle, of_vehicle in groupby(rows, key=itemgetter("vehicle_id"))
    ]


def open_alerts(history: History, vehicle: str, start: datetime, end: datetime) -> list[AlertLine]:
    """Alerts of a vehicle that were open in this time, in the order of their opening.

    Raises:
        HistoryError: the history cannot be read.
    """
    return [_alert(row) for row in _open_alerts(history, vehicle, start, end)]


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def _position(settings: Settings) -> tuple[str, str]:
    return settings.page.latitude, settings.page.longitude


def _trips(settings: Settings, rollups: list[dict[str, Any]]) -> list[Trip]:
    levels = [name for name, signal in settings.signals.items() if signal.measures == "level"]
    return trips(rollups, levels=levels, position=_position(settings))


def _open_alerts(
    history: History, vehicle: str | None, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = history.alerts(vehicle, start - OPEN_FOR, end).to_pylist()
    return [row for row in found if row["cleared_at"] is None or row["cleared_at"] >= start]


def _alert(row: dict[str, Any]) -> AlertLine:
    names = ("opened_at", "cleared_at", "severity", "summary", "acknowledged_by", "vehicle_id")
    return AlertLine(**{name: row[name] for name in names})


def _commands(history: History, vehicle: str, start: datetime, end: datetime) -> list[str]:
    """Commands to the vehicle or to all, and its answers, in order of time."""
    told = history.commands(None, start, end).to_pylist()
    lines = [
        (row["arrived_at"], f"{row['name']}{_arguments(row['arguments'])}, from {row['by'] or 'unknown'}")
        for row in told
        if row["vehicle_id"] in ("", None, vehicle)
    ]
    lines += [
        (
            row["answered_at"],
            f"{row['name']}: {row['status']}" + (f", {row['reason']}" if row["reason"] else ""),
        )
        for row in history.answers(vehicle, start, end).to_pylist()
    ]
    return [f"{clock(moment.astimezone(start.tzinfo))} {line}" for moment, line in sorted(lines)]


def _arguments(text: str | None) -> str:
    return f" {text}" if text and text != "{}" else ""


def _charts(events: pa.Table, settings: Settings) -> list[Chart]:
    if not len(events):
        return []
    times = events["ts"].cast(pa.int64()).to_numpy()
    charts = []
    for name, signal in settings.signals.items():
        if signal.role == "position" or name not in events.column_names:
            continue
        line = Line(
            times=times,
            values=_column(events, name),
            expected=_column(events, f"{name}_expected"),
            band=_column(events, f"{name}_band"),
            flagged=_flagged(events),
            least=-np.inf if signal.min is None else signal.min,
            most=np.inf if signal.max is None else signal.max,
        )
        limits = tuple(limit for limit in (signal.low, signal.high) if limit is not None)
        charts.append(Chart(name, signal.unit, line, limits))
    return charts


def _flagged(events: pa.Table) -> Any:
    return events["is_anomaly"].to_numpy(zero_copy_only=False).astype(np.bool_)


def _column(events: pa.Table, name: str) -> Floats:
    """A column of numbers, NaN where there is none."""
    if name not in events.column_names:
        return np.full(len(events), np.nan)
    return np.asarray(events[name].to_numpy(zero_copy_only=False), np.float64)
