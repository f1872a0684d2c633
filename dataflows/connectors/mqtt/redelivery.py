"""Recognises messages that a broker delivers again."""

from __future__ import annotations

import zlib

import numpy as np

STATE = np.dtype([("identifier", "<u2"), ("checksum", "<u4")])
"""One message in the resume state."""


class RedeliveryFilter:
    """Packet identifiers of the latest messages that were emitted, each with a checksum of its message.

    A broker redelivers an unacknowledged message under the same packet identifier, with the DUP flag (MQTT 5,
    4.4 and 3.3.1.1). So a message with the flag, whose identifier and checksum are known, has been emitted
    before; that includes one whose PUBACK was lost. A broker that got the PUBACK uses the identifier for
    another message, which then takes this one's place here: there are never more than the 65,535 identifiers.

    Only for messages that are all distinct: a message that equals an earlier one with the same identifier
    looks like its redelivery. 32 bits of checksum are enough, since it is compared with that of one message
    only.

    Args:
        state: from `snapshot`; ``None`` for none.
    """

    def __init__(self, state: bytes | None = None) -> None:
        messages = np.frombuffer(state or b"", STATE)
        identifiers, checksums = messages["identifier"].tolist(), messages["checksum"].tolist()
        self._checksums: dict[int, int] = dict(zip(identifiers, checksums, strict=True))
        self._uncovered: set[int] = set()

    def has(self, identifier: int, topic: str, payload: bytes) -> bool:
        """Whether a message that comes with the DUP flag has been emitted before."""
        return self._checksums.get(identifier) == _checksum(topic, payload)

    def is_covered(self, identifier: int) -> bool:
        """Whether a snapshot covers the message with this identifier."""
        return identifier not in self._uncovered

    def add(self, identifier: int, topic: str, payload: bytes) -> None:
        """Remember a message that is emitted for the first time."""
        self._checksums[identifier] = _checksum(topic, payload)
        self._uncovered.add(identifier)

    def snapshot(self) -> bytes:
        """Mark all messages as covered; returns the state for a later `RedeliveryFilter`."""
        self._uncovered.clear()
        return np.fromiter(self._checksums.items(), STATE, len(self._checksums)).tobytes()


def _checksum(topic: str, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(topic.encode()))
