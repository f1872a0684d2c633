"""What a question reads of Delta tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pyarrow.dataset as ds
import pyarrow.fs as pafs
from deltalake import DeltaTable

from dataflows.history.database import each_once, name, no_rows
from dataflows.history.kinds import KINDS
from dataflows.history.storage import local_path, options, reading


def dataset(url: str, table: DeltaTable, first: date | None = None, last: date | None = None) -> ds.Dataset:
    """The files of a version of a table as an Arrow dataset, which reads what is asked for only.

    Args:
        url: of the history.
        table: the version.
        first, last: days, inclusive; ``None`` for no limit.
    """
    limits: list[tuple[str, str, Any]] = []
    if first is not None:
        limits.append(("day", ">=", first))
    if last is not None:
        limits.append(("day", "<=", last))
    return table.to_pyarrow_dataset(filesystem=_local(table.table_uri), file_pruning_predicate=limits or None)


def _local(table_url: str) -> pafs.FileSystem | None:
    """Files of a disk are read by Arrow itself, which needs no lock of Python for it."""
    path = local_path(table_url)
    return None if path is None else pafs.SubTreeFileSystem(str(path), pafs.LocalFileSystem())


def days_of(table: DeltaTable) -> set[date]:
    """The days that have rows."""
    return {date.fromisoformat(partition["day"]) for partition in table.partitions()}


class DeltaSnapshot:
    """Versions of tables."""

    def __init__(
        self, url: str, tables: dict[str, DeltaTable | None], first: date | None, last: date | None
    ) -> None:
        """Remember which files they are made of.

        Args:
            url: of the history.
            tables: kind → the newest version of its table, ``None`` if there is none.
            first, last: days, inclusive; ``None`` for no limit.

        Raises:
            HistoryError: the storage cannot be read.
        """
        self._url = url
        self._tables = tables
        with reading(url):
            self._datasets = {
                kind: dataset(url, table, first, last) for kind, table in tables.items() if table is not None
            }

    def create_views(self, database: duckdb.DuckDBPyConnection) -> None:
        for kind in self._tables:
            parts = [no_rows(KINDS[kind])]
            if kind in self._datasets:
                stored = f"stored {kind}"
                database.register(stored, self._datasets[kind])
                parts.append(f"({each_once(KINDS[kind], name(stored))})")
            database.execute(f"CREATE VIEW {name(kind)} AS {' UNION ALL BY NAME '.join(parts)}")
        database.execute("SET enable_external_access = false")

    def is_outdated(self) -> bool:
        """Whether files were removed: vacuuming deletes those that were replaced."""
        for kind, found in self._datasets.items():
            table = self._tables[kind]
            assert table is not None
            with reading(self._url):
                newest = DeltaTable(table.table_uri, storage_options=options(self._url))
                if not set(found.files) <= set(dataset(self._url, newest).files):
                    return True
        return False
