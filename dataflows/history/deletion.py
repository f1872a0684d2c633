"""Deletes all rows about one vehicle, because somebody asked for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from config.errors import HistoryError
from dataflows.history.files import (
    DAMAGED,
    TEMPORARY,
    DataFile,
    is_damaged,
    list_files,
    remove,
    remove_if_empty,
    sync,
    write_file,
)
from dataflows.history.kinds import KINDS, Kind
from dataflows.history.lock import locked
from dataflows.history.store import Deleted

ROWS_AT_ONCE = 65_536
LOOKED_AT = frozenset({"vehicle_id", "topic", "key", "payload", "alert_id"})
"""Columns that say what a row is about."""


def delete_vehicle(directory: Path, vehicle: str) -> Deleted:
    """Delete the rows of a vehicle, and messages as they came that name it; see `names_vehicle`.

    Args:
        directory: of the history.
        vehicle: its id.

    Raises:
        HistoryError: a file cannot be written; what was deleted before stays deleted.
    """
    if not directory.is_dir():
        raise HistoryError(f"expected a history in {directory}, got no such directory")
    rows: dict[str, int] = {}
    with locked(directory, wait=True):
        for kind in filter(lambda kind: kind.is_about_vehicles, KINDS.values()):
            names_it = names_vehicle(kind, vehicle)
            for file in list_files(directory, kind.name):
                count = 0 if is_damaged(file.path) else _delete_from(directory, file, names_it)
                if count:
                    rows[kind.name] = rows.get(kind.name, 0) + count
        unread = [path for path in directory.rglob("*") if path.name.endswith((DAMAGED, TEMPORARY))]
        unread += [
            file.path for name in KINDS for file in list_files(directory, name) if is_damaged(file.path)
        ]
    return Deleted(rows, sorted(unread))


def names_vehicle(kind: Kind, vehicle: str) -> Callable[[dict[str, object]], bool]:
    """Whether a row is about the vehicle.

    A raw message is if its topic has the vehicle as a level, its key is the vehicle, or its payload holds the
    vehicle's id as a word: of a message about several vehicles nothing is left.
    """
    spellings = {vehicle.encode(), json.dumps(vehicle)[1:-1].encode(), vehicle.replace("/", "\\/").encode()}
    # As a word, so that V7 is not found in V70.
    word = re.compile(rb"(?<![\w-])(?:" + b"|".join(map(re.escape, spellings)) + rb")(?![\w-])")
    if "payload" in kind.columns:

        def names_it(row: dict[str, object]) -> bool:
            levels = str(row["topic"]).split("/")
            payload = row["payload"]
            assert isinstance(payload, bytes)
            return vehicle in levels or row["key"] == vehicle or word.search(payload) is not None

        return names_it
    if kind.name == "actions":
        # The id of an alert begins with its vehicle.
        return lambda row: row["vehicle_id"] == vehicle or str(row["alert_id"]).startswith(f"{vehicle}/")
    return lambda row: row["vehicle_id"] == vehicle


def _delete_from(directory: Path, file: DataFile, names_it: Callable[[dict[str, object]], bool]) -> int:
    """Replace a file by one without the rows; returns how many there were."""
    with pq.ParquetFile(file.path) as opened:
        columns = [column for column in opened.schema_arrow.names if column in LOOKED_AT]
        deleted = 0
        for batch in opened.iter_batches(ROWS_AT_ONCE, columns=columns):
            deleted += sum(map(names_it, batch.to_pylist()))
        if not deleted:
            return 0
        if deleted < opened.metadata.num_rows:
            write = partial(_copy, opened=opened, names_it=names_it)
            write_file(directory, file.kind, file.day, file.level, write)
    remove(file.path)
    sync(file.path.parent)
    remove_if_empty(file.path.parent)
    return deleted


def _copy(path: Path, opened: pq.ParquetFile, names_it: Callable[[dict[str, object]], bool]) -> None:
    with pq.ParquetWriter(path, opened.schema_arrow, compression="zstd") as writer:
        for batch in opened.iter_batches(ROWS_AT_ONCE):
            kept = [not names_it(row) for row in batch.to_pylist()]
            writer.write_batch(batch.filter(pa.array(kept, pa.bool_())))
