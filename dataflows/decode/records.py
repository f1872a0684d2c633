"""Events inside an envelope: ``{"imei": …, "data": [{"ts": …, "speed": …}, …]}`` with `payload.records`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dataflows.decode.faults import Faults, UndecodableError, json_reason
from dataflows.decode.fields import ARRAY_INDEX, EventFields, Row, tokens_of
from dataflows.decode.nonfinite import nonfinite_to_null
from dataflows.events import JSON_ERRORS

_OBJECT, _ARRAY = b"{", b"["


class RecordFinder:
    """Finds the records of a message, as bytes.

    Args:
        pointer: JSON pointer to them.
    """

    def __init__(self, pointer: str) -> None:
        self._pointer = pointer
        self._tokens = tokens_of(pointer)
        self._list = msgspec.json.Decoder(list[msgspec.Raw])
        self._map = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def find(self, message: bytes) -> list[tuple[str, bytes]]:
        """Key (empty if not in a map) and bytes of every record.

        An array is a list of records, an object whose values are all objects a map of them, and any other
        object a single record. ``null`` holds none.

        Raises:
            UndecodableError: there is nothing at the pointer, or neither an array nor an object.
            msgspec.DecodeError: the message is not JSON.
        """
        found = self._at_pointer(message)
        match found[:1]:
            case b"[":
                return [("", bytes(record)) for record in self._list.decode(found)]
            case b"{":
                records = [(key, bytes(record)) for key, record in self._map.decode(found).items()]
                is_map = bool(records) and all(record[:1] == _OBJECT for _, record in records)
                return records if is_map else [("", found)]
            case b"n":
                return []
        raise UndecodableError(
            f"expected an array or an object of events at {self._pointer}, as payload.records says, "
            f"got {'none' if not found else 'a single value'}"
        )

    def _at_pointer(self, message: bytes) -> bytes:
        """The JSON at the pointer; empty if there is none."""
        found = message.strip()
        # Also checks that everything around the records is JSON.
        msgspec.json.decode(found, type=msgspec.Raw)
        for token in self._tokens:
            inner: msgspec.Raw | None = None
            if found[:1] == _OBJECT:
                inner = self._map.decode(found).get(token)
            elif found[:1] == _ARRAY and ARRAY_INDEX.fullmatch(token):
                elements = self._list.decode(found)
                inner = elements[int(token)] if int(token) < len(elements) else None
            if inner is None:
                return b""
            found = bytes(inner)
        return found


class Envelopes:
    """Completes records with the id, time and name of a signal of the envelope around them.

    Args:
        fields: what is read of each record. Values of signals are not looked up in envelopes: a record
            without a signal would get a value of another time. Nor is the sequence: with that of the message
            all its records would be the same event.
    """

    def __init__(self, fields: EventFields) -> None:
        self._fields = fields.fields[: fields.values]
        self._places = [place for place in range(fields.values) if place != fields.sequence]
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def complete(
        self, rows: list[Row], messages: Sequence[int], payloads: Sequence[bytes], faults: Faults
    ) -> list[Row]:
        """The rows with what their records lack.

        Args:
            rows: n rows.
            messages: the position of each record's message.
            payloads: those of the messages.
            faults: records in it are left alone; gets those whose envelope has a wrong type there.
        """
        faulty = faults.mask(len(rows)).tolist()
        envelopes: dict[int, Any] = {}
        completed = []
        for position, row in enumerate(rows):
            lacking = [place for place in self._places if row[place] is self._fields[place].type.absent]
            if lacking and not faulty[position]:
                message = messages[position]
                try:
                    if message not in envelopes:
                        envelopes[message] = self._decoded(payloads[message])
                    row = self._completed(row, lacking, envelopes[message])
                except UndecodableError as error:
                    faults.add(position, str(error))
            completed.append(row)
        return completed

    def _completed(self, row: Row, lacking: Sequence[int], envelope: Any) -> Row:
        values = list(row)
        for place in lacking:
            values[place] = self._fields[place].of(envelope)
        return tuple(values)

    def _decoded(self, payload: bytes) -> Any:
        try:
            return self._decoder.decode(payload)
        except JSON_ERRORS:
            pass  # a number that JSON lacks
        try:
            return self._decoder.decode(nonfinite_to_null(payload))
        except JSON_ERRORS as error:
            raise UndecodableError(json_reason(payload, error)) from None
