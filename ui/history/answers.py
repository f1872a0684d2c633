"""What the page reads from the history; viewers who ask the same within half a minute share the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import streamlit as st

import config.settings
from config.settings import Settings
from dataflows.history.reader import History
from dataflows.report.day import AlertLine, DayReport
from dataflows.report.reading import day_report, open_alerts

FRESH_FOR = timedelta(seconds=30)
"""Age of an answer up to which it is given again; the history itself is some seconds behind."""

ANSWERS_KEPT = 64
"""Answers that are kept, at most; a day of one vehicle with all of its events has a few MB."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days, in UTC.

    Attributes:
        first, last: the first and the last one, inclusive.
    """

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """When the first day begins."""
        return datetime.combine(self.first, datetime.min.time(), UTC)

    @property
    def end(self) -> datetime:
        """When the last day ends."""
        return datetime.combine(self.last, datetime.min.time(), UTC) + timedelta(days=1)

    @property
    def is_one_day(self) -> bool:
        """Whether it is a single day."""
        return self.first == self.last


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def vehicles_in(directory: Path | str, period: Period) -> list[str]:
    """Ids of the vehicles that have rollups in a period.

    Raises:
        HistoryError: the history cannot be read.
    """
    question = "SELECT DISTINCT vehicle_id FROM rollups ORDER BY vehicle_id"
    found: list[str] = (
        History(directory).query(question, None, period.first, period.last)["vehicle_id"].to_pylist()
    )
    return found


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def latest_day(directory: Path | str, period: Period) -> date | None:
    """The last day of a period on which any vehicle has rollups; ``None`` if there is none.

    Raises:
        HistoryError: the history cannot be read.
    """
    question = "SELECT max(start) AS latest FROM rollups"
    (latest,) = History(directory).query(question, None, period.first, period.last)["latest"].to_pylist()
    return None if latest is None else latest.astimezone(UTC).date()


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
def report_of(directory: Path | str, vehicle: str, day: date) -> DayReport:
    """What a vehicle did on a day, with its events if they are still kept.

    Raises:
        HistoryError: the history cannot be read.
    """
    return day_report(History(directory), _settings(), vehicle, day)


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


def _settings() -> Settings:
    return config.settings.load()
