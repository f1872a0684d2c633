"""Which events are the same message again, and the `event_id` that says so to readers.

Two events of a vehicle with the same time are two events. A duplicate is the same message once more:

- Where the origin has offsets (Kafka, files), they tell messages apart.
- Elsewhere (MQTT) `payload.sequence` tells events of one vehicle and time apart; for events without one it is
  a digest of topic, signal name and payload.
- An event without a time of its own has the time of its arrival. No two messages of a source have the same,
  so a position in the message is enough.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.decode.splitter import RawEvents
from dataflows.messages import MessageBatch

_MIX = np.int64(-7046029254386353131)
"""2⁶⁴ divided by the golden ratio, as a signed number: spreads offsets, so that positions can be added."""

DIGEST_SIZE = 8
"""Bytes of a digest: as many as an identity has."""

_LEAST, _LARGEST = -(2**63), 2**63 - 1


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
    is_whole = events.indices is None and len(events) == len(batch)
    of_messages = batch.offsets if is_whole else [batch.offsets[message] for message in events.messages]
    prefix = f"{batch.origin}:"
    offsets, ids = _integers(of_messages), [f"{prefix}{offset}" for offset in of_messages]
    if events.indices is None:
        return offsets, ids
    with np.errstate(over="ignore"):
        identities = offsets * _MIX + np.array(events.indices, np.int64)
    return identities, [f"{text}:{index}" for text, index in zip(ids, events.indices, strict=True)]


def by_content(
    batch: MessageBatch,
    events: RawEvents,
    sequences: Sequence[str],
    numbers: Sequence[Any] | None,
    names: Sequence[str] | None,
    *,
    has_time: bool,
) -> tuple[NDArray[np.int64], list[str]]:
    """Identities of n events whose origin has no offsets, and a text that tells those of one time apart.

    Args:
        batch: the messages.
        events: their events.
        sequences: `payload.sequence` of each event; empty where there is none.
        numbers: the same as it was sent; ``None`` if no setting points to it.
        names: the one signal that each event holds; ``None`` where events hold any number.
        has_time: whether events have a time of their own.

    Returns:
        Identities, shape (n,): equal only for the same message, among events of one vehicle and time. And n
        texts; empty if vehicle and time are enough.
    """
    if numbers is not None and names is None:
        try:
            return _integers(numbers), list(sequences)
        except (TypeError, OverflowError):
            pass  # not all are integers of 64 bits: each event is looked at
    if has_time and names is None and not any(sequences):
        return _of_payloads(batch, events)
    positions = [0] * len(events) if events.indices is None else events.indices
    identities = np.empty(len(events), np.int64)
    texts = []
    for row, (sequence, message) in enumerate(zip(sequences, events.messages, strict=True)):
        name = "" if names is None else names[row]
        if not sequence and has_time:
            digest = _digest(_before(batch.topics[message], name) + events.payloads[row])
            identities[row] = int.from_bytes(digest, "little", signed=True)
            texts.append(digest.hex())
            continue
        if sequence:
            text = f"{name}:{sequence}" if name else sequence
        else:
            text = f"/{positions[row]}" if positions[row] else ""
        number = None if numbers is None or name else numbers[row]
        if type(number) is int and _LEAST <= number <= _LARGEST:
            identities[row] = number
        else:
            identities[row] = int.from_bytes(_digest(text.encode()), "little", signed=True)
        texts.append(text)
    return identities, texts


def _of_payloads(batch: MessageBatch, events: RawEvents) -> tuple[NDArray[np.int64], list[str]]:
    """As `by_content`, where nothing but the payload tells events of one vehicle and time apart."""
    before = {topic: _before(topic, "") for topic in set(batch.topics)}
    topics = batch.topics
    digests = b"".join(
        [
            _digest(before[topics[message]] + payload)
            for message, payload in zip(events.messages, events.payloads, strict=True)
        ]
    )
    text, width = digests.hex(), 2 * DIGEST_SIZE
    identities = np.frombuffer(digests, "<i8").astype(np.int64)
    return identities, [text[start : start + width] for start in range(0, len(text), width)]


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


def _integers(numbers: Sequence[Any]) -> NDArray[np.int64]:
    """Integers of 64 bits as an array, in a third of the time that numpy takes.

    Raises:
        TypeError: one is no integer.
        OverflowError: one needs more bits.
    """
    return np.frombuffer(array("q", numbers), np.int64)


def _before(topic: str, name: str) -> bytes:
    """What stands before the payload in what is digested."""
    return f"{topic}\0{name}\0".encode()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_SIZE).digest()
