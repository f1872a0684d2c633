"""Merges the many small files of a day into few large ones, sorted and without copies of rows.

The merged file is there before the files that it replaces are deleted. In between, rows are in two files, as
copies that readers leave out; a crash at any moment changes nothing but how many files there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

import duckdb

from dataflows.history.database import SMALL, connect, each_once, name, rows_of, text
from dataflows.history.files import DataFile, list_files, remove, set_damaged_aside, write_file
from dataflows.history.kinds import Kind

SPILL = ".spill"
"""Directory for what does not fit into memory."""


def compact(
    directory: Path,
    kind: Kind,
    files_per_merge: int,
    settled_after: float,
    program: str,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Merge what is to be merged of a kind; the caller holds the lock.

    During a day, `files_per_merge` files of one level become one of the next, so that each row is written a
    few times only. A day that is over becomes a single file.

    Args:
        directory: of the history.
        kind: what to merge.
        files_per_merge: at least 2.
        settled_after: seconds without a new file after which a day that is over becomes one.
        program: whom messages are from.
        is_stopping: whether to begin no further merge.

    Returns:
        How many files were replaced.
    """
    replaced = 0
    for day, group in groupby(list_files(directory, kind.name), lambda file: file.day):
        for files in _due(day, list(group), files_per_merge, settled_after):
            if is_stopping():
                return replaced
            replaced += merge(directory, kind, files, program)
    return replaced


def merge(directory: Path, kind: Kind, files: Sequence[DataFile], program: str) -> int:
    """Replace files of one day by one; returns how many, or 0 if a damaged one had to be set aside first."""

    def write(path: Path) -> None:
        with closing(connect(memory=SMALL, spill=directory / SPILL)) as database:
            order = ", ".join(map(name, kind.sorted_by))
            rows = f"SELECT * EXCLUDE (day) FROM ({each_once(kind, rows_of(files))}) ORDER BY {order}"
            database.execute(f"COPY ({rows}) TO {text(str(path))} (FORMAT parquet, COMPRESSION zstd)")

    level = max(file.level for file in files) + 1
    try:
        write_file(directory, kind.name, files[0].day, level, write)
    except duckdb.Error:
        if not set_damaged_aside(files, program):
            raise
        return 0
    for file in files:
        remove(file.path)
    return len(files)


def _due(
    day: date, files: list[DataFile], files_per_merge: int, settled_after: float
) -> Iterator[list[DataFile]]:
    if day < datetime.now(UTC).date() and _seconds_since_last(files) >= settled_after:
        if len(files) > 1:
            yield files
        return
    for _, group in groupby(sorted(files, key=lambda file: file.level), lambda file: file.level):
        of_level = list(group)
        if len(of_level) >= files_per_merge:
            yield of_level


def _seconds_since_last(files: list[DataFile]) -> float:
    newest = 0.0
    for file in files:
        try:
            newest = max(newest, file.path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return time.time() - newest
