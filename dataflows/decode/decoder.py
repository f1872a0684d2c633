"""Batches of raw messages to columns of telemetry, and a dead letter for everything that is not.

What stands where in a message is told by `[payload]` and `[signals.*]`. Decoding never raises for
what a message holds, and never guesses: an event either has an id, a time and numbers, or becomes a
dead letter that says why. Of a key that occurs twice in an object, the last value counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.settings import PayloadSettings, SignalSettings
from dataflows.decode.batch import Decoded, TelemetryBatch
from dataflows.decode.columns import (
    EPOCH,
    identifiers,
    signal_values,
    timestamps_of_datetimes,
    timestamps_of_numbers,
)
from dataflows.decode.event_struct import Row
from dataflows.decode.fields import EventFields, UndecodableError
from dataflows.decode.nonfinite import quoted, unquoted
from dataflows.decode.reader import JSON_ERRORS, EventReader, Faults, check_utf8, json_reason
from dataflows.events import DeadLetter
from dataflows.messages import MessageBatch

MAX_REASON_CHARACTERS = 400

_JSON_TYPES = {
    b"{": "an object",
    b"[": "an array",
    b'"': "a string",
    b"t": "a boolean",
    b"f": "a boolean",
    b"n": "null",
}


@dataclass(frozen=True, slots=True)
class _Events:
    """The events of a batch before they are read: of each its bytes and where it was.

    Attributes:
        payloads: the bytes of each event, or of a whole message that has a fault.
        messages: the message each was in.
        indices: its position in the list or map; none where a message is one event.
        keys: its key in the map; none elsewhere.
    """

    payloads: list[bytes]
    messages: Sequence[int]
    indices: list[int] | None = None
    keys: list[str] | None = None


class Decoder:
    """Decodes batches of messages; holds no state between them."""

    def __init__(self, payload: PayloadSettings, signals: Mapping[str, SignalSettings]) -> None:
        self._settings = payload
        self._fields = EventFields.of(payload, signals)
        self._reader = EventReader(self._fields)
        self._signals = len(signals)
        self._list = msgspec.json.Decoder(list[msgspec.Raw])
        self._map = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def decode(self, batch: MessageBatch) -> Decoded:
        """Decode every message of a batch; what the batches are makes no difference to the events."""
        faults: Faults = {}
        events = self._events(batch, faults)
        if not events.payloads:
            return Decoded(self._nothing(), [], np.zeros(0, dtype=np.bool_), batch.partition)
        rows, texts = self._reader.read(events.payloads, faults)
        telemetry = self._telemetry(batch, events, rows, texts, faults)
        bad = np.zeros(len(rows), dtype=np.bool_)
        if not faults:
            return Decoded(telemetry, [], bad, batch.partition)
        positions = sorted(faults)
        bad[positions] = True
        letters = [self._dead_letter(batch, events, position, faults[position]) for position in positions]
        return Decoded(telemetry.take(np.flatnonzero(~bad)), letters, bad, batch.partition)

    def _events(self, batch: MessageBatch, faults: Faults) -> _Events:
        if self._settings.layout == "event":
            longest = self._settings.max_bytes
            if max(map(len, batch.payloads), default=0) > longest:
                for position, payload in enumerate(batch.payloads):
                    if len(payload) > longest:
                        faults[position] = self._too_long(payload)
            return _Events(batch.payloads, range(len(batch)))
        payloads: list[bytes] = []
        messages: list[int] = []
        indices: list[int] = []
        keys: list[str] = []
        for message, payload in enumerate(batch.payloads):
            try:
                parts = self._parts(payload)
            except UndecodableError as error:
                faults[len(messages)] = str(error)
                parts = [("", payload)]
            keys.extend(key for key, _ in parts)
            payloads.extend(part for _, part in parts)
            messages.extend([message] * len(parts))
            indices.extend(range(len(parts)))
        return _Events(payloads, messages, indices, keys)

    def _parts(self, payload: bytes) -> list[tuple[str, bytes]]:
        """Key (empty in a list) and bytes of every event in a list or map."""
        if len(payload) > self._settings.max_bytes:
            raise UndecodableError(self._too_long(payload))
        try:
            check_utf8(payload)
            try:
                return self._take_apart(payload)
            except JSON_ERRORS:
                # As strings, numbers that JSON lacks do not keep the other events from being read.
                return [(key, unquoted(part)) for key, part in self._take_apart(quoted(payload))]
        except msgspec.ValidationError:
            expected = "an array of events" if self._settings.layout == "list" else "an object of events"
            got = _JSON_TYPES.get(payload.lstrip()[:1], "a number")
            raise UndecodableError(f"expected {expected}, got {got}") from None
        except JSON_ERRORS as error:
            raise UndecodableError(json_reason(payload, error)) from None

    def _take_apart(self, payload: bytes) -> list[tuple[str, bytes]]:
        if self._settings.layout == "list":
            return [("", bytes(part)) for part in self._list.decode(payload)]
        return [(key, bytes(part)) for key, part in self._map.decode(payload).items()]

    def _telemetry(
        self, batch: MessageBatch, events: _Events, rows: list[Row], texts: list[bytes], faults: Faults
    ) -> TelemetryBatch:
        """All events; those with a fault hold anything."""
        columns = list(zip(*rows, strict=True))
        values = signal_values(columns[-self._signals :], len(rows))
        vehicle_ids = identifiers(self._vehicles(batch, events, columns), "the vehicle id", faults)
        timestamps = self._timestamps(batch, events, columns, faults)
        sequences = [""] * len(rows)
        if self._fields.sequence is not None:
            column = columns[self._fields.sequence]
            sequences = identifiers(column, "the sequence", faults, required=False)
        ids = _event_ids(batch, events, vehicle_ids, timestamps.tolist(), sequences)
        return TelemetryBatch(ids, vehicle_ids, timestamps, values, texts)

    def _vehicles(
        self, batch: MessageBatch, events: _Events, columns: list[tuple[Any, ...]]
    ) -> Sequence[str | int | None]:
        if self._fields.vehicle_id is not None:
            return columns[self._fields.vehicle_id]
        if self._settings.vehicle_id == "key":
            if self._settings.layout == "map" and events.keys is not None:
                return events.keys
            message_keys = batch.keys or [""] * len(batch)
            return [message_keys[message] for message in events.messages]
        levels = [topic.rpartition("/")[2] for topic in batch.topics]
        return [levels[message] for message in events.messages]

    def _timestamps(
        self, batch: MessageBatch, events: _Events, columns: list[tuple[Any, ...]], faults: Faults
    ) -> NDArray[np.int64]:
        if self._fields.time is None:
            return np.array([batch.arrived[message] for message in events.messages], dtype=np.int64)
        column = columns[self._fields.time]
        if self._settings.time_format == "iso8601":
            return timestamps_of_datetimes(column, faults)
        return timestamps_of_numbers(column, self._settings.time_format, faults)

    def _dead_letter(self, batch: MessageBatch, events: _Events, position: int, reason: str) -> DeadLetter:
        message, payload = events.messages[position], events.payloads[position]
        longest = self._settings.max_bytes
        return DeadLetter(
            reason=reason[:MAX_REASON_CHARACTERS],
            # A dead letter must fit where the message came from; base64 makes it a third longer.
            payload=payload[:longest],
            length=len(payload) if len(payload) > longest else None,
            topic=batch.topics[message],
            partition=batch.origin,
            offset=None if batch.offsets is None else batch.offsets[message],
            arrived_at=EPOCH + timedelta(microseconds=batch.arrived[message]),
        )

    def _nothing(self) -> TelemetryBatch:
        return TelemetryBatch([], [], np.zeros(0, dtype=np.int64), np.zeros((0, self._signals)), [])

    def _too_long(self, payload: bytes) -> str:
        return (
            f"expected at most {self._settings.max_bytes} bytes, got {len(payload)}; "
            "if that is what the senders send, raise payload.max_bytes"
        )


def _event_ids(
    batch: MessageBatch,
    events: _Events,
    vehicle_ids: list[str],
    timestamps: list[int],
    sequences: list[str],
) -> list[str]:
    if batch.offsets is not None:
        before = f"{batch.origin}:"
        if events.indices is None:
            return [f"{before}{offset}" for offset in batch.offsets]
        positions = [f"{before}{batch.offsets[message]}" for message in events.messages]
        return [f"{position}:{index}" for position, index in zip(positions, events.indices, strict=True)]
    return [
        f"{vehicle}@{timestamp}#{sequence}" if sequence else f"{vehicle}@{timestamp}"
        for vehicle, timestamp, sequence in zip(vehicle_ids, timestamps, sequences, strict=True)
    ]
