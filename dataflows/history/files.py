"""The files of the history: their names, how they are written, listed, checked, and set aside if damaged.

A file is written under a hidden name, synced and renamed: under its own name it is whole.
"""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from config.errors import HistoryError

logger = logging.getLogger(__name__)

SUFFIX, TEMPORARY, DAMAGED = ".parquet", ".tmp", ".damaged"
DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
NAME = re.compile(r"(?P<level>\d+)-[\w.-]+\.parquet")
MAGIC = b"PAR1"
ATTEMPTS = 5
"""Attempts to write into a directory that retention may remove while it is empty."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of rows.

    Attributes:
        path: where it is.
        kind: name of the kind.
        day: UTC day of all its rows.
        level: how often its rows were merged.
    """

    path: Path
    kind: str
    day: date
    level: int


def day_directory(directory: Path, kind: str, day: date) -> Path:
    """Where files of a kind and day are."""
    return directory / kind / f"day={day.isoformat()}"


def list_files(
    directory: Path, kind: str, first: date | None = None, last: date | None = None
) -> list[DataFile]:
    """The files of a kind, those of the oldest day first.

    Merging replaces files while their directories are read. If two listings are equal, nothing was replaced
    during the second one that the first one missed, so no row is in none of the files.

    Args:
        directory: of the history.
        kind: name of the kind.
        first, last: days, inclusive; ``None`` for no limit.
    """
    found = _list(directory, kind, first, last)
    while (again := _list(directory, kind, first, last)) != found:
        found = again
    return found


def _list(directory: Path, kind: str, first: date | None, last: date | None) -> list[DataFile]:
    return [
        DataFile(path, kind, day, int(match["level"]))
        for day, place in list_days(directory, kind)
        if (first is None or day >= first) and (last is None or day <= last)
        for path in sorted(_entries(place))
        if (match := NAME.fullmatch(path.name))
    ]


def list_days(directory: Path, kind: str) -> list[tuple[date, Path]]:
    """The days of a kind and their directories, the oldest first."""
    days = []
    for path in _entries(directory / kind):
        if match := DAY.fullmatch(path.name):
            with suppress(ValueError):  # no day of a calendar
                days.append((date.fromisoformat(match[1]), path))
    return sorted(days)


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def write_file(directory: Path, kind: str, day: date, level: int, write: Callable[[Path], None]) -> DataFile:
    """Write a file that is there whole or not at all, and that survives a power failure once this returns.

    Args:
        directory: of the history.
        kind: name of the kind.
        day: UTC day of its rows.
        level: how often its rows were merged.
        write: writes the rows to a path.

    Raises:
        HistoryError: it cannot be written, because the disk is full or permissions are missing.
    """
    place = day_directory(directory, kind, day)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    path = place / f"{level}-{now}-{uuid.uuid4().hex[:12]}{SUFFIX}"
    temporary = place / f".{path.name}{TEMPORARY}"
    try:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _make(place)
                write(temporary)
                sync(temporary)
                temporary.rename(path)
                break
            except FileNotFoundError:
                if attempt == ATTEMPTS:
                    raise
        sync(place)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise HistoryError(
            f"the history cannot be written: {place}: {error.strerror or error}; nothing is lost: check the "
            "disk's free space and permissions, or history.directory, and restart"
        ) from None
    except Exception:
        with suppress(OSError):
            temporary.unlink()
        raise
    return DataFile(path, kind, day, level)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet."""
    pq.write_table(table, path, compression="zstd")


def remove(path: Path) -> None:
    """Delete a file, if it is still there."""
    with suppress(FileNotFoundError):
        path.unlink()


def remove_if_empty(place: Path) -> None:
    """Delete the directory of a day without files."""
    with suppress(OSError):
        place.rmdir()


def is_whole(path: Path) -> bool:
    """Whether a file begins and ends as Parquet does, which half of one does not.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            return False
        size = file.seek(0, os.SEEK_END)
        if size < 12:
            return False
        file.seek(-8, os.SEEK_END)
        tail = file.read(8)
    return tail[4:] == MAGIC and int.from_bytes(tail[:4], "little") <= size - 12


def is_readable(path: Path) -> bool:
    """Whether every row of a file can be read. Reads all of it.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError):
        return False
    return True


def set_aside(path: Path, program: str) -> None:
    """Rename a damaged file, so that nobody reads it, and say so."""
    with suppress(FileNotFoundError):
        path.rename(path.with_name(path.name + DAMAGED))
        logger.error("%s: %s is damaged, and set aside as %s%s", program, path, path.name, DAMAGED)


def set_damaged_aside(files: Iterable[DataFile], program: str) -> int:
    """Set those of the files aside that cannot be read; returns how many. Reads all of them."""
    damaged = [file for file in files if is_damaged(file.path)]
    for file in damaged:
        set_aside(file.path, program)
    return len(damaged)


def is_damaged(path: Path) -> bool:
    """Whether a file is there and cannot be read."""
    try:
        return not is_readable(path)
    except FileNotFoundError:
        return False


def _make(place: Path) -> None:
    if place.is_dir():
        return
    missing = [place, *place.parents]
    missing = missing[: next(number for number, path in enumerate(missing) if path.is_dir())]
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(0o750)
        sync(path.parent)


def sync(path: Path) -> None:
    """Return when a file, or which files are in a directory, survives a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
