"""DuckDB over the files of the history, and the SQL that reads each id once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from dataflows.history.files import DataFile
from dataflows.history.kinds import BYTES, REAL, TEXT, TIME, TRUTH, WHOLE, Kind

SMALL = "512MB"
"""Memory beside a job that has other things to do. What does not fit is spilled to disk."""

_SQL_TYPES = {
    TEXT: "VARCHAR",
    REAL: "DOUBLE",
    WHOLE: "BIGINT",
    TRUTH: "BOOLEAN",
    BYTES: "BLOB",
    TIME: "TIMESTAMPTZ",
    pa.list_(TEXT): "VARCHAR[]",
}


def connect(*, memory: str | None = None, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A database without tables that shows times in UTC.

    Args:
        memory: most memory, such as ``"512MB"``, and one thread; ``None`` leaves both to DuckDB.
        spill: directory for what does not fit into memory; ``None`` for none.
    """
    options: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": "" if spill is None else str(spill)
    }
    if memory is not None:
        options |= {"memory_limit": memory, "threads": 1}
    database = duckdb.connect(":memory:", config=options)
    database.execute("SET TimeZone = 'UTC'")
    return database


def rows_of(files: Iterable[DataFile]) -> str:
    """SQL for the rows of files, with a column `day` behind the others; columns may differ among files."""
    paths = ", ".join(text(str(file.path)) for file in files)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = true)"


def each_once(kind: Kind, rows: str) -> str:
    """SQL for rows without copies. Copies are on one day, so that a question about a day reads one day.

    Of most kinds they also have the same time: a question about some minutes then compares only their rows.
    """
    # The others are sorted by their time, since it may be that of a delivery.
    has_own_time = kind.time not in kind.order.split()
    parts = ", ".join(map(name, ("day", *([kind.time] if has_own_time else []), *kind.identity)))
    return f"SELECT * FROM {rows} QUALIFY row_number() OVER (PARTITION BY {parts} ORDER BY {kind.order}) = 1"


def all_rows(kind: Kind, files: Sequence[DataFile]) -> str:
    """SQL for the rows of a kind, each once. A day that is one file has no copies."""
    of_day: dict[object, list[DataFile]] = {}
    for file in files:
        of_day.setdefault(file.day, []).append(file)
    alone = [file for group in of_day.values() if len(group) == 1 for file in group]
    beside_others = [file for group in of_day.values() if len(group) > 1 for file in group]
    parts = [no_rows(kind)]
    if alone:
        parts.append(f"SELECT * FROM {rows_of(alone)}")
    if beside_others:
        parts.append(f"({each_once(kind, rows_of(beside_others))})")
    return " UNION ALL BY NAME ".join(parts)


def no_rows(kind: Kind) -> str:
    """SQL for the columns that every row of a kind has, and no row."""
    columns = ", ".join(
        f"NULL::{_SQL_TYPES[column]} AS {name(called)}" for called, column in kind.columns.items()
    )
    return f"SELECT {columns}, NULL::DATE AS day WHERE false"


def name(called: str) -> str:
    """A name, quoted for SQL."""
    return '"' + called.replace('"', '""') + '"'


def text(content: str) -> str:
    """A text, quoted for SQL."""
    return "'" + content.replace("'", "''") + "'"
