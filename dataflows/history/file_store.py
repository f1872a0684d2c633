"""The history as files in a directory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from config.history_settings import HistorySettings
from dataflows.clock import EPOCH
from dataflows.history.database import SMALL, all_rows, connect, name, rows_of, text
from dataflows.history.deletion import delete_vehicle
from dataflows.history.files import (
    DataFile,
    is_damaged,
    is_whole,
    list_days,
    list_files,
    set_damaged_aside,
    write_file,
    write_table,
)
from dataflows.history.kinds import KINDS, Kind
from dataflows.history.maintenance import maintain
from dataflows.history.store import Deleted

logger = logging.getLogger(__name__)


class FileStore:
    """Parquet files; see `dataflows.history.files`. Damaged ones are left out, with a line in the log."""

    def __init__(self, directory: Path) -> None:
        """Remember where it is. A directory that is not there is an empty history."""
        self._directory = directory.absolute()
        self._damaged: set[Path] = set()

    def exists(self) -> bool:
        return self._directory.is_dir()

    def append(self, kind: Kind, table: pa.Table) -> None:
        """Write a file for every day that has rows."""
        for day, part in by_day(kind, table):
            part = part.sort_by([(column, "ascending") for column in kind.sorted_by])
            write_file(self._directory, kind.name, day, 0, partial(write_table, table=part))

    def newest_ids(self, kind: Kind, count: int) -> frozenset[str]:
        found: set[str] = set()
        for day, _ in reversed(list_days(self._directory, kind.name)):
            found.update(_newest_of(self._directory, kind, day, count))
            if len(found) >= count:
                break
        return frozenset(found)

    def look(self, kinds: list[str], first: date | None, last: date | None) -> FileSnapshot:
        return FileSnapshot(self._directory, kinds, first, last, self._damaged)

    def maintain(self, settings: HistorySettings, is_stopping: Callable[[], bool]) -> bool:
        return maintain(self._directory, settings, is_stopping)

    def delete_vehicle(self, vehicle: str) -> Deleted:
        return delete_vehicle(self._directory, vehicle)


class FileSnapshot:
    """The files that are there at one moment, but for those that are known to be damaged."""

    def __init__(
        self, directory: Path, kinds: list[str], first: date | None, last: date | None, damaged: set[Path]
    ) -> None:
        """List them; `damaged` grows when others turn out to be."""
        self._directory = directory
        self._limits = first, last
        self._damaged = damaged
        self._files = self._list(kinds)

    def create_views(self, database: duckdb.DuckDBPyConnection) -> None:
        database.execute(f"SET allowed_directories = [{text(f'{self._directory}/')}]")
        database.execute("SET enable_external_access = false")
        for kind, found in self._files.items():
            database.execute(f"CREATE VIEW {name(kind)} AS {all_rows(KINDS[kind], found)}")

    def is_outdated(self) -> bool:
        return self._note_damaged() or self._list(list(self._files)) != self._files

    def _list(self, kinds: list[str]) -> dict[str, list[DataFile]]:
        return {
            kind: [
                file
                for file in list_files(self._directory, kind, *self._limits)
                if file.path not in self._damaged
            ]
            for kind in kinds
        }

    def _note_damaged(self) -> bool:
        """Leave damaged files out from now on; returns whether there are any."""
        paths = [file.path for found in self._files.values() for file in found]
        # Half of a file is noticed at once; anything else only when all of it is read.
        damaged = [path for path in paths if _is_half(path)] or [path for path in paths if is_damaged(path)]
        for path in damaged:
            logger.error("history: %s is damaged, and left out", path)
        self._damaged.update(damaged)
        return bool(damaged)


def by_day(kind: Kind, table: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each UTC day."""
    if not len(table):
        return
    microseconds = table[kind.time].cast(pa.int64()).to_numpy()
    days = microseconds // (24 * 3600 * 1_000_000)
    for day in sorted(set(days.tolist())):
        yield EPOCH.date() + timedelta(days=day), table.filter(pa.array(days == day))


def _newest_of(directory: Path, kind: Kind, day: date, count: int) -> list[str]:
    while files := list_files(directory, kind.name, day, day):
        try:
            with closing(connect(memory=SMALL)) as database:
                question = f"SELECT message_id FROM {rows_of(files)} ORDER BY arrived_at DESC LIMIT {count}"
                return [identity for (identity,) in database.execute(question).fetchall()]
        except duckdb.Error:
            # Others may merge or delete them meanwhile.
            if not set_damaged_aside(files, "record") and list_files(directory, kind.name, day, day) == files:
                raise
    return []


def _is_half(path: Path) -> bool:
    try:
        return not is_whole(path)
    except FileNotFoundError:
        return False
