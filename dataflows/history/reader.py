"""Reads a history while others write it: by SQL, or by vehicle and time."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from config.errors import HistoryError
from dataflows.history.database import all_rows, connect, name, text
from dataflows.history.files import DataFile, is_damaged, is_whole, list_files
from dataflows.history.kinds import KIND_NAMES, KINDS, KindName
from dataflows.history.read_only import check_question

logger = logging.getLogger(__name__)

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

    def __init__(self, directory: Path) -> None:
        """Remember where it is. A directory that is not there is an empty history."""
        self._directory = directory.absolute()
        self._damaged: set[Path] = set()

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
        for _ in range(ATTEMPTS):
            files = self._files(_mentioned(sql), first, last)
            try:
                return self._ask(sql, dict(parameters or {}), files)
            except _OF_THE_QUESTION as error:
                raise HistoryError(_line(error)) from None
            except duckdb.Error as error:
                is_changed = self._note_damaged(files) or self._files(list(files), first, last) != files
                if not is_changed:
                    raise HistoryError(_line(error)) from None
        raise HistoryError(f"the files in {self._directory} kept changing while they were read; ask again")

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
        return self._between(kind, KINDS[kind].time, kind, vehicle, start, end, columns)

    def events(self, vehicle: str | None, start: datetime, end: datetime, **more: Any) -> pa.Table:
        """Enriched events of a vehicle, or all; see `rows`."""
        return self.rows("events", vehicle, start, end, **more)

    def rollups(self, vehicle: str | None, start: datetime, end: datetime, **more: Any) -> pa.Table:
        """Rollups whose windows begin in this time, the highest revision of each; see `rows`."""
        return self.rows("rollups", vehicle, start, end, **more)

    def alerts(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """Alerts that were opened in this time, the highest revision of each; see `rows`."""
        return self._between(LATEST_ALERTS, "opened_at", "alerts", vehicle, start, end, ("*",))

    def alert_revisions(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """All revisions of the alerts that were opened in this time; see `rows`."""
        return self.rows("alerts", vehicle, start, end)

    def commands(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """Commands that arrived in this time; `vehicle_id` is empty if all were told. See `rows`."""
        return self.rows("commands", vehicle, start, end)

    def answers(self, vehicle: str | None, start: datetime, end: datetime) -> pa.Table:
        """What became of commands, by the time of the answer; see `rows`."""
        return self.rows("answers", vehicle, start, end)

    def _between(
        self,
        view: str,
        time: str,
        kind: str,
        vehicle: str | None,
        start: datetime | None,
        end: datetime | None,
        columns: tuple[str, ...],
    ) -> pa.Table:
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
            f"SELECT {selected} FROM {view} WHERE {where} ORDER BY {order}",
            {key: value for key, (_, value) in given.items()},
            None if start is None else start.astimezone(UTC).date(),
            None if end is None else (end.astimezone(UTC) - timedelta(microseconds=1)).date(),
        )

    def _files(self, kinds: list[str], first: date | None, last: date | None) -> dict[str, list[DataFile]]:
        return {
            kind: [
                file
                for file in list_files(self._directory, kind, first, last)
                if file.path not in self._damaged
            ]
            for kind in kinds
        }

    def _ask(self, sql: str, parameters: dict[str, Any], files: dict[str, list[DataFile]]) -> pa.Table:
        with closing(connect()) as database:
            database.execute(f"SET allowed_directories = [{text(f'{self._directory}/')}]")
            database.execute("SET enable_external_access = false")
            for kind, found in files.items():
                database.execute(f"CREATE VIEW {name(kind)} AS {all_rows(KINDS[kind], found)}")
            if "alerts" in files:
                database.execute(
                    f"CREATE VIEW {LATEST_ALERTS} AS SELECT * FROM alerts "
                    "QUALIFY row_number() OVER (PARTITION BY alert_id ORDER BY revision DESC) = 1"
                )
            database.execute("SET lock_configuration = true")
            check_question(database, sql)
            return database.sql(sql, params=parameters).to_arrow_table()

    def _note_damaged(self, files: dict[str, list[DataFile]]) -> bool:
        """Leave damaged files out from now on; returns whether there are any."""
        paths = [file.path for found in files.values() for file in found]
        # Half of a file is noticed at once; anything else only when all of it is read.
        damaged = [path for path in paths if _is_half(path)] or [path for path in paths if is_damaged(path)]
        for path in damaged:
            logger.error("history: %s is damaged, and left out", path)
        self._damaged.update(damaged)
        return bool(damaged)


def _mentioned(sql: str) -> list[str]:
    """Kinds whose names are in a question, so that only their files are opened; all if there are none."""
    words = set(re.findall(r"[a-z_]+", sql.lower()))
    if LATEST_ALERTS in words:
        words.add("alerts")
    return [kind for kind in KIND_NAMES if kind in words] or list(KIND_NAMES)


def _is_half(path: Path) -> bool:
    try:
        return not is_whole(path)
    except FileNotFoundError:
        return False


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
