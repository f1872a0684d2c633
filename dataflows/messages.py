"""Batches of raw messages as columns, as they pass from sources to sinks.

Operators exchange one object per batch, not one per message: passing an item along an edge of the dataflow
costs more than decoding it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """n messages, in the order in which a broker delivered them or a file holds them.

    Attributes:
        payloads: n payloads, untouched.
        topics: n topics (for a recording: the topic it was recorded from, or the file's stem).
        arrived: n arrival times, microseconds since 1970-01-01 UTC.
        origin: where the messages come from, e.g. ``"mqtt"``, ``"vehicle-telemetry/3"``, ``"trip.csv"``.
        offsets: n increasing positions within the origin; ``None`` if the origin has none (MQTT).
        keys: n message keys, empty if a message has none; ``None`` if messages cannot have keys (MQTT).
        partition: number of the Kafka partition that they all come from; ``None`` for other origins.
    """

    payloads: list[bytes]
    topics: list[str]
    arrived: list[int]
    origin: str
    offsets: list[int] | None = None
    keys: list[str] | None = None
    partition: int | None = None

    def __len__(self) -> int:
        return len(self.payloads)

    def part(self, start: int, end: int) -> MessageBatch:
        """Messages `start` to `end` (exclusive)."""
        if start == 0 and end == len(self):
            return self
        return replace(
            self,
            payloads=self.payloads[start:end],
            topics=self.topics[start:end],
            arrived=self.arrived[start:end],
            offsets=None if self.offsets is None else self.offsets[start:end],
            keys=None if self.keys is None else self.keys[start:end],
        )

    def take(self, positions: Sequence[int]) -> MessageBatch:
        """The messages at these positions, in this order."""
        return replace(
            self,
            payloads=[self.payloads[position] for position in positions],
            topics=[self.topics[position] for position in positions],
            arrived=[self.arrived[position] for position in positions],
            offsets=None if self.offsets is None else [self.offsets[position] for position in positions],
            keys=None if self.keys is None else [self.keys[position] for position in positions],
        )


@dataclass(frozen=True, slots=True)
class OutgoingBatch:
    """n messages for a sink.

    Attributes:
        keys: n keys; over MQTT, a sink that publishes by key appends them to its topic; over Kafka they are
            the message keys. The empty key means none.
        payloads: n payloads.
    """

    keys: list[str]
    payloads: list[bytes]

    def __len__(self) -> int:
        return len(self.payloads)
