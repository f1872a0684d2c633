"""Rows of one kind on their way to files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from dataflows.clock import EPOCH
from dataflows.history.columns import TableMaker
from dataflows.history.database import SMALL, connect, rows_of
from dataflows.history.files import list_days, list_files, set_damaged_aside, write_file, write_table
from dataflows.history.kinds import KINDS, Kind
from dataflows.messages import MessageBatch
from dataflows.metrics import HISTORY_ROWS

MOST_BYTES, MOST_ROWS = 32 << 20, 100_000
"""Payload bytes and messages that wait for the next flush, at most: more are written at once."""

REDELIVERED = 65_536
"""Messages that an MQTT broker delivers again after a crash, at most."""

UNSTABLE = frozenset({"telemetry", "commands", "unreadable"})
"""Kinds whose rows have the time of their arrival, which changes with every delivery; their ids do not."""


class KindWriter:
    """Writes messages of one kind. What `flush` has returned from is on disk."""

    def __init__(self, directory: Path, kind: Kind, topic: str = "", *, distinct: bool = True) -> None:
        """Remember where to write; see `TableMaker`.

        A message that came before midnight and was stored, but not acknowledged, comes again on another day.
        So the ids of the newest rows are read, and rows with one of them are left out.
        """
        self._directory = directory
        self._kind = kind
        self._maker = TableMaker(kind, topic, distinct=distinct)
        self._waiting: list[MessageBatch] = []
        self._waiting_bytes = self._waiting_rows = 0
        self._known = {
            name: newest_ids(directory, KINDS[name]) for name in UNSTABLE & {kind.name, "unreadable"}
        }

    def write(self, batch: MessageBatch) -> None:
        """Take a batch; write what waits if that has become much.

        Raises:
            HistoryError: it cannot be written.
        """
        self._waiting.append(batch)
        self._waiting_rows += len(batch)
        self._waiting_bytes += sum(map(len, batch.payloads))
        if self._waiting_rows >= MOST_ROWS or self._waiting_bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits: a file for every day that has rows.

        Raises:
            HistoryError: it cannot be written.
        """
        if not self._waiting:
            return
        rows, unreadable = self._maker.tables(self._waiting)
        self._store(self._kind, rows)
        self._store(KINDS["unreadable"], unreadable)
        self._waiting = []
        self._waiting_bytes = self._waiting_rows = 0

    def _store(self, kind: Kind, table: pa.Table) -> None:
        known = self._known.get(kind.name)
        if known:
            is_new = [identity not in known for identity in table["message_id"].to_pylist()]
            table = table.filter(pa.array(is_new, pa.bool_()))
        for day, part in by_day(kind, table):
            part = part.sort_by([(column, "ascending") for column in kind.sorted_by])
            write_file(self._directory, kind.name, day, 0, partial(write_table, table=part))
            HISTORY_ROWS.labels(kind.name).inc(len(part))


def by_day(kind: Kind, table: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each UTC day."""
    if not len(table):
        return
    microseconds = table[kind.time].cast(pa.int64()).to_numpy()
    days = microseconds // (24 * 3600 * 1_000_000)
    for day in sorted(set(days.tolist())):
        yield EPOCH.date() + timedelta(days=day), table.filter(pa.array(days == day))


def newest_ids(directory: Path, kind: Kind, count: int = REDELIVERED) -> frozenset[str]:
    """Ids of the rows that arrived last: at least `count`, if there are so many.

    Args:
        directory: of the history.
        kind: one with a `message_id`.
        count: how many.
    """
    found: set[str] = set()
    for day, _ in reversed(list_days(directory, kind.name)):
        found.update(_newest_of(directory, kind, day, count))
        if len(found) >= count:
            break
    return frozenset(found)


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
