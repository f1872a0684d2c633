"""Rows of one kind on their way to the store."""

from __future__ import annotations

import pyarrow as pa

from config.history_settings import Place
from dataflows.history.columns import TableMaker
from dataflows.history.kinds import KINDS, Kind
from dataflows.history.store import open_store
from dataflows.messages import MessageBatch
from dataflows.metrics import HISTORY_ROWS

MOST_BYTES, MOST_ROWS = 32 << 20, 100_000
"""Payload bytes and messages that wait for the next flush, at most: more are written at once."""

REDELIVERED = 65_536
"""Messages that an MQTT broker delivers again after a crash, at most."""

UNSTABLE = frozenset({"telemetry", "commands", "unreadable"})
"""Kinds whose rows have the time of their arrival, which changes with every delivery; their ids do not."""


class KindWriter:
    """Writes messages of one kind. What `flush` has returned from is stored."""

    def __init__(self, place: Place, kind: Kind, topic: str = "", *, distinct: bool = True) -> None:
        """Remember where to write; see `TableMaker`.

        A message that came before midnight and was stored, but not acknowledged, comes again on another day.
        So the ids of the newest rows are read, and rows with one of them are left out.
        """
        self._store = open_store(place)
        self._kind = kind
        self._maker = TableMaker(kind, topic, distinct=distinct)
        self._waiting: list[MessageBatch] = []
        self._waiting_bytes = self._waiting_rows = 0
        self._known = {
            name: self._store.newest_ids(KINDS[name], REDELIVERED)
            for name in UNSTABLE & {kind.name, "unreadable"}
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
        """Write what waits.

        Raises:
            HistoryError: it cannot be written.
        """
        if not self._waiting:
            return
        rows, unreadable = self._maker.tables(self._waiting)
        self._append(self._kind, rows)
        self._append(KINDS["unreadable"], unreadable)
        self._waiting = []
        self._waiting_bytes = self._waiting_rows = 0

    def _append(self, kind: Kind, table: pa.Table) -> None:
        known = self._known.get(kind.name)
        if known:
            is_new = [identity not in known for identity in table["message_id"].to_pylist()]
            table = table.filter(pa.array(is_new, pa.bool_()))
        if len(table):
            self._store.append(kind, table)
            HISTORY_ROWS.labels(kind.name).inc(len(table))
