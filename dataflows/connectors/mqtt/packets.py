"""PUBLISH and PUBACK packets in the byte stream of an MQTT connection, in both directions.

paho creates a dozen objects and makes several system calls for every message and every PUBACK, which takes
several times as long as decoding, scoring and encoding the event. So these two kinds of packets are read and
written here, many at a time; the rest of the protocol, malformed packets included, is left to paho.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

PUBLISH, PUBACK = 0x30, 0x40
"""Packet types: the upper half of the first byte (MQTT 5, 2.1.2)."""

DUP, QOS, QOS_2, QOS_1, RETAIN = 0x08, 0x06, 0x04, 0x02, 0x01
"""Flags in the first byte of a PUBLISH (MQTT 5, 3.3.1); DUP marks one that was sent before."""

MORE = 0x80
"""Bit that is set in every byte of a length but the last (MQTT 5, 1.5.5)."""

LONGEST_LENGTH = 4
"""Bytes that encode a packet's length, at most."""

LARGEST_PACKET = 268_435_455
"""Bytes, the largest length that can be encoded (MQTT 5, 1.5.5)."""

LONGEST_TOPIC = 65_535
"""Bytes (MQTT 5, 1.5.4)."""

KNOWN_TOPICS = 65_536
"""Topics that are decoded or encoded only once; about 20 MB when full."""

PINGRESP = b"\xd0\x00"
"""The answer to a PINGREQ (MQTT 5, 3.13)."""

IDENTIFIER = 2
"""Bytes of a packet identifier; a PUBACK that holds nothing else reports success."""

FAILURE = 0x80
"""Reason codes from here on report a refusal (MQTT 5, 2.4)."""

MANY, MOST = 16, 1024
"""PUBACKs of one length that are decoded as an array: with fewer than `MANY` a loop is faster, and more than
`MOST` would be compared in vain, since the array ends at the first packet of another length."""


class PacketReader(ABC):
    """Takes packets of one kind out of what a broker sends on one connection, and leaves the others."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0

    def take(self, received: bytes) -> bytes:
        """Take packets, and return those of other kinds. An incomplete packet is kept until the next call.

        Args:
            received: the next bytes of the connection.
        """
        data = received
        if self._rest:
            self._rest += received
            if len(self._rest) < self._wanted:
                return b""  # scanning a large packet again with every piece of it would be quadratic
            data = bytes(self._rest)
        at, others = 0, []
        while (end := _end_of_packet(data, at)) is not None and end <= len(data):
            taken = self._taken(data, at, end)
            if taken is None:
                others.append(data[at:end])
            at = end if taken is None else taken
        self._rest, self._wanted = bytearray(data[at:]), (end or 0) - at
        self._all_taken()
        return b"".join(others)

    @abstractmethod
    def _taken(self, data: bytes, at: int, end: int) -> int | None:
        """Take the packet from `at` to `end`, and perhaps those that follow.

        Returns:
            where the last one taken ends; ``None`` if this packet is not of the reader's kind.
        """

    @abstractmethod
    def _all_taken(self) -> None:
        """Called after the last complete packet."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that the broker has delivered.

    Attributes:
        payload: untouched.
        topic: bytes in it that are not UTF-8, which MQTT forbids, are escaped with backslashes.
        packet_identifier: to acknowledge it with; 0 for QoS 0.
        is_repeated: the broker has sent it before and got no acknowledgement (the DUP flag).
    """

    payload: bytes
    topic: str
    packet_identifier: int
    is_repeated: bool


class PublishReader(PacketReader):
    """Takes the PUBLISH packets with QoS 0 and 1 of one connection.

    Args:
        version_5: whether packets have properties, as in MQTT 5.
        on_delivered: called with the messages, in the order in which they came.
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
        found = _length_at(data, at + 1)
        if found is None or found[0] < 2:
            return None
        place = found[1]
        topic_end = place + 2 + (data[place] << 8 | data[place + 1])
        has_identifier = first & QOS > 0
        if topic_end + IDENTIFIER * has_identifier > end:
            return None
        topic = _decoded_topic(data[place + 2 : topic_end])
        identifier, place = 0, topic_end
        if has_identifier:
            identifier, place = data[place] << 8 | data[place + 1], place + IDENTIFIER
        if self._version_5:
            found = _length_at(data, place)
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


class PubackReader(PacketReader):
    """Takes the PUBACKs of one connection.

    Args:
        on_acknowledged: called with packet identifiers; and with the identifier and reason code of the first
            of them that was refused, ``None`` if all were accepted.
    """

    def __init__(self, on_acknowledged: Callable[[list[int], tuple[int, int] | None], None]) -> None:
        super().__init__()
        self._on_acknowledged = on_acknowledged
        self._identifiers: list[int] = []
        self._refused: tuple[int, int] | None = None

    def _taken(self, data: bytes, at: int, end: int) -> int | None:
        """Take a PUBACK, and if many of its length follow, those as well."""
        found = _length_at(data, at + 1)
        if data[at] != PUBACK or found is None or found[0] < IDENTIFIER:
            return None
        length, place = end - at, found[1]
        has_reason = found[0] > IDENTIFIER
        last = at + (MANY - 1) * length
        if place != at + 2 or last + length > len(data) or data[last : last + 2] != data[at : at + 2]:
            self._note([data[place] << 8 | data[place + 1]], [data[place + 2]] if has_reason else [])
            return end
        rows = min((len(data) - at) // length, MOST)
        packets = np.frombuffer(data, np.uint8, rows * length, at).reshape(rows, length)
        alike = (packets[:, 0] == PUBACK) & (packets[:, 1] == data[at + 1])
        packets = packets if alike.all() else packets[: int(np.argmin(alike))]
        identifiers = (packets[:, 2].astype(np.int64) << 8 | packets[:, 3]).tolist()
        self._note(identifiers, packets[:, 4].tolist() if has_reason else [])
        return at + packets.size

    def _note(self, identifiers: list[int], reasons: list[int]) -> None:
        self._identifiers += identifiers
        if self._refused is None and reasons and max(reasons) >= FAILURE:
            pairs = zip(identifiers, reasons, strict=True)
            self._refused = next(pair for pair in pairs if pair[1] >= FAILURE)

    def _all_taken(self) -> None:
        if self._identifiers:
            identifiers, self._identifiers = self._identifiers, []
            refused, self._refused = self._refused, None
            self._on_acknowledged(identifiers, refused)


def publish_packet(first: bytes, topic: bytes, identifier: int, properties: bytes, payload: bytes) -> bytes:
    """A PUBLISH with QoS 1 (MQTT 5, 3.3).

    Args:
        first: the first byte: type and flags.
        topic: as `encoded_topic` returns it.
        identifier: the packet identifier, 1 to 65,535.
        properties: their length and themselves; empty in MQTT 3.1.1.
        payload: untouched.

    Raises:
        ValueError: the packet would be larger than `LARGEST_PACKET`.
    """
    length = _length_bytes(len(topic) + IDENTIFIER + len(properties) + len(payload))
    return b"".join((first, length, topic, identifier.to_bytes(IDENTIFIER, "big"), properties, payload))


def pubacks(packet_identifiers: Iterable[int]) -> list[bytes]:
    """PUBACKs without a reason code, which report success in both versions (MQTT 5, 3.4.2.1)."""
    head = bytes([PUBACK, IDENTIFIER])
    return [head + identifier.to_bytes(IDENTIFIER, "big") for identifier in packet_identifiers]


@lru_cache(KNOWN_TOPICS)
def encoded_topic(topic: str) -> bytes:
    """A topic as a packet holds it, with its length.

    Raises:
        ValueError: it is too long, or nobody can publish to it.
    """
    encoded = topic.encode()
    if not 0 < len(encoded) <= LONGEST_TOPIC:
        raise ValueError(f"expected a topic of 1 to {LONGEST_TOPIC} bytes, got {len(encoded)}")
    if "+" in topic or "#" in topic:
        raise ValueError("expected a topic without the wildcards + and #")
    return len(encoded).to_bytes(2, "big") + encoded


def topic_of(packet: bytes) -> str:
    """The topic of a PUBLISH as `publish_packet` makes it."""
    found = _length_at(packet, 1)
    assert found is not None
    start = found[1] + 2
    return packet[start : start + int.from_bytes(packet[start - 2 : start], "big")].decode()


@lru_cache(KNOWN_TOPICS)
def _decoded_topic(encoded: bytes) -> str:
    return encoded.decode("utf-8", "backslashreplace")


def _end_of_packet(data: bytes, at: int) -> int | None:
    """Where the packet that starts at a position ends; ``None`` while its length is incomplete."""
    found = _length_at(data, at + 1)
    if found is None:
        # A length has no fifth byte: everything is left to paho, which reports the error.
        return len(data) if len(data) > at + LONGEST_LENGTH else None
    length, start = found
    return start + length


def _length_at(data: bytes, at: int) -> tuple[int, int] | None:
    """The length encoded at a position, and the position after it; ``None`` while it is incomplete."""
    length = 0
    for place in range(min(LONGEST_LENGTH, len(data) - at)):
        byte = data[at + place]
        length |= (byte & 0x7F) << 7 * place
        if not byte & MORE:
            return length, at + place + 1
    return None


def _length_bytes(length: int) -> bytes:
    if length > LARGEST_PACKET:
        raise ValueError(f"expected a packet of at most {LARGEST_PACKET} bytes, got {length}")
    encoded = bytearray()
    while length >= MORE:
        encoded.append(length & 0x7F | MORE)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)
