"""PUBACKs taken out of what an MQTT broker sends, many at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PUBACK = 0x40
"""First byte of the packet (MQTT 5, 3.4.1)."""

FAILURE = 0x80
"""Reason codes from here on say that a message was refused (MQTT 5, 2.4)."""

SHORTEST = 4
"""Bytes of a PUBACK without a reason code, which then is 0."""

FEW = 16
"""PUBACKs below which arrays of them take longer than one after the other."""

_MORE = 0x80
_HEADER = 2


class Acknowledgements:
    """Takes the PUBACKs out of the bytes of one connection, and leaves all other packets.

    Args:
        on_acknowledged: called with packet identifiers, and the first reason code among theirs that is a
            failure; 0 if there is none.
    """

    def __init__(self, on_acknowledged: Callable[[list[int], int], None]) -> None:
        self._on_acknowledged = on_acknowledged
        self._rest = b""

    def take(self, received: bytes) -> bytes:
        """Whole packets that are none; what is not whole yet is kept until the next call.

        Args:
            received: the next bytes of the connection.
        """
        data, at = self._rest + received, 0
        others = []
        while (end := _end_of_packet(data, at)) is not None:
            if data[at] == PUBACK:
                at = self._take_alike(data, at, end)
            else:
                others.append(data[at:end])
                at = end
        self._rest = data[at:]
        return b"".join(others)

    def _take_alike(self, data: bytes, at: int, end: int) -> int:
        """Take a PUBACK and those after it that have its length; returns where they end."""
        length = end - at
        if data[at + 1] & _MORE:  # it gives a reason in words: rare, and alone
            start = at + next(place for place in range(2, 5) if not data[at + place - 1] & _MORE)
            identifier, reason = int.from_bytes(data[start : start + 2], "big"), data[start + 2]
            self._on_acknowledged([identifier], reason if reason >= FAILURE else 0)
            return end
        if len(data) - at < FEW * length:
            identifier = data[at + 2] << 8 | data[at + 3]
            reason = data[at + 4] if length > SHORTEST else 0
            self._on_acknowledged([identifier], reason if reason >= FAILURE else 0)
            return end
        packets = np.frombuffer(data, np.uint8, (len(data) - at) // length * length, at).reshape(-1, length)
        alike = (packets[:, 0] == PUBACK) & (packets[:, 1] == length - _HEADER)
        packets = packets if alike.all() else packets[: int(np.argmin(alike))]
        identifiers = packets[:, 2].astype(np.int64) << 8 | packets[:, 3]
        failures = packets[packets[:, 4] >= FAILURE, 4] if length > SHORTEST else packets[:0, 0]
        self._on_acknowledged(identifiers.tolist(), int(failures[0]) if len(failures) else 0)
        return at + packets.size


def _end_of_packet(data: bytes, at: int) -> int | None:
    """Where the packet ends that begins at a position; none if it is not whole (MQTT 5, 1.5.5 and 2.1)."""
    length = 0
    for place in range(4):
        if at + 1 + place >= len(data):
            return None
        byte = data[at + 1 + place]
        length |= (byte & 0x7F) << 7 * place
        if not byte & _MORE:
            end = at + 2 + place + length
            return end if end <= len(data) else None
    return len(data)  # no such length: paho says what is wrong with it
