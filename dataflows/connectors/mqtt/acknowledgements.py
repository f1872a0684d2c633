"""PUBACKs taken out of what an MQTT broker sends, many at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dataflows.connectors.mqtt.packets import PUBACK, PacketReader, length_at

FAILURE = 0x80
"""Reason codes from here on say that a message was refused (MQTT 5, 2.4)."""

IDENTIFIER = 2
"""Bytes of a packet identifier; a PUBACK that has nothing else says that all is well."""

MANY, MOST = 16, 1024
"""PUBACKs of one length from which on they are taken as an array; with fewer it takes longer than one after
the other. And at most, since only those up to the next of another length count."""


class Acknowledgements(PacketReader):
    """Takes the PUBACKs.

    Args:
        on_acknowledged: called with packet identifiers, and the first reason code among theirs that is a
            failure; 0 if there is none.
    """

    def __init__(self, on_acknowledged: Callable[[list[int], int], None]) -> None:
        super().__init__()
        self._on_acknowledged = on_acknowledged
        self._identifiers: list[int] = []
        self._failure = 0

    def _taken(self, data: bytes, at: int, end: int) -> int | None:
        """Take a PUBACK, and those after it that have its length if there are many."""
        found = length_at(data, at + 1)
        if data[at] != PUBACK or found is None or found[0] < IDENTIFIER:
            return None  # what is malformed is paho's, too: it says what is wrong with it
        length, place = end - at, found[1]
        last = at + (MANY - 1) * length
        if place != at + 2 or last + length > len(data) or data[last : last + 2] != data[at : at + 2]:
            self._identifiers.append(data[place] << 8 | data[place + 1])
            reason = data[place + 2] if found[0] > IDENTIFIER else 0
            self._failure = self._failure or (reason if reason >= FAILURE else 0)
            return end
        rows = min((len(data) - at) // length, MOST)
        packets = np.frombuffer(data, np.uint8, rows * length, at).reshape(rows, length)
        alike = (packets[:, 0] == PUBACK) & (packets[:, 1] == data[at + 1])
        packets = packets if alike.all() else packets[: int(np.argmin(alike))]
        self._identifiers += (packets[:, 2].astype(np.int64) << 8 | packets[:, 3]).tolist()
        if found[0] > IDENTIFIER:
            failures = packets[packets[:, 4] >= FAILURE, 4]
            self._failure = self._failure or (int(failures[0]) if len(failures) else 0)
        return at + packets.size

    def _all_taken(self) -> None:
        if self._identifiers:
            identifiers, self._identifiers = self._identifiers, []
            failure, self._failure = self._failure, 0
            self._on_acknowledged(identifiers, failure)
