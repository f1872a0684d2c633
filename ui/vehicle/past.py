"""What the history holds of one vehicle; viewers who ask the same within half a minute share the answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import streamlit as st

import config.settings
from config.settings import Settings
from dataflows.compiled import Floats
from dataflows.events import Enriched
from dataflows.history.reader import History
from dataflows.report.day import AlertLine
from dataflows.report.reading import open_alerts
from ui.descriptions import LEADING_SHARE
from ui.vehicle.series import Series, SignalSeries, band_of
from ui.vehicle.window import Window

FRESH_FOR = timedelta(seconds=30)
"""Age of an answer up to which it is given again; the history itself is some seconds behind."""

ANSWERS_KEPT = 64
"""Answers of each question that are kept, at most; an hour of events has about 1 MB."""

LEADING = 2
"""Signals that explain an anomaly, at most: as in `ui.descriptions.leading_signals`."""

REACH = timedelta(minutes=5)
"""How long before a moment the event may be that says how the vehicle was then."""

_OF_THE_VEHICLE = "vehicle_id = $vehicle AND {time} >= $start::TIMESTAMPTZ AND {time} < $end::TIMESTAMPTZ"
_WITHOUT_BYTES = "SELECT * EXCLUDE (telemetry) FROM events WHERE " + _OF_THE_VEHICLE.format(time="ts")


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def events_between(directory: Path | str, vehicle: str, start: datetime, end: datetime) -> Series:
    """Events of a vehicle from `start` to before `end`.

    Raises:
        HistoryError: the history cannot be read.
    """
    table = _ask(directory, f"{_WITHOUT_BYTES} ORDER BY ts, event_id", vehicle, start, end)
    return series_of_events(table, config.settings.load())


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def summaries_between(directory: Path | str, vehicle: str, start: datetime, end: datetime) -> Series:
    """Summaries of the minutes of a vehicle from `start` to before `end`.

    Raises:
        HistoryError: the history cannot be read.
    """
    return series_of_rollups(History(directory).rollups(vehicle, start, end), config.settings.load())


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def event_at(directory: Path | str, vehicle: str, at: datetime) -> Enriched | None:
    """The last event of a vehicle up to a moment; ``None`` if none is kept of the `REACH` before it.

    Raises:
        HistoryError: the history cannot be read.
    """
    end = at + timedelta(microseconds=1)
    rows = _ask(directory, f"{_WITHOUT_BYTES} ORDER BY ts DESC LIMIT 1", vehicle, at - REACH, end).to_pylist()
    return enriched_of(rows[0], config.settings.load()) if rows else None


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def alerts_between(directory: Path | str, vehicle: str, window: Window) -> list[AlertLine]:
    """Alerts of a vehicle that were open in a window, by time.

    Raises:
        HistoryError: the history cannot be read.
    """
    return open_alerts(History(directory), vehicle, window.start, window.end)


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def last_seen(directory: Path | str, vehicle: str) -> datetime | None:
    """When the last summarised minute of a vehicle began; ``None`` if there is none.

    Raises:
        HistoryError: the history cannot be read.
    """
    question = "SELECT max(start) AS latest FROM rollups WHERE vehicle_id = $vehicle"
    (latest,) = History(directory).query(question, {"vehicle": vehicle})["latest"].to_pylist()
    found: datetime | None = latest
    return found


def series_of_events(events: pa.Table, settings: Settings) -> Series:
    """Rows of events as arrays, in the order of their times."""
    flagged = _mask(events, "is_anomaly")
    stands_out = _leading(events, settings, flagged)
    signals = {}
    for name, signal in settings.signals.items():
        values = _numbers(events, name)
        if signal.role == "position" or np.isnan(values).all():
            continue
        lowest = highest = np.full(len(events), np.nan)
        if signal.role == "target":
            expected, half = _numbers(events, f"{name}_expected"), _numbers(events, f"{name}_band")
            lowest, highest = band_of(expected, half, signal)
        found = stands_out.get(name, np.zeros(len(events), np.bool_))
        signals[name] = SignalSeries(values, lowest, highest, found)
    has_threshold = np.isfinite(_numbers(events, "anomaly_threshold"))
    return Series(
        times=events["ts"].cast(pa.int64()).to_numpy(),
        severity=np.where(has_threshold, _numbers(events, "severity"), np.nan),
        error=_numbers(events, "reconstruction_error"),
        flagged=flagged,
        latitudes=_numbers(events, settings.page.latitude),
        longitudes=_numbers(events, settings.page.longitude),
        signals=signals,
    )


def series_of_rollups(rollups: pa.Table, settings: Settings) -> Series:
    """Summaries as arrays, in the order of their windows: means between the least and the largest value."""
    nothing = np.full(len(rollups), np.nan)
    signals = {}
    for name, signal in settings.signals.items():
        means = _numbers(rollups, f"{name}_mean")
        if signal.role != "position" and not np.isnan(means).all():
            ends = _numbers(rollups, f"{name}_min"), _numbers(rollups, f"{name}_max")
            signals[name] = SignalSeries(means, *ends, np.zeros(len(rollups), np.bool_))
    return Series(
        times=rollups["start"].cast(pa.int64()).to_numpy(),
        severity=nothing,
        error=_numbers(rollups, "error_peak"),
        flagged=_numbers(rollups, "anomalies") > 0.0,
        latitudes=_numbers(rollups, f"{settings.page.latitude}_last"),
        longitudes=_numbers(rollups, f"{settings.page.longitude}_last"),
        signals=signals,
        is_summary=True,
    )


def enriched_of(row: dict[str, Any], settings: Settings) -> Enriched:
    """A row of an event as the event, without what the vehicle has sent."""
    names = list(settings.signals)

    def of_signals(suffix: str) -> dict[str, Any]:
        return {name: row[f"{name}{suffix}"] for name in names if f"{name}{suffix}" in row}

    own = {field: row[field] for field in Enriched.__struct_fields__ if field in row}
    own["implausible"] = tuple(row["implausible"] or ())
    known = {name: value for name, value in of_signals("_expected").items() if value is not None}
    shares = {name: value for name, value in of_signals("_share").items() if value is not None}
    return Enriched(
        **own,
        values=of_signals(""),
        expected=known,
        band=of_signals("_band"),
        contributions=shares,
        telemetry=msgspec.Raw(json.dumps({}).encode()),
    )


def _ask(directory: Path | str, question: str, vehicle: str, start: datetime, end: datetime) -> pa.Table:
    parameters = {"vehicle": vehicle, "start": start.isoformat(), "end": end.isoformat()}
    last = (end - timedelta(microseconds=1)).date()
    return History(directory).query(question, parameters, start.date(), last)


def _leading(events: pa.Table, settings: Settings, flagged: Any) -> dict[str, Any]:
    """Signal → where it is one of those that explain an anomaly."""
    names = [name for name, signal in settings.signals.items() if signal.role != "context"]
    shares = np.column_stack([np.nan_to_num(_numbers(events, f"{name}_share")) for name in names])
    if not len(shares):
        return {}
    # Of equal shares both may lead; more than two that are equal are none that stands out.
    bar = np.sort(shares, axis=1)[:, -min(LEADING, len(names))]
    leads = (shares >= np.maximum(bar, LEADING_SHARE)[:, np.newaxis]) & flagged[:, np.newaxis]
    return {name: leads[:, place] for place, name in enumerate(names)}


def _mask(table: pa.Table, name: str) -> Any:
    return table[name].to_numpy(zero_copy_only=False).astype(np.bool_)


def _numbers(table: pa.Table, name: str) -> Floats:
    """A column of numbers, NaN where there is none."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64)
