"""Decoded telemetry, column by column, and what could not be decoded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dataflows.decode.bad_values import BadValue
from dataflows.events import DeadLetter


@dataclass(frozen=True, slots=True)
class TelemetryBatch:
    """n decoded events in the order in which they arrived.

    Attributes:
        event_ids: n ids. If the origin has offsets: origin, offset and, in a list or a map, the position
            there, as in ``"vehicle-telemetry/3:17"``. Otherwise vehicle, time and the sequence, or a digest
            of the message, as in ``"VEH-1@1767225600000000#42"``. A redelivered event has the same id,
            unless there is neither an offset nor a time in the payload: its id then holds the arrival time.
        vehicle_ids: n texts of 1 to 256 characters, unchanged from the payload, the key of the map, the key
            of the message (Kafka), or a level of the topic.
        timestamps: n event times, microseconds since 1970-01-01 UTC, in the years 1900 to 2199.
        values: (n, S), the signals in the order of the catalogue, derived ones included, each in its own
            unit; NaN where missing, null, not finite or unreadable.
        telemetry: n original events, byte for byte, except for ``null`` in place of numbers that JSON or
            float64 lacks (numbers beyond float64 are kept in fields that no setting points to). Those of a
            series are put together from it, and a payload that is no JSON is the text of a JSON string.
        identities: n numbers, shape (n,): two events of a vehicle and a time are the same message, delivered
            again, if and only if theirs are equal.
        shard: number of the shard that all events belong to, once they are split.
    """

    event_ids: list[str]
    vehicle_ids: list[str]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    telemetry: list[bytes]
    identities: NDArray[np.int64]
    shard: int = 0

    def __len__(self) -> int:
        return len(self.event_ids)

    def take(self, rows: NDArray[np.intp]) -> TelemetryBatch:
        """The events at these positions, in this order."""
        event_ids, vehicle_ids, telemetry = (
            np.array(column, dtype=object)[rows].tolist()
            for column in (self.event_ids, self.vehicle_ids, self.telemetry)
        )
        return TelemetryBatch(
            event_ids,
            vehicle_ids,
            self.timestamps[rows],
            self.values[rows],
            telemetry,
            self.identities[rows],
            self.shard,
        )

    def part(self, rows: slice) -> TelemetryBatch:
        """The events of a slice; times and values are views."""
        return TelemetryBatch(
            self.event_ids[rows],
            self.vehicle_ids[rows],
            self.timestamps[rows],
            self.values[rows],
            self.telemetry[rows],
            self.identities[rows],
            self.shard,
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a batch of messages was decoded to.

    Attributes:
        telemetry: the good events.
        dead_letters: the others, in the order in which they arrived.
        bad: for every event, in that order, whether it became a dead letter. A list or a map that cannot
            be split counts as one event. Hence ``len(bad) == len(telemetry) + len(dead_letters)``.
        partition: number of the Kafka partition that all messages came from; ``None`` elsewhere.
        bad_values: signal → its values that could not be read, in events of `telemetry`, where they are NaN.
        ignored: name → how many events or messages named a signal that is not in the catalogue. They are
            neither in `telemetry` nor in `dead_letters`, nor counted in `bad`.
    """

    telemetry: TelemetryBatch
    dead_letters: list[DeadLetter]
    bad: NDArray[np.bool_]
    partition: int | None = None
    bad_values: dict[str, BadValue] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
