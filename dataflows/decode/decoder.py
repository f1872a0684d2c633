"""Batches of raw messages → columns of telemetry, and a dead letter for everything else.

`[payload]` and `[signals.*]` describe what a message holds. Decoding never raises for what is in a message,
and never guesses: an event either has an id, a time and numbers, or becomes a dead letter that says why. If
a key occurs twice in an object, its last value counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.settings import PayloadSettings, SignalSettings
from dataflows.clock import utc
from dataflows.decode.batch import Decoded, TelemetryBatch
from dataflows.decode.columns import (
    identifiers,
    signal_values,
    timestamps_of_datetimes,
    timestamps_of_numbers,
)
from dataflows.decode.faults import Faults
from dataflows.decode.fields import EventFields, Row
from dataflows.decode.identity import by_content, by_offset
from dataflows.decode.identity import event_ids as ids_of
from dataflows.decode.reader import EventReader
from dataflows.decode.splitter import RawEvents, Splitter
from dataflows.events import DeadLetter
from dataflows.messages import MessageBatch


class Decoder:
    """Decodes batches of messages; holds no state between batches.

    Args:
        payload: where the parts of an event are in a message.
        signals: the signal catalogue: name → where the signal is in an event.
    """

    def __init__(self, payload: PayloadSettings, signals: Mapping[str, SignalSettings]) -> None:
        self._settings = payload
        self._signals = len(signals)
        self._fields = EventFields.of(payload, signals)
        self._splitter = Splitter(payload)
        self._reader = EventReader(self._fields)

    def decode(self, batch: MessageBatch) -> Decoded:
        """Decode every message of a batch. How messages are batched makes no difference to the events."""
        faults = Faults()
        events = self._splitter.split(batch, faults)
        rows, texts = self._reader.read(events.payloads, faults)
        telemetry = self._telemetry(batch, events, rows, texts, faults)
        letters = [self._dead_letter(batch, events, *fault) for fault in faults.in_order()]
        return Decoded(telemetry, letters, faults.mask(len(events)), batch.partition)

    def _telemetry(
        self, batch: MessageBatch, events: RawEvents, rows: list[Row], texts: list[bytes], faults: Faults
    ) -> TelemetryBatch:
        """The events that have no fault, neither an earlier one nor one that shows here."""
        if not rows:
            nothing = np.zeros(0, dtype=np.int64)
            return TelemetryBatch([], [], nothing, np.zeros((0, self._signals)), [], nothing)
        columns = list(zip(*rows, strict=True))
        values = signal_values(columns[-self._signals :], len(rows))
        vehicle_ids = self._vehicle_ids(batch, events, columns, faults)
        timestamps = self._timestamps(batch, events, columns, faults)
        sequences, numbers = self._sequences(columns, len(rows), faults)
        if batch.offsets is not None:
            identities, event_ids = by_offset(batch, events)
        else:
            has_time = self._fields.time is not None
            identities, told_by = by_content(batch, events, sequences, numbers, has_time=has_time)
            event_ids = ids_of(vehicle_ids, timestamps.tolist(), told_by)
        if not faults:
            return TelemetryBatch(event_ids, vehicle_ids, timestamps, values, texts, identities)
        good = ~faults.mask(len(rows))
        chosen = good.tolist()
        return TelemetryBatch(
            list(compress(event_ids, chosen)),
            list(compress(vehicle_ids, chosen)),
            timestamps[good],
            values[good],
            list(compress(texts, chosen)),
            identities[good],
        )

    def _vehicle_ids(
        self, batch: MessageBatch, events: RawEvents, columns: list[tuple[Any, ...]], faults: Faults
    ) -> list[str]:
        column: Sequence[str | int | None]
        if self._fields.vehicle_id is not None:
            column = columns[self._fields.vehicle_id]
            title = self._fields.fields[self._fields.vehicle_id].title
        elif self._settings.vehicle_id == "topic":
            levels = [topic.rpartition("/")[2] for topic in batch.topics]
            column = [levels[message] for message in events.messages]
            title = "the vehicle id as the last level of the topic"
        elif self._settings.layout == "map" and events.keys is not None:
            column, title = events.keys, "the vehicle id as the event's key in the map"
        else:
            keys = batch.keys or [""] * len(batch)
            column = [keys[message] for message in events.messages]
            title = "the vehicle id as the key of the message"
        return identifiers(column, title, faults)

    def _timestamps(
        self, batch: MessageBatch, events: RawEvents, columns: list[tuple[Any, ...]], faults: Faults
    ) -> NDArray[np.int64]:
        if self._fields.time is None:
            return np.array([batch.arrived[message] for message in events.messages], dtype=np.int64)
        column, title = columns[self._fields.time], self._fields.fields[self._fields.time].title
        if self._settings.time_format == "iso8601":
            return timestamps_of_datetimes(column, title, faults)
        return timestamps_of_numbers(column, self._settings.time_format, title, faults)

    def _sequences(
        self, columns: list[tuple[Any, ...]], events: int, faults: Faults
    ) -> tuple[list[str], tuple[Any, ...] | None]:
        """`payload.sequence` of each event as text, and as it was sent."""
        if self._fields.sequence is None:
            return [""] * events, None
        column, title = columns[self._fields.sequence], self._fields.fields[self._fields.sequence].title
        return identifiers(column, title, faults, required=False), column

    def _dead_letter(self, batch: MessageBatch, events: RawEvents, position: int, reason: str) -> DeadLetter:
        message, payload = events.messages[position], events.payloads[position]
        longest = self._settings.max_bytes
        return DeadLetter(
            reason=reason,
            # A dead letter must fit where the message came from; base64 makes it a third longer.
            payload=payload[:longest],
            length=len(payload) if len(payload) > longest else None,
            topic=batch.topics[message],
            partition=batch.origin,
            offset=None if batch.offsets is None else batch.offsets[message],
            arrived_at=utc(batch.arrived[message]),
        )
