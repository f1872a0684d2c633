"""What every source hands over and every sink takes: whole batches of raw messages as columns.

One object travels between operators per batch, not one per message: an item that crosses a
Bytewax edge costs more than decoding it does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """n messages in the order in which a broker or a file handed them over.

    Attributes:
        payloads: n payloads, untouched.
        topics: n topics (for a recording: the topic it was recorded from, or the file's stem).
        arrived: n arrival times, microseconds since 1970-01-01 UTC.
        origin: where the messages come from, e.g. ``"mqtt"``, ``"vehicle-telemetry/3"``, ``"trip.csv"``.
        offsets: n positions within the origin, rising; ``None`` where the origin has none (MQTT).
        keys: n message keys, empty where there is none; ``None`` where messages have no keys (MQTT).
        partition: number of the Kafka partition they all come from; ``None`` elsewhere.
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


@dataclass(frozen=True, slots=True)
class OutgoingBatch:
    """n messages for a sink.

    Attributes:
        keys: n keys; a sink that was told to publish by key appends them to its topic (MQTT) or
            uses them as message keys (Kafka). The empty key means none.
        payloads: n payloads.
    """

    keys: list[str]
    payloads: list[bytes]

    def __len__(self) -> int:
        return len(self.payloads)
