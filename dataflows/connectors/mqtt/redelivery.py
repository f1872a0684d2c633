"""Which messages of a session have been handed out, so that one that is delivered again is recognised."""

from __future__ import annotations

import zlib

import numpy as np

STATE = np.dtype([("identifier", "<u2"), ("checksum", "<u4")])
"""One message in the resume state."""


class HandedOut:
    """Packet identifiers of the messages that were handed out last, each with a checksum of its message.

    A broker delivers an unacknowledged message again under the same packet identifier, with the DUP flag
    (MQTT 5, 4.4 and 3.3.1.1). So a message with the flag, whose identifier and checksum are known, has been
    handed out before; that is also so if it was acknowledged and the PUBACK got lost. A broker that has the
    PUBACK uses the identifier for another message, which then takes its place here: there are never more than
    the 65,535 identifiers.

    Only for messages no two of which are the same: one of equal content under a used identifier could not be
    told from one that is delivered again. A checksum of 32 bits is enough, since it is compared with that of
    one message only.

    Args:
        state: as from `snapshot`; ``None`` for none.
    """

    def __init__(self, state: bytes | None = None) -> None:
        messages = np.frombuffer(state or b"", STATE)
        identifiers, checksums = messages["identifier"].tolist(), messages["checksum"].tolist()
        self._checksums: dict[int, int] = dict(zip(identifiers, checksums, strict=True))
        self._uncovered: set[int] = set()

    def has(self, identifier: int, topic: str, payload: bytes) -> bool:
        """Whether a message that comes with the DUP flag has been handed out before."""
        return self._checksums.get(identifier) == _checksum(topic, payload)

    def is_covered(self, identifier: int) -> bool:
        """Whether the message of this identifier is covered by a snapshot."""
        return identifier not in self._uncovered

    def add(self, identifier: int, topic: str, payload: bytes) -> None:
        """A new message is handed out."""
        self._checksums[identifier] = _checksum(topic, payload)
        self._uncovered.add(identifier)

    def snapshot(self) -> bytes:
        """All that was handed out is covered from now on; returns what a later `HandedOut` needs."""
        self._uncovered.clear()
        return np.fromiter(self._checksums.items(), STATE, len(self._checksums)).tobytes()


def _checksum(topic: str, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(topic.encode()))
