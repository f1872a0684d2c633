"""The packets in the bytes of an MQTT connection."""

from __future__ import annotations

from abc import ABC, abstractmethod

PUBLISH, PUBACK = 0x30, 0x40
"""Kinds of packets: upper half of their first byte (MQTT 5, 2.1.2)."""

DUP = 0x08
"""Flag of a PUBLISH that was sent before (MQTT 5, 3.3.1.1)."""

MORE = 0x80
"""Bit of a byte of a length that says that another one follows (MQTT 5, 1.5.5)."""

LONGEST_LENGTH = 4
"""Bytes of a packet's length."""

LARGEST_PACKET = 268_435_455
"""Bytes that a packet's length can tell (MQTT 5, 1.5.5)."""


class PacketReader(ABC):
    """Takes packets of one kind out of what a broker sends on one connection, and leaves all others."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0

    def take(self, received: bytes) -> bytes:
        """The packets of other kinds; what is not whole yet is kept until the next call.

        Args:
            received: the next bytes of the connection.
        """
        data = received
        if self._rest:
            self._rest += received
            if len(self._rest) < self._wanted:
                return b""  # to look through a large packet at each of its pieces would take for ever
            data = bytes(self._rest)
        at, others = 0, []
        while (end := end_of_packet(data, at)) is not None and end <= len(data):
            taken = self._taken(data, at, end)
            if taken is None:
                others.append(data[at:end])
            at = end if taken is None else taken
        self._rest, self._wanted = bytearray(data[at:]), (end or 0) - at
        self._all_taken()
        return b"".join(others)

    @abstractmethod
    def _taken(self, data: bytes, at: int, end: int) -> int | None:
        """Take the packet from `at` to `end`, or more; returns where they end, ``None`` if it takes none."""

    def _all_taken(self) -> None:  # noqa: B027 - not all kinds have something to do
        """Called after the last packet that is whole."""


def end_of_packet(data: bytes, at: int) -> int | None:
    """Where the packet ends that begins at a position; ``None`` if its length is not whole (MQTT 5, 2.1)."""
    found = length_at(data, at + 1)
    if found is None:
        # A length of more bytes there is not: paho says what is wrong with it.
        return len(data) if len(data) > at + LONGEST_LENGTH else None
    length, start = found
    return start + length


def length_at(data: bytes, at: int) -> tuple[int, int] | None:
    """A length at a position, and where what it measures begins; ``None`` if it is not whole."""
    length = 0
    for place in range(min(LONGEST_LENGTH, len(data) - at)):
        byte = data[at + place]
        length |= (byte & 0x7F) << 7 * place
        if not byte & MORE:
            return length, at + place + 1
    return None


def length_bytes(length: int) -> bytes:
    """A length as `length_at` reads it.

    Raises:
        ValueError: it is beyond `LARGEST_PACKET`.
    """
    if length > LARGEST_PACKET:
        raise ValueError(f"expected a packet of at most {LARGEST_PACKET} bytes, got {length}")
    encoded = bytearray()
    while length >= MORE:
        encoded.append(length & 0x7F | MORE)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)
