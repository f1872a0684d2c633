"""Messages → the bytes of single events, by `payload.layout` and `payload.records`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from config.settings import PayloadSettings
from dataflows.decode.bad_values import BadValues
from dataflows.decode.faults import Faults, UndecodableError, check_utf8, json_reason
from dataflows.decode.nonfinite import mark_nonfinite, nonfinite_to_null, unmark_nonfinite
from dataflows.decode.records import RecordFinder
from dataflows.decode.series import SeriesReader
from dataflows.events import JSON_ERRORS
from dataflows.messages import MessageBatch

_JSON_TYPES = {
    b"{": "an object",
    b"[": "an array",
    b'"': "a string",
    b"t": "a boolean",
    b"f": "a boolean",
    b"n": "null",
}


@dataclass(frozen=True, slots=True)
class RawEvents:
    """The events of a batch of messages, before they are read. A message that has a fault is one event.

    Attributes:
        payloads: the bytes of each event.
        messages: the position in the batch of the message that each was in.
        indices: its position in the list or map; ``None`` where a message is one event.
        keys: its key in the map, empty in a list; ``None`` where a message is one event.
    """

    payloads: list[bytes]
    messages: Sequence[int]
    indices: list[int] | None = None
    keys: list[str] | None = None

    def __len__(self) -> int:
        return len(self.payloads)

    def take(self, positions: Sequence[int]) -> RawEvents:
        """The events at these positions, in this order."""
        return RawEvents(
            [self.payloads[position] for position in positions],
            [self.messages[position] for position in positions],
            None if self.indices is None else [self.indices[position] for position in positions],
            None if self.keys is None else [self.keys[position] for position in positions],
        )


class Splitter:
    """Splits messages into events; holds no state between batches.

    Args:
        payload: the layout of a message, and how long one may be.
        series: reads messages of the layout "series".
    """

    def __init__(self, payload: PayloadSettings, series: SeriesReader | None = None) -> None:
        self._layout = payload.layout
        self._records = None if payload.records is None else RecordFinder(payload.records)
        self._series = series
        self._max_bytes = payload.max_bytes
        self._list = msgspec.json.Decoder(list[msgspec.Raw])
        self._map = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def split(self, batch: MessageBatch, faults: Faults, bad: BadValues) -> RawEvents:
        """Split every message of a batch.

        Args:
            batch: the messages.
            faults: gets the messages that are too long or cannot be split.
            bad: gets the signals whose series cannot be read.
        """
        if self._layout == "event" and self._records is None:
            if max(map(len, batch.payloads), default=0) > self._max_bytes:
                for position, payload in enumerate(batch.payloads):
                    if len(payload) > self._max_bytes:
                        faults.add(position, self._too_long(payload))
            return RawEvents(batch.payloads, range(len(batch)))
        payloads: list[bytes] = []
        messages: list[int] = []
        indices: list[int] = []
        keys: list[str] = []
        for message, payload in enumerate(batch.payloads):
            try:
                parts = self._parts(payload)
                if self._series is not None:
                    parts = self._in_time(self._series, parts, len(payloads), faults, bad)
            except UndecodableError as error:
                faults.add(len(payloads), str(error))
                parts = [("", payload)]
            keys.extend(key for key, _ in parts)
            payloads.extend(part for _, part in parts)
            messages.extend([message] * len(parts))
            indices.extend(range(len(parts)))
        return RawEvents(payloads, messages, indices, keys)

    def _parts(self, payload: bytes) -> list[tuple[str, bytes]]:
        """Key (empty in a list) and bytes of every event in a list or map."""
        if len(payload) > self._max_bytes:
            raise UndecodableError(self._too_long(payload))
        try:
            check_utf8(payload)
            try:
                return self._decoded(payload)
            except JSON_ERRORS:
                # One event with a number that JSON lacks must not cost the others in its message.
                marked = self._decoded(mark_nonfinite(payload))
                return [(key, unmark_nonfinite(part)) for key, part in marked]
        except msgspec.ValidationError:  # of `list` or `map`, which say what they expect
            expected = "a JSON array of events" if self._layout == "list" else "a JSON object of events"
            got = _JSON_TYPES.get(payload.lstrip()[:1], "a number")
            raise UndecodableError(
                f"expected {expected}, as payload.layout is {self._layout!r}, got {got}"
            ) from None
        except JSON_ERRORS as error:
            raise UndecodableError(json_reason(payload, error)) from None

    def _decoded(self, payload: bytes) -> list[tuple[str, bytes]]:
        if self._records is not None:
            return self._records.find(payload)
        if self._layout == "series":
            return [("", payload)]
        if self._layout == "list":
            return [("", bytes(part)) for part in self._list.decode(payload)]
        return [(key, bytes(part)) for key, part in self._map.decode(payload).items()]

    def _in_time(
        self,
        series: SeriesReader,
        parts: list[tuple[str, bytes]],
        position: int,
        faults: Faults,
        bad: BadValues,
    ) -> list[tuple[str, bytes]]:
        """The events of messages or records that hold series, each with the key of its record.

        A record whose series cannot be read is one event, with a fault.
        """
        events: list[tuple[str, bytes]] = []
        for key, part in parts:
            try:
                found = series.events(nonfinite_to_null(part), position + len(events), bad)
            except JSON_ERRORS as error:
                faults.add(position + len(events), json_reason(part, error))
                found = [part]
            except UndecodableError as error:
                faults.add(position + len(events), str(error))
                found = [part]
            events.extend((key, event) for event in found)
        return events

    def _too_long(self, payload: bytes) -> str:
        return (
            f"expected a message of at most {self._max_bytes} bytes, got {len(payload)}; "
            "if senders do send such messages, raise payload.max_bytes"
        )
