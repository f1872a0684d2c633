"""Merges, expires and cleans up Delta tables.

Several processes may do it at once: of two that replace the same files, the second one fails to commit, and
looks again later. Rows that are appended meanwhile stay.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from config.history_settings import HistorySettings
from dataflows.history.database import SMALL, connect, each_once, name
from dataflows.history.delta_reading import dataset
from dataflows.history.kinds import KINDS, Kind
from dataflows.history.retention import MIB, Day, retain
from dataflows.history.storage import writing

GROWING, WHOLE = 16 * MIB, 512 * MIB
"""Bytes of a file, about: while rows of its day still come, and when the day is over."""

SORTED_AT_MOST = 4 * WHOLE
"""Bytes of a day that is sorted; that of more is only merged."""

CLEAN_EVERY = 3600.0
"""Seconds between two looks for files that were replaced."""

REPLACED_FOR, ABANDONED = 1, 24
"""Hours after which a file is deleted: one that was replaced, and one that no commit names."""

ROWS_AT_ONCE = 65_536


class File(NamedTuple):
    """A file of a table: its path, bytes, and when it was written, seconds since 1970."""

    path: str
    size: int
    written: float


class DeltaMaintenance:
    """Does what is due, and remembers what it has done."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._merged: dict[tuple[str, date], frozenset[str]] = {}
        self._cleaned: dict[str, float] = {}
        self._cleaned_all: dict[str, float] = {}

    def maintain(
        self,
        tables: Iterable[tuple[Kind, DeltaTable]],
        settings: HistorySettings,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> bool:
        """See `Store.maintain`."""
        is_done = True
        found = {str(kind.name): (table, files_of(table)) for kind, table in tables}
        is_done &= self._expire(found, settings)
        for kind, (table, days) in found.items():
            for day, files in days.items():
                if is_stopping():
                    return is_done
                is_done &= self._attempt(partial(self._merge, KINDS[kind], table, day, files, settings))
            is_done &= self._attempt(partial(self._clean, kind, table))
        return is_done

    def _attempt(self, step: Callable[[], None]) -> bool:
        try:
            with writing(self._url):
                step()
        except CommitFailedError:
            return False
        return True

    def _expire(
        self, found: dict[str, tuple[DeltaTable, dict[date, list[File]]]], settings: HistorySettings
    ) -> bool:
        is_done = True

        def delete(day: Day) -> None:
            nonlocal is_done
            table, days = found[day.kind]
            is_done &= self._attempt(partial(_delete_day, table, day.day))
            del days[day.day]

        days = [
            Day(kind, day, sum(file.size for file in files), max(file.written for file in files))
            for kind, (_, of_kind) in found.items()
            for day, files in of_kind.items()
        ]
        most = None if settings.max_mib is None else settings.max_mib * MIB
        retain(days, {str(kind): kept for kind, kept in settings.keep_days.items()}, most, delete)
        return is_done

    def _merge(
        self, kind: Kind, table: DeltaTable, day: date, files: list[File], settings: HistorySettings
    ) -> None:
        paths = frozenset(file.path for file in files)
        is_over = (
            day < datetime.now(UTC).date()
            and time.time() - max(file.written for file in files) >= settings.merge_after
        )
        target = WHOLE if is_over else GROWING
        small = [file for file in files if file.size < target // 2]
        if (
            len(small) < (2 if is_over else settings.merge_files)
            or self._merged.get((kind.name, day)) == paths
        ):
            return
        if is_over and sum(file.size for file in files) <= SORTED_AT_MOST:
            sort_day(self._url, kind, table, day)
        else:
            table.optimize.compact(
                partition_filters=[("day", "=", day.isoformat())],
                target_size=target,
                max_concurrent_tasks=1,
                writer_properties=WriterProperties(compression="ZSTD"),
            )
        # However large they became: once is enough until there are others.
        self._merged[kind.name, day] = frozenset(file.path for file in files_of(table).get(day, []))

    def _clean(self, kind: str, table: DeltaTable) -> None:
        now = time.monotonic()
        if now - self._cleaned.get(kind, -CLEAN_EVERY) < CLEAN_EVERY:
            return
        self._cleaned[kind] = now
        table.vacuum(REPLACED_FOR, dry_run=False, enforce_retention_duration=False, full=False)
        every = ABANDONED * 3600.0
        if now - self._cleaned_all.get(kind, -every) >= every:
            self._cleaned_all[kind] = now
            table.vacuum(ABANDONED, dry_run=False, enforce_retention_duration=False, full=True)
        table.create_checkpoint()
        table.cleanup_metadata()


def files_of(table: DeltaTable) -> dict[date, list[File]]:
    """Day → its files, the oldest day first."""
    days: dict[date, list[File]] = {}
    for row in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        file = File(row["path"], row["size_bytes"], row["modification_time"] / 1000.0)
        days.setdefault(row["partition.day"], []).append(file)
    return dict(sorted(days.items()))


def sort_day(url: str, kind: Kind, table: DeltaTable, day: date) -> None:
    """Replace the files of a day in this version of a table by sorted ones without copies.

    Raises:
        CommitFailedError: others have changed that day since.
    """
    with (
        tempfile.TemporaryDirectory(prefix="history-") as spill,
        closing(connect(memory=SMALL, spill=Path(spill))) as database,
    ):
        database.register("stored", dataset(url, table, day, day))
        order = ", ".join(map(name, kind.sorted_by))
        rows = database.sql(f"SELECT * FROM ({each_once(kind, 'stored')}) ORDER BY {order}")
        replace_day(table, day, rows.to_arrow_reader(ROWS_AT_ONCE))


def replace_day(table: DeltaTable, day: date, rows: pa.RecordBatchReader) -> None:
    """Replace what this version of a table has of a day; what was appended since stays, or the commit fails.

    Raises:
        CommitFailedError: others have changed that day since.
    """
    write_deltalake(
        table,
        rows,
        mode="overwrite",
        predicate=f"day = '{day.isoformat()}'",
        target_file_size=WHOLE,
        writer_properties=WriterProperties(compression="ZSTD"),
    )


def _delete_day(table: DeltaTable, day: date) -> None:
    table.delete(f"day = '{day.isoformat()}'")
