"""Which messages of a session the broker may deliver again although they have been handed out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

STATE = np.dtype([("identifier", "<u2"), ("checksum", "<u4")])
"""One message in the resume state."""


class Unacknowledged:
    """Packet identifiers of messages that were handed out, each with a checksum of its message.

    A broker delivers an unacknowledged message again under the same packet identifier, with the DUP flag
    (MQTT 5, 4.4 and 3.3.1.1), and uses the identifier for another message only when it has the PUBACK. So a
    message with the flag, whose identifier and checksum are known, has been handed out before; every other
    one is new, also one of equal content. A checksum of 32 bits is enough: it is compared with that of one
    message only.

    A PUBACK can be lost with the connection, so a message is forgotten not when it is acknowledged but with
    the second snapshot after that, or when its identifier comes with another message.

    Args:
        state: as from `snapshot`; ``None`` for none.
    """

    def __init__(self, state: bytes | None = None) -> None:
        messages = np.frombuffer(state or b"", STATE)
        identifiers, checksums = messages["identifier"].tolist(), messages["checksum"].tolist()
        self._checksums: dict[int, int] = dict(zip(identifiers, checksums, strict=True))
        self._uncovered: set[int] = set()
        self._acknowledged: set[int] = set()
        self._acknowledged_before: set[int] = set()

    def __len__(self) -> int:
        return len(self._checksums)

    def has(self, identifier: int, topic: str, payload: bytes) -> bool:
        """Whether a message that comes with the DUP flag has been handed out before."""
        return self._checksums.get(identifier) == _checksum(topic, payload)

    def is_covered(self, identifier: int) -> bool:
        """Whether a message that has been handed out is covered by a snapshot."""
        return identifier not in self._uncovered

    def add(self, identifier: int, topic: str, payload: bytes) -> None:
        """A new message is handed out."""
        self._checksums[identifier] = _checksum(topic, payload)
        self._uncovered.add(identifier)
        self._acknowledged.discard(identifier)
        self._acknowledged_before.discard(identifier)

    def acknowledged(self, identifiers: Sequence[int]) -> None:
        """PUBACKs were sent for these, perhaps not for the first time."""
        self._acknowledged_before.difference_update(identifiers)
        self._acknowledged.update(identifiers)

    def snapshot(self) -> bytes:
        """All that was handed out is covered from now on; returns what a later `Unacknowledged` needs."""
        self._uncovered.clear()
        for identifier in self._acknowledged_before:
            del self._checksums[identifier]
        self._acknowledged_before, self._acknowledged = self._acknowledged, set()
        return np.fromiter(self._checksums.items(), STATE, len(self._checksums)).tobytes()


def _checksum(topic: str, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(topic.encode()))
