"""Batches of raw messages → columns of telemetry, and a dead letter for everything else.

`[payload]` and `[signals.*]` describe what a message holds. Decoding never raises for what is in a message,
and never guesses: an event either has an id and a time, or becomes a dead letter that says why. A value that
cannot be read is missing in its event, and counted. Of a key that occurs twice, the last value counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.settings import PayloadSettings, Settings, SignalSettings
from config.topic_template import TopicTemplate
from dataflows.clock import utc
from dataflows.decode.bad_values import BadValues
from dataflows.decode.batch import Decoded, TelemetryBatch
from dataflows.decode.columns import identifiers, signal_values
from dataflows.decode.derived import DerivedSignals
from dataflows.decode.faults import Faults
from dataflows.decode.feedback import rule_out_enriched_events
from dataflows.decode.field_types import signal_type
from dataflows.decode.fields import EventFields, Row
from dataflows.decode.identity import by_content, by_offset
from dataflows.decode.identity import event_ids as ids_of
from dataflows.decode.named_values import NamedValues, WholePayloadReader
from dataflows.decode.reader import EventReader
from dataflows.decode.records import Envelopes
from dataflows.decode.scaling import Scaling
from dataflows.decode.series import SeriesReader
from dataflows.decode.splitter import RawEvents, Splitter
from dataflows.decode.texts import TextValues
from dataflows.decode.times import EventTimes
from dataflows.events import DeadLetter
from dataflows.messages import MessageBatch

LAST_LEVEL = TopicTemplate("+")
"""Topics whose last level is the vehicle."""

KNOWN_TOPICS = 65_536
"""Topics that are matched with the template only once."""


class Decoder:
    """Decodes batches of messages; holds no state between batches.

    Args:
        payload: where the parts of an event are in a message.
        signals: the signal catalogue: name → where the signal is in an event, or how it is computed.
        topic: the telemetry topic, which may name the vehicle and the signal.
    """

    def __init__(
        self,
        payload: PayloadSettings,
        signals: Mapping[str, SignalSettings],
        topic: TopicTemplate = LAST_LEVEL,
    ) -> None:
        is_value = topic.names_signal and payload.value is None
        if is_value:
            nothing_else = {"vehicle_id": "topic", "time": None, "sequence": None, "value": "/"}
            payload = payload.model_copy(update=nothing_else)
        self._settings = payload
        self._signals = len(signals)
        self._vehicle_of = lru_cache(KNOWN_TOPICS)(topic.vehicle_of)
        self._signal_of = lru_cache(KNOWN_TOPICS)(topic.signal_of)
        self._topic = topic
        texts = TextValues(payload.missing, payload.true, payload.false, payload.decimal)
        value_type = signal_type(texts)
        self._times = EventTimes.of(payload.time_format, payload.time_zone)
        measured = {name: signal for name, signal in signals.items() if not signal.is_derived}
        self._fields = EventFields.of(payload, measured, time_type=self._times.type, signal_type=value_type)
        self._named = NamedValues(measured, value_type)
        series = SeriesReader(payload, measured, self._times) if payload.layout == "series" else None
        self._splitter = Splitter(payload, series)
        self._reader = WholePayloadReader() if is_value else EventReader(self._fields)
        self._envelopes = None if payload.records is None else Envelopes(self._fields)
        self._scaling = Scaling.of(measured.values())
        self._derived = DerivedSignals.of(signals)

    @classmethod
    def of(cls, settings: Settings) -> Decoder:
        """The decoder of the telemetry that the settings describe."""
        return cls(settings.payload, settings.signals, settings.topics.telemetry_template)

    def decode(self, batch: MessageBatch) -> Decoded:
        """Decode every message of a batch. How messages are batched makes no difference to the events."""
        ignored: dict[str, int] = {}
        if self._topic.names_signal:
            batch, ignored = self._of_known_signals(batch)
        faults, bad = Faults(), BadValues()
        events = self._splitter.split(batch, faults, bad)
        rows, texts = self._reader.read(events.payloads, faults, bad)
        if self._envelopes is not None:
            rows = self._envelopes.complete(rows, events.messages, batch.payloads, faults)
        if self._fields.signal is not None:
            names = [row[self._fields.signal] for row in rows]
            events, rows, texts, faults, ignored = self._of_known_names(names, events, rows, texts, faults)
        telemetry = self._telemetry(batch, events, rows, texts, faults, bad)
        letters = [self._dead_letter(batch, events, *fault) for fault in faults.in_order()]
        is_faulty = faults.mask(len(events))
        bad_values = bad.by_signal(is_faulty)
        return Decoded(telemetry, letters, is_faulty, batch.partition, bad_values, ignored)

    def _of_known_signals(self, batch: MessageBatch) -> tuple[MessageBatch, dict[str, int]]:
        """The messages on topics of the catalogue or of no signal; counts of the others, by signal."""
        names = [self._signal_of(topic) for topic in batch.topics]
        unknown = Counter(name for name in names if name and not self._named.knows(name))
        if not unknown:
            return batch, {}
        known = [position for position, name in enumerate(names) if name not in unknown]
        return batch.take(known), dict(unknown)

    def _of_known_names(
        self, names: list[Any], events: RawEvents, rows: list[Row], texts: list[bytes], faults: Faults
    ) -> tuple[RawEvents, list[Row], list[bytes], Faults, dict[str, int]]:
        """The events that name a signal of the catalogue or none; counts of the others, by signal."""
        unknown = Counter(
            name for name in names if name not in (None, "") and not self._named.knows(str(name))
        )
        if not unknown:
            return events, rows, texts, faults, {}
        known = [position for position, name in enumerate(names) if name not in unknown]
        chosen = [rows[position] for position in known], [texts[position] for position in known]
        ignored = {str(name): count for name, count in unknown.items()}
        return events.take(known), *chosen, faults.of_events(known), ignored

    def _telemetry(
        self,
        batch: MessageBatch,
        events: RawEvents,
        rows: list[Row],
        texts: list[bytes],
        faults: Faults,
        bad: BadValues,
    ) -> TelemetryBatch:
        """The events that have no fault, neither an earlier one nor one that shows here."""
        if not rows:
            nothing = np.zeros(0, dtype=np.int64)
            return TelemetryBatch([], [], nothing, np.zeros((0, self._signals)), [], nothing)
        columns = list(zip(*rows, strict=True))
        names = self._signal_names(batch, events, columns, faults)
        values = self._values(names, columns, len(events), bad)
        rule_out_enriched_events(events, values, faults)
        vehicle_ids = self._vehicle_ids(batch, events, columns, faults)
        timestamps = self._timestamps(batch, events, columns, faults)
        sequences, numbers = self._sequences(columns, len(rows), faults)
        if batch.offsets is not None:
            identities, event_ids = by_offset(batch, events)
        else:
            has_time = self._settings.has_time
            if self._settings.layout == "series":
                # The sequence is that of the whole message.
                sequences, numbers = [""] * len(events), None
            identities, told_by = by_content(batch, events, sequences, numbers, names, has_time=has_time)
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
            if self._topic.names_vehicle:
                of_topics = self._vehicles_of_topics(batch, events)
                pairs = zip(column, of_topics, strict=True)
                column = [of_topic if value in (None, "") else value for value, of_topic in pairs]
        elif self._settings.vehicle_id == "topic":
            column = self._vehicles_of_topics(batch, events)
            title = "the vehicle id as the last level of the topic"
            if self._topic.names_vehicle:
                title = f"the vehicle id in the topic, as in {self._topic.text}"
        else:
            keys = batch.keys or [""] * len(batch)
            column = [keys[message] for message in events.messages]
            title = "the vehicle id as the key of the message"
            if self._settings.layout == "map" and events.keys is not None:
                column, title = events.keys, "the vehicle id as the event's key in the map"
            elif self._settings.records is not None and events.keys is not None:
                column = [key or of_message for key, of_message in zip(events.keys, column, strict=True)]
                title = "the vehicle id as the key of the event or message"
        return identifiers(column, title, faults)

    def _vehicles_of_topics(self, batch: MessageBatch, events: RawEvents) -> list[str]:
        vehicles = [self._vehicle_of(topic) for topic in batch.topics]
        return [vehicles[message] for message in events.messages]

    def _signal_names(
        self, batch: MessageBatch, events: RawEvents, columns: list[tuple[Any, ...]], faults: Faults
    ) -> list[str] | None:
        """The signal that each event names; ``None`` where events hold any number of them."""
        if self._fields.signal is not None:
            title = self._fields.fields[self._fields.signal].title
            return identifiers(columns[self._fields.signal], title, faults)
        if self._topic.names_signal:
            of_messages = [self._signal_of(topic) for topic in batch.topics]
            column = [of_messages[message] for message in events.messages]
            return identifiers(column, f"a signal in the topic, as in {self._topic.text}", faults)
        return None

    def _values(
        self, names: list[str] | None, columns: list[tuple[Any, ...]], events: int, bad: BadValues
    ) -> NDArray[np.float64]:
        if names is None:
            values = signal_values(columns[self._fields.values :], events)
        else:
            values = self._named.matrix(names, columns[self._fields.values], bad)
        values = values if self._scaling is None else self._scaling.applied(values)
        return values if self._derived is None else self._derived.added_to(values)

    def _timestamps(
        self, batch: MessageBatch, events: RawEvents, columns: list[tuple[Any, ...]], faults: Faults
    ) -> NDArray[np.int64]:
        fields = self._fields
        if self._settings.time == "key" and events.keys is not None and fields.time is None:
            title = "the event time as the event's key in the map"
            return self._times.timestamps_of_texts(events.keys, title, faults)
        if fields.time is None:
            return np.array([batch.arrived[message] for message in events.messages], dtype=np.int64)
        column, title = columns[fields.time], fields.fields[fields.time].title
        if fields.time_of_day is None:
            return self._times.timestamps(column, title, faults)
        parts = zip(column, columns[fields.time_of_day], strict=True)
        joined = [None if None in part else f"{part[0]} {part[1]}" for part in parts]
        title = f"{title} and {fields.fields[fields.time_of_day].pointer}"
        return self._times.timestamps_of_texts(joined, title, faults)

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
