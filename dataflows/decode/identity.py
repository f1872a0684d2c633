"""Which events are the same message again, and the `event_id` that says so to readers.

Two events of a vehicle with the same time are two events. A duplicate is the same message once more:

- Where the origin has offsets (Kafka, files), they tell messages apart.
- Elsewhere (MQTT) `payload.sequence` tells events of one vehicle and time apart; for events without one it is
  a digest of topic and payload.
- An event without a time of its own has the time of its arrival. No two messages of a source have the same,
  so a position in the message is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.decode.splitter import RawEvents
from dataflows.messages import MessageBatch

_MIX = np.int64(-7046029254386353131)
"""2⁶⁴ divided by the golden ratio, as a signed number: spreads offsets, so that positions can be added."""


def by_offset(batch: MessageBatch, events: RawEvents) -> tuple[NDArray[np.int64], list[str]]:
    """Identities and event ids of n events whose origin has offsets.

    Args:
        batch: the messages, with offsets.
        events: their events.

    Returns:
        Identities, shape (n,), and n ids: ``"vehicle-telemetry/3:17"``, or ``"vehicle-telemetry/3:17:0"`` for
        the first event of a message that holds several.
    """
    assert batch.offsets is not None
    prefix = f"{batch.origin}:"
    offsets = np.array(batch.offsets, dtype=np.int64)
    if events.indices is None:
        return offsets, [f"{prefix}{offset}" for offset in batch.offsets]
    with np.errstate(over="ignore"):
        identities = offsets[np.array(events.messages, np.intp)] * _MIX + np.array(events.indices, np.int64)
    of_messages = [f"{prefix}{batch.offsets[message]}" for message in events.messages]
    return identities, [
        f"{message}:{index}" for message, index in zip(of_messages, events.indices, strict=True)
    ]


def by_content(
    batch: MessageBatch,
    events: RawEvents,
    sequences: Sequence[str],
    numbers: Sequence[Any] | None,
    *,
    has_time: bool,
) -> tuple[NDArray[np.int64], list[str]]:
    """Identities of n events whose origin has no offsets, and a text that tells those of one time apart.

    Args:
        batch: the messages.
        events: their events.
        sequences: `payload.sequence` of each event; empty where there is none.
        numbers: the same as it was sent; ``None`` if no setting points to it.
        has_time: whether events have a time of their own.

    Returns:
        Identities, shape (n,): equal only for the same message, among events of one vehicle and time. And n
        texts; empty if vehicle and time are enough.
    """
    if numbers is not None and set(map(type, numbers)) == {int}:
        try:
            return np.array(numbers, dtype=np.int64), list(sequences)
        except OverflowError:
            pass
    if has_time:
        texts = [
            sequence or _digest(batch.topics[message].encode() + b"\0" + payload).hex()
            for sequence, message, payload in zip(sequences, events.messages, events.payloads, strict=True)
        ]
    else:
        positions = [0] * len(events) if events.indices is None else events.indices
        texts = [
            sequence or str(position or "") for sequence, position in zip(sequences, positions, strict=True)
        ]
    digests = b"".join(_digest(text.encode()) for text in texts)
    return np.frombuffer(digests, "<i8").astype(np.int64), texts


def event_ids(vehicle_ids: Sequence[str], timestamps: Sequence[int], texts: Sequence[str]) -> list[str]:
    """Event ids where the origin has no offsets, such as ``"VEH-1@1767225600000000#42"``.

    Args:
        vehicle_ids: n vehicles.
        timestamps: n event times in microseconds.
        texts: from `by_content`.
    """
    return [
        f"{vehicle}@{timestamp}#{text}" if text else f"{vehicle}@{timestamp}"
        for vehicle, timestamp, text in zip(vehicle_ids, timestamps, texts, strict=True)
    ]


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).digest()
