"""PUBACKs taken out of what an MQTT broker sends, many at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dataflows.connectors.mqtt_packets import MORE, PacketReader, length_at

PUBACK = 0x40
"""First byte of the packet (MQTT 5, 3.4.1)."""

FAILURE = 0x80
"""Reason codes from here on say that a message was refused (MQTT 5, 2.4)."""

SHORTEST = 4
"""Bytes of a PUBACK without a reason code, which then is 0."""

FEW = 16
"""PUBACKs below which arrays of them take longer than one after the other."""


class Acknowledgements(PacketReader):
    """Takes the PUBACKs.

    Args:
        on_acknowledged: called with packet identifiers, and the first reason code among theirs that is a
            failure; 0 if there is none.
    """

    def __init__(self, on_acknowledged: Callable[[list[int], int], None]) -> None:
        super().__init__()
        self._on_acknowledged = on_acknowledged

    def _taken(self, data: bytes, at: int, end: int) -> int | None:
        """Take a PUBACK, and those after it that have its length."""
        length = end - at
        if data[at] != PUBACK or length < SHORTEST:
            return None
        if data[at + 1] & MORE or len(data) - at < FEW * length:
            found = length_at(data, at + 1)
            assert found is not None
            place = found[1]
            reason = data[place + 2] if found[0] > 2 else 0
            self._on_acknowledged([data[place] << 8 | data[place + 1]], reason if reason >= FAILURE else 0)
            return end
        packets = np.frombuffer(data, np.uint8, (len(data) - at) // length * length, at).reshape(-1, length)
        alike = (packets[:, 0] == PUBACK) & (packets[:, 1] == data[at + 1])
        packets = packets if alike.all() else packets[: int(np.argmin(alike))]
        identifiers = packets[:, 2].astype(np.int64) << 8 | packets[:, 3]
        failures = packets[packets[:, 4] >= FAILURE, 4] if length > SHORTEST else packets[:0, 0]
        self._on_acknowledged(identifiers.tolist(), int(failures[0]) if len(failures) else 0)
        return at + packets.size
