"""Batches of messages → tables, one row a message, and what could not be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
import pyarrow as pa

from dataflows.events import COMMAND_NAMES, JSON_ERRORS, Command
from dataflows.history.kinds import KINDS, REAL, Kind
from dataflows.history.rows import MADE_OF, Message, Row
from dataflows.history.signal_columns import stems
from dataflows.messages import MessageBatch
from dataflows.metrics import HISTORY_UNREADABLE

logger = logging.getLogger(__name__)

LONGEST_REASON = 500
"""Characters."""


class Tables(NamedTuple):
    """What became of messages that were meant for one kind.

    Attributes:
        rows: a table of the kind; no two rows have the same id.
        unreadable: a table of the kind "unreadable".
    """

    rows: pa.Table
    unreadable: pa.Table


class TableMaker:
    """Makes tables of one kind. What is not what the kind promises is counted; the first one is logged."""

    def __init__(self, kind: Kind, topic: str = "", *, distinct: bool = True) -> None:
        """Remember what is promised.

        Args:
            kind: what the messages should be.
            topic: prefix of the topics that name a vehicle in their last level.
            distinct: whether no two messages over MQTT have the same topic and payload.
        """
        self._kind = kind
        self._topic = topic
        self._distinct = distinct
        self._warned = False
        made_of = MADE_OF.get(kind.name)
        self._decoder = None if made_of is None else msgspec.json.Decoder(made_of[0])
        self._make = None if made_of is None else made_of[1]

    def tables(self, batches: Sequence[MessageBatch]) -> Tables:
        """The rows of batches, and what could not be read.

        An empty message is no event, alert, … but says that there is none any more, and is left out.
        """
        messages = [message for batch in batches for message in self._messages(batch)]
        if self._decoder is None or self._make is None:
            return Tables(self._raw(messages), KINDS["unreadable"].schema.empty_table())
        rows: list[Row] = []
        bad: list[tuple[Message, str]] = []
        for message in messages:
            if not message.payload:
                continue
            try:
                rows.append(self._make(message, self._decode(message.payload)))
            # The struct has checked everything but that Arrow can hold the numbers.
            except (*JSON_ERRORS, ValueError, OverflowError) as error:
                bad.append((message, str(error)))
        return Tables(_table(self._kind, rows), self._unreadable(bad))

    def _messages(self, batch: MessageBatch) -> Iterator[Message]:
        keys = batch.keys or [""] * len(batch)
        positions = (
            [""] * len(batch)
            if batch.offsets is None
            else [f"{batch.origin}@{offset}" for offset in batch.offsets]
        )
        columns = zip(batch.payloads, batch.topics, keys, batch.arrived, positions, strict=True)
        for payload, topic, key, arrived, position in columns:
            below = topic.removeprefix(f"{self._topic}/") if self._topic else topic
            # Levels that name vehicles are percent-encoded.
            named = key or ("" if below == topic else unquote(below))
            yield Message(payload, topic, key, arrived, position, named)

    def _decode(self, payload: bytes) -> Any:
        assert self._decoder is not None
        if self._kind.name == "commands" and payload.strip().decode("utf-8", "replace") in COMMAND_NAMES:
            # A bare word. No id can be empty, so that of a decoded command is not.
            return Command(id="", name=payload.strip().decode())
        return self._decoder.decode(payload)

    def _raw(self, messages: Sequence[Message]) -> pa.Table:
        rows = []
        seen = set()
        for message in messages:
            identity = message.identity(distinct=self._distinct)
            if identity not in seen:
                seen.add(identity)
                values = identity, message.topic, message.key, message.arrived, message.payload
                rows.append(Row(values, {}))
        return _table(self._kind, rows)

    def _unreadable(self, bad: Sequence[tuple[Message, str]]) -> pa.Table:
        rows = []
        for message, reason in bad:
            HISTORY_UNREADABLE.labels(self._kind.name).inc()
            if not self._warned:
                self._warned = True
                logger.warning(
                    "a message on %r is none of the %s: %s; it and further ones are kept as unreadable, and "
                    "counted in fleet_history_unreadable_total",
                    message.topic[:LONGEST_REASON],
                    self._kind.name,
                    reason[:LONGEST_REASON],
                )
            identity = message.identity(distinct=True)
            kept = message.topic, message.key, message.arrived
            values = identity, *kept, self._kind.name, reason[:LONGEST_REASON], message.payload
            rows.append(Row(values, {}))
        return _table(KINDS["unreadable"], rows)


def _table(kind: Kind, rows: Sequence[Row]) -> pa.Table:
    """Rows as a table without copies: the kind's own columns, then those of the signals by name."""
    rows = _without_copies(kind, rows)
    names = list(kind.columns)
    arrays = [
        pa.array([row.values[number] for row in rows], column)
        for number, column in enumerate(kind.columns.values())
    ]
    around = [("", suffix) for suffix in kind.suffixes] + [(prefix, "") for prefix in kind.prefixes]
    nothing = (None,) * len(around)
    for signal, stem in stems(kind, {signal for row in rows for signal in row.signals}).items():
        values = [row.signals.get(signal, nothing) for row in rows]
        for number, (prefix, suffix) in enumerate(around):
            column = pa.array([value[number] for value in values], REAL)
            # Few signals are `consumed`; the columns of the others would only be nulls.
            if not prefix or column.null_count < len(column):
                names.append(f"{prefix}{stem}{suffix}")
                arrays.append(column)
    return pa.Table.from_arrays(arrays, names=names)


def _without_copies(kind: Kind, rows: Sequence[Row]) -> list[Row]:
    places = [list(kind.columns).index(column) for column in kind.identity]
    revision = list(kind.columns).index("revision") if "revision DESC" in kind.order else None
    kept: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        identity = tuple(row.values[place] for place in places)
        other = kept.get(identity)
        if other is None or (revision is not None and row.values[revision] > other.values[revision]):
            kept[identity] = row
    return list(kept.values())
