"""Reads a history while others write it: by SQL, or by vehicle and time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from config.errors import HistoryError
from config.history_settings import Place
from dataflows.history.database import connect, name
from dataflows.history.kinds import KIND_NAMES, KINDS, KindName
from dataflows.history.read_only import check_question
from dataflows.history.store import Snapshot, open_store

ATTEMPTS = 20
"""Attempts to read files that are merged meanwhile: they are, every half minute at most."""

LATEST_ALERTS = "latest_alerts"
VIEWS = (*KIND_NAMES, LATEST_ALERTS)

_OF_THE_QUESTION = (
    duckdb.ParserException,
    duckdb.CatalogException,
    duckdb.BinderException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.PermissionException,
)
"""Errors that have nothing to do with the files."""


class History:
    """The rows of a history, each once. Files that are damaged are left out, with a line in the log.

    Every question is about the rows that are there when it is asked.
    """

    def __init__(self, place: Place) -> None:
        """Remember where it is. A directory that is not there is an empty history.

        Args:
            place: a directory, or the URL of a storage.

        Raises:
            HistoryError: the package for it is not installed.
        """
        self._place = place
        self._store = open_store(place)

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> pa.Table:
        """Answer a question in SQL.

        It can read the views `VIEWS`, and no other file: a view for each kind, with a column `day` for the
        UTC day, and the highest revision of each alert as `latest_alerts`.

        Args:
            sql: one SELECT, or what DuckDB understands as one, such as DESCRIBE.
            parameters: values for ``$name`` in it.
            first, last: days that the views are limited to, inclusive; ``None`` for no limit.

        Raises:
            HistoryError: it is not a question, or cannot be answered.
        """
        kinds = _mentioned(sql)
        for _ in range(ATTEMPTS):
            snapshot = self._store.look(kinds, first, last)
            try:
                return self._ask(sql, dict(parameters or {}), kinds, snapshot)
            except _OF_THE_QUESTION as error:
                raise HistoryError(_line(error)) from None
            except duckdb.Error as error:
                if not snapshot.is_outdated():
                    raise HistoryError(_line(error)) from None
        raise HistoryError(f"the files in {self._place} kept changing while they were read; ask again")

    def rows(
        self,
        kind: KindName,
        vehicle: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        columns: tuple[str, ...] = ("*",),
    ) -> pa.Table:
        """Rows of a kind by time; only the files of these days are opened.

        Args:
            kind: which rows.
            vehicle: whose; ``None`` for all.
            start, end: times with a zone, from `start` to before `end`; ``None`` for no limit.
            columns: names of columns; those that no file has are an error.

        Raises:
            HistoryError: they cannot be read.
        """
        time = KINDS[kind].time
        conditions = {
            "vehicle": ("vehicle_id = $vehicle", vehicle),
            "start": (f"{name(time)} >= $start::TIMESTAMPTZ", None if start is None else start.isoformat()),
            "end": (f"{name(time)} < $end::TIMESTAMPTZ", None if end is None else end.isoformat()),
        }
        given = {key: pair for key, pair in conditions.items() if pair[1] is not None}
        where = " AND ".join(condition for condition, _ in given.values()) or "true"
        selected = ", ".join(column if column == "*" else name(column) for column in columns)
        order = ", ".join(map(name, (time, *KINDS[kind].identity)))
        return self.query(
            f"SELECT {selected} FROM {kind} WHERE {where} ORDER BY {order}",
            {key: value for key, (_, value) in given.items()},
            None if start is None else start.astimezone(UTC).date(),
            None if end is None else (end.astimezone(UTC) - timedelta(microseconds=1)).date(),
        )

    def events(self, vehicle: str | None, start: datetime, end: datetime, **more: Any) -> pa.Table:
        """Enriched events of a vehicle, or all; see `rows`."""
        return self.rows("events", vehicle, start, end, **more)

    def rollups(self, vehicle: str | None, start: datetime, end: datetime, **more: Any) -> pa.Table:
        """Rollups whose windows begin in this time, the highest revision of each; see `rows`."""
        return self.rows("rollups", vehicle, start, end, **more)

    def alerts(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """Alerts that were opened in this time, the highest revision of each, whenever that came; see `rows`.

        An alert that opened again later is as it is now, with the time of that opening.
        """
        whose = "" if vehicle is None else "AND vehicle_id = $vehicle"
        question = (
            f"SELECT * FROM {LATEST_ALERTS} WHERE alert_id IN (SELECT alert_id FROM alerts WHERE "
            f"opened_at >= $start::TIMESTAMPTZ AND opened_at < $end::TIMESTAMPTZ {whose}) "
            "ORDER BY opened_at, alert_id"
        )
        times = {"start": start.isoformat(), "end": end.isoformat()}
        parameters = times if vehicle is None else times | {"vehicle": vehicle}
        return self.query(question, parameters, start.astimezone(UTC).date())

    def alert_revisions(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """All revisions of the alerts that were opened in this time; see `rows`."""
        return self.rows("alerts", vehicle, start, end)

    def commands(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """Commands that arrived in this time; `vehicle_id` is empty if all were told. See `rows`."""
        return self.rows("commands", vehicle, start, end)

    def answers(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """What became of commands, by the time of the answer; see `rows`."""
        return self.rows("answers", vehicle, start, end)

    def _ask(self, sql: str, parameters: dict[str, Any], kinds: list[str], snapshot: Snapshot) -> pa.Table:
        with closing(connect()) as database:
            snapshot.create_views(database)
            if "alerts" in kinds:
                database.execute(
                    f"CREATE VIEW {LATEST_ALERTS} AS SELECT * FROM alerts "
                    "QUALIFY row_number() OVER (PARTITION BY alert_id ORDER BY revision DESC) = 1"
                )
            database.execute("SET lock_configuration = true")
            check_question(database, sql)
            return database.sql(sql, params=parameters).to_arrow_table()


def _mentioned(sql: str) -> list[str]:
    """Kinds whose names are in a question, so that only their files are opened; all if there are none."""
    words = set(re.findall(r"[a-z_]+", sql.lower()))
    if LATEST_ALERTS in words:
        words.add("alerts")
    return [kind for kind in KIND_NAMES if kind in words] or list(KIND_NAMES)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
