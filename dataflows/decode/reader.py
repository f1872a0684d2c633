"""The JSON of events to rows of typed values, one value per field of `EventFields`.

Events are parsed by the `EventStruct` of these settings, a whole batch in one call. What it refuses
is parsed again to Python objects and walked, one event at a time: the walk is the more patient of the
two, and the one that gives reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from dataflows.decode.event_struct import EventStruct, Row
from dataflows.decode.fields import EventFields, UndecodableError, json_type
from dataflows.decode.nonfinite import nulled

Faults = dict[int, str]
"""Position of an event in its batch → why it cannot be used."""

FIRST, LAST = itemgetter(0), itemgetter(-1)

JSON_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON they should be."""


def check_utf8(payload: bytes) -> None:
    """Look at every byte: msgspec does not look into strings that it skips.

    Raises:
        UnicodeDecodeError: the payload is not UTF-8.
    """
    if not payload.isascii():
        payload.decode("utf-8")


def json_reason(payload: bytes, error: Exception) -> str:
    """Why bytes are not JSON, from one of the `JSON_ERRORS`."""
    match error:
        case UnicodeDecodeError():
            byte = error.object[error.start]
            return f"expected JSON in UTF-8, got the byte 0x{byte:02x} at position {error.start}"
        case RecursionError():
            return f"expected JSON nested a few levels deep, got {len(payload)} bytes nested too deep to read"
        case _ if not payload.strip():
            return f"expected JSON, got {len(payload)} bytes without any content"
        case _:
            problem = str(error).removeprefix("JSON is malformed: ").lower()
            return f"expected JSON, got {len(payload)} bytes that are not: {problem}"


class EventReader:
    """Reads events; holds no state between them."""

    def __init__(self, fields: EventFields) -> None:
        self._fields = fields.fields
        self._absent: Row = tuple(field.kind.absent for field in self._fields)
        self._struct = EventStruct.of(self._fields)
        self._any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def read(self, payloads: Sequence[bytes], faults: Faults) -> tuple[list[Row], list[bytes]]:
        """Read one event from each payload.

        Args:
            payloads: n payloads.
            faults: positions in it are not read; what cannot be read is added.

        Returns:
            n rows (all absent where there is a fault) and the n payloads, with `null` for numbers
            that JSON lacks.
        """
        if self._struct is not None and not faults:
            rows = _rows_at_once(self._struct, payloads)
            if rows is not None:
                return rows, list(payloads)
        rows, texts = [], []
        for position, payload in enumerate(payloads):
            row, text = self._absent, payload
            if position not in faults:
                try:
                    row, text = self._read_one(payload)
                except UndecodableError as error:
                    faults[position] = str(error)
            rows.append(row)
            texts.append(text)
        return rows, texts

    def _read_one(self, payload: bytes) -> tuple[Row, bytes]:
        try:
            check_utf8(payload)
            try:
                return self._row(payload), payload
            except (*JSON_ERRORS, OverflowError):
                text = nulled(payload)
                if text == payload:
                    raise
                return self._row(text), text
        except JSON_ERRORS as error:
            raise UndecodableError(json_reason(payload, error)) from None

    def _row(self, payload: bytes) -> Row:
        if self._struct is not None:
            try:
                return self._struct.row(self._struct.decoder.decode(payload))
            except msgspec.ValidationError:
                pass  # JSON, but not as expected: the walk accepts it after all, or knows why not
        event = self._any.decode(payload)
        if not isinstance(event, dict):
            raise UndecodableError(f"expected a JSON object for an event, got {json_type(event)}")
        return tuple(field.of(event) for field in self._fields)


def _rows_at_once(struct: EventStruct, payloads: Sequence[bytes]) -> list[Row] | None:
    """The rows of all payloads, or none if one of them needs a closer look."""
    # msgspec takes any white space, or none, for the end of a line. Payloads of which one holds two
    # events and another half of one could therefore pass for as many events as payloads. They cannot
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
