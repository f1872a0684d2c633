"""Where rows are kept: files in a directory, or tables at a URL. Nothing else knows which."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple, Protocol

import duckdb
import pyarrow as pa

from config.errors import HistoryError
from config.extras import hint
from config.history_settings import HistorySettings, Place, place
from dataflows.history.kinds import Kind


class Snapshot(Protocol):
    """The rows that are there at one moment."""

    def create_views(self, database: duckdb.DuckDBPyConnection) -> None:
        """Create a view of each kind, with each row once, and close the database for everything else."""

    def is_outdated(self) -> bool:
        """After an error: whether rows were moved or turned out to be damaged, so that asking again helps."""


class Deleted(NamedTuple):
    """What was deleted about a vehicle.

    Attributes:
        rows: kind → rows that were deleted; copies count each.
        unread: damaged files, which may hold more about the vehicle.
    """

    rows: dict[str, int]
    unread: list[Path]


class Store(Protocol):
    """Keeps rows by kind and UTC day. What cannot be done is a `HistoryError`."""

    def exists(self) -> bool:
        """Whether there is a history."""

    def append(self, kind: Kind, table: pa.Table) -> None:
        """Add rows of a kind: once this returns they are stored."""

    def newest_ids(self, kind: Kind, count: int) -> frozenset[str]:
        """Ids of the rows of a kind with a `message_id` that arrived last: at least `count`, if there are."""

    def look(self, kinds: list[str], first: date | None, last: date | None) -> Snapshot:
        """What there is of these kinds, and days, inclusive; ``None`` for no limit."""

    def maintain(self, settings: HistorySettings, is_stopping: Callable[[], bool]) -> bool:
        """Merge and delete what is due; returns whether it was done, or another process is at it.

        Raises:
            HistoryError, duckdb.Error, OSError: it failed, and can be tried again.
        """

    def delete_vehicle(self, vehicle: str) -> Deleted:
        """Delete the rows of a vehicle, and messages that name it; see `deletion.names_vehicle`."""


def place_argument(text: str) -> Place:
    """A directory or URL on a command line.

    Raises:
        argparse.ArgumentTypeError: it is a wrong URL.
    """
    try:
        named: Place = place(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return named


def open_store(where: Place) -> Store:
    """The store at a directory or URL, which need not be there yet.

    Raises:
        HistoryError: it is a URL, and the package for it is not installed.
    """
    if isinstance(where, Path):
        from dataflows.history.file_store import FileStore

        return FileStore(where)
    try:
        from dataflows.history.delta import DeltaStore
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "deltalake":
            raise
        raise HistoryError(f"history.directory is a URL: {hint(error)}") from None
    return DeltaStore(where)
