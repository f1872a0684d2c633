"""The JSON of events → rows of typed values, one value per field of `EventFields`.

Events are parsed by the `EventStruct` of the settings, a whole batch in one call. What it refuses is
parsed once more, to Python objects, and its pointers are followed one event at a time: that is slower,
accepts more, and gives the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from dataflows.decode.bad_values import BadValues
from dataflows.decode.event_struct import EventStruct
from dataflows.decode.faults import Faults, UndecodableError, check_utf8, described, json_reason
from dataflows.decode.field_types import MISSING
from dataflows.decode.fields import EventFields, Row
from dataflows.decode.nonfinite import nonfinite_to_null
from dataflows.events import JSON_ERRORS

FIRST, LAST = itemgetter(0), itemgetter(-1)

Unreadable = list[tuple[str, str]]
"""Signals of an event whose value cannot be read, each with the reason."""


class EventReader:
    """Reads events; holds no state between batches.

    Args:
        fields: what to read of each event.
    """

    def __init__(self, fields: EventFields) -> None:
        self._fields = fields.fields
        self._absent: Row = tuple(field.type.absent for field in self._fields)
        self._struct = EventStruct.of(self._fields)
        self._any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def read(
        self, payloads: Sequence[bytes], faults: Faults, bad: BadValues
    ) -> tuple[list[Row], list[bytes]]:
        """Read one event from each payload.

        Args:
            payloads: n payloads.
            faults: events in it are not read; gets those that cannot be read.
            bad: gets the signals whose value cannot be read; it is missing in the row.

        Returns:
            n rows (all absent where there is a fault) and the n payloads, with ``null`` for numbers that
            JSON lacks.
        """
        if self._struct is not None and not faults:
            rows = _rows_at_once(self._struct, payloads)
            if rows is not None:
                return rows, list(payloads)
        rows, texts = [], []
        known = faults.mask(len(payloads)).tolist()
        for position, payload in enumerate(payloads):
            row, text = self._absent, payload
            if not known[position]:
                try:
                    row, text, unreadable = self._read_one(payload)
                except UndecodableError as error:
                    faults.add(position, str(error))
                else:
                    for signal, reason in unreadable:
                        bad.add(position, signal, reason)
            rows.append(row)
            texts.append(text)
        return rows, texts

    def _read_one(self, payload: bytes) -> tuple[Row, bytes, Unreadable]:
        try:
            check_utf8(payload)
            try:
                row, unreadable = self._row(payload)
            except (*JSON_ERRORS, OverflowError):
                text = nonfinite_to_null(payload)
                if text == payload:
                    raise
                row, unreadable = self._row(text)
                return row, text, unreadable
        except JSON_ERRORS as error:
            raise UndecodableError(json_reason(payload, error)) from None
        return row, payload, unreadable

    def _row(self, payload: bytes) -> tuple[Row, Unreadable]:
        if self._struct is not None:
            try:
                return self._struct.row(self._struct.decoder.decode(payload)), []
            except msgspec.ValidationError:
                pass  # JSON, but not of the types expected: `Field.of` accepts it after all, or says why not
        event = self._any.decode(payload)
        if not isinstance(event, dict):
            raise UndecodableError(f"expected a JSON object for an event, got {described(event)}")
        row: list[Any] = []
        unreadable: Unreadable = []
        for field in self._fields:
            try:
                row.append(field.of(event))
            except UndecodableError as error:
                if field.signal is None:
                    raise
                row.append(MISSING)
                unreadable.append((field.signal, str(error)))
        return tuple(row), unreadable


def _rows_at_once(struct: EventStruct, payloads: Sequence[bytes]) -> list[Row] | None:
    """The rows of all payloads; ``None`` if one of them needs a closer look."""
    # msgspec takes any white space, or none, for the end of a line. Payloads of which one holds two
    # events and another half an event could therefore pass for as many events as payloads. They cannot
    # if each starts with "{" and ends with "}": a joint then reads "}\n{". It is not inside a string,
    # which may not hold a newline, nor inside an object or an array, where no "{" may follow a "}".
    # So no event extends over a joint, and each payload holds at least one; as many events as payloads
    # means exactly one in each.
    try:
        ends = {*map(FIRST, payloads)}, {*map(LAST, payloads)}
    except IndexError:  # an empty payload
        return None
    if ends != ({ord("{")}, {ord("}")}):
        return None
    lines = b"\n".join(payloads)
    try:
        check_utf8(lines)  # a character cannot extend over a joint either
        events = struct.decoder.decode_lines(lines)
    except JSON_ERRORS:
        return None
    return list(map(struct.row, events)) if len(events) == len(payloads) else None
