"""What the page reads from the history; viewers who ask the same within half a minute share the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import pandas as pd
import pyarrow as pa
import streamlit as st

import config.settings
from config.settings import Settings
from dataflows.history.reader import History
from dataflows.report.day import AlertLine, DayReport
from dataflows.report.reading import open_alerts, report_between
from ui.history.period import DETAILS_UP_TO, Period

FRESH_FOR = timedelta(seconds=30)
"""Age of an answer up to which it is given again; the history itself is some seconds behind."""

ANSWERS_KEPT = 64
"""Answers that are kept, at most; a day of one vehicle with all of its events has a few MB."""

LOOKED_BACK = timedelta(days=31)
"""In which the latest day of which anything is kept is looked for."""

_VEHICLES = (
    "SELECT DISTINCT vehicle_id FROM rollups WHERE start >= $start::TIMESTAMPTZ AND start < $end::TIMESTAMPTZ"
)
_VEHICLES_OF_EVENTS = (
    "SELECT DISTINCT vehicle_id FROM events WHERE ts >= $start::TIMESTAMPTZ AND ts < $end::TIMESTAMPTZ"
)


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def vehicles_in(directory: Path | str, period: Period) -> list[str]:
    """Ids of the vehicles of which rollups are kept in a period, or events in a short one.

    Raises:
        HistoryError: the history cannot be read.
    """
    question = _VEHICLES
    if period.length <= DETAILS_UP_TO:
        # The summary of a minute comes some minutes after its events.
        question = f"{_VEHICLES} UNION {_VEHICLES_OF_EVENTS}"
    question = f"{question} ORDER BY vehicle_id"
    times = {"start": period.start.isoformat(), "end": period.end.isoformat()}
    found: list[str] = (
        History(directory).query(question, times, period.first_day, period.last_day)["vehicle_id"].to_pylist()
    )
    return found


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def latest_day(directory: Path | str, zone: tzinfo) -> date | None:
    """The last day of a zone, of the last weeks, on which any vehicle has rollups; ``None`` if there is none.

    Raises:
        HistoryError: the history cannot be read.
    """
    today = datetime.now(UTC).date()
    question = "SELECT max(start) AS latest FROM rollups"
    (latest,) = History(directory).query(question, None, today - LOOKED_BACK, None)["latest"].to_pylist()
    return None if latest is None else latest.astimezone(zone).date()


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def latest_event(directory: Path | str) -> datetime | None:
    """Time of the last event that is kept; ``None`` if there is none.

    Raises:
        HistoryError: the history cannot be read.
    """
    history = History(directory)
    # The day is in the name of a directory, so this opens no file's rows.
    (day,) = history.query("SELECT max(day) AS day FROM events")["day"].to_pylist()
    if day is None:
        return None
    (latest,) = history.query("SELECT max(ts) AS ts FROM events", None, day, day)["ts"].to_pylist()
    found: datetime | None = latest
    return found


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def report_of(directory: Path | str, vehicle: str, period: Period) -> DayReport:
    """What a vehicle did in a period, with its events if they are still kept.

    Raises:
        HistoryError: the history cannot be read.
    """
    return report_between(History(directory), _settings(), vehicle, period.start, period.end)


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def rollups_of(directory: Path | str, vehicles: Sequence[str], period: Period) -> pd.DataFrame:
    """Rollups of vehicles in a period, by vehicle and time.

    Raises:
        HistoryError: the history cannot be read.
    """
    tables = [History(directory).rollups(vehicle, period.start, period.end) for vehicle in vehicles]
    frames = [table.to_pandas() for table in tables if len(table)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def alerts_of(directory: Path | str, vehicles: Sequence[str], period: Period) -> list[AlertLine]:
    """Alerts of vehicles that were open in a period, by time.

    Raises:
        HistoryError: the history cannot be read.
    """
    history = History(directory)
    found = [
        alert for vehicle in vehicles for alert in open_alerts(history, vehicle, period.start, period.end)
    ]
    return sorted(found, key=lambda alert: alert.opened_at)


def rows_of(directory: Path | str, kind: str, vehicles: Sequence[str], period: Period) -> pa.Table:
    """Events or rollups of vehicles in a period, by vehicle and time, as they are kept; not shared.

    Raises:
        HistoryError: the history cannot be read.
    """
    history = History(directory)
    read = history.events if kind == "events" else history.rollups
    tables = [read(vehicle, period.start, period.end) for vehicle in vehicles]
    return pa.concat_tables(tables, promote_options="default")


def _settings() -> Settings:
    return config.settings.load()
