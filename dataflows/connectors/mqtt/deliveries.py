"""Messages taken out of what an MQTT broker sends, many at a time, and the PUBACKs for them.

As with `in_flight`: paho makes a dozen objects of every message, for properties that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from dataflows.connectors.mqtt.packets import DUP, PUBACK, PUBLISH, PacketReader, length_at

QOS, QOS_2 = 0x06, 0x04
"""Bits of the quality of service in the first byte of a PUBLISH (MQTT 5, 3.3.1.2)."""

KNOWN_TOPICS = 65_536


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it was delivered.

    Attributes:
        payload: untouched.
        topic: what is no UTF-8 in it, which is forbidden, is escaped with backslashes.
        packet_identifier: to acknowledge it by; 0 with QoS 0.
        is_repeated: the broker had sent it before, without an answer (the DUP flag).
    """

    payload: bytes
    topic: str
    packet_identifier: int
    is_repeated: bool


class Deliveries(PacketReader):
    """Takes the PUBLISH packets with QoS 0 and 1 of one connection.

    Args:
        version_5: whether packets have properties, as in MQTT 5.
        on_delivered: called with messages in the order in which they came.
    """

    def __init__(self, *, version_5: bool, on_delivered: Callable[[list[Delivery]], None]) -> None:
        super().__init__()
        self._version_5 = version_5
        self._on_delivered = on_delivered
        self._delivered: list[Delivery] = []

    def _taken(self, data: bytes, at: int, end: int) -> int | None:
        first = data[at]
        if first & 0xF0 != PUBLISH or first & QOS >= QOS_2:
            return None
        found = length_at(data, at + 1)
        # What is malformed is not taken: paho says what is wrong with it.
        if found is None or found[0] < 2:
            return None
        place = found[1]
        topic_end = place + 2 + (data[place] << 8 | data[place + 1])
        has_identifier = first & QOS > 0
        if topic_end + 2 * has_identifier > end:
            return None
        topic = _topic(data[place + 2 : topic_end])
        identifier, place = 0, topic_end
        if has_identifier:
            identifier, place = data[place] << 8 | data[place + 1], place + 2
        if self._version_5:
            found = length_at(data, place)
            if found is None:
                return None
            place = found[1] + found[0]
        if place > end:
            return None
        self._delivered.append(Delivery(data[place:end], topic, identifier, bool(first & DUP)))
        return end

    def _all_taken(self) -> None:
        if self._delivered:
            delivered, self._delivered = self._delivered, []
            self._on_delivered(delivered)


def pubacks(packet_identifiers: Iterable[int]) -> list[bytes]:
    """PUBACKs without a reason, which say that all is well, in both versions (MQTT 5, 3.4.2.1)."""
    head = bytes([PUBACK, 2])
    return [head + identifier.to_bytes(2, "big") for identifier in packet_identifiers]


@lru_cache(KNOWN_TOPICS)
def _topic(encoded: bytes) -> str:
    return encoded.decode("utf-8", "backslashreplace")
