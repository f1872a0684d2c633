"""Decoders and messages for tests that decode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from config.settings import DEFAULT_FILE, PayloadSettings, SignalSettings, load
from config.topic_template import TopicTemplate
from dataflows.decode import Decoded, Decoder
from dataflows.messages import MessageBatch
from dataflows.recordings import open_recording

ARRIVED = 1_767_225_600_000_000
"""When the first message of `messages` arrives, 2026-01-01 00:00 UTC; the others follow a second apart."""


def decoder(signals: Mapping[str, str] | None = None, *, topic: str = "+", **payload: Any) -> Decoder:
    """A decoder for ``{"vehicle_id": …, "ts": …, "speed": …, "rpm": …}``.

    Args:
        signals: name → pointer, instead of speed and rpm.
        topic: the template of the telemetry topic.
        payload: keys of `[payload]` to override.
    """
    settings = load(DEFAULT_FILE).payload.model_dump() | {"sequence": None, "max_bytes": 100_000}
    pointers = signals or {"speed": "/speed", "rpm": "/rpm"}
    return Decoder(
        PayloadSettings(**(settings | payload)),
        {name: SignalSettings(pointer=pointer) for name, pointer in pointers.items()},
        TopicTemplate(topic),
    )


def messages(
    *payloads: bytes, offsets: Sequence[int] | None = None, topic: str = "cars/VEH-9"
) -> MessageBatch:
    """These payloads as a batch from the origin ``origin``."""
    return MessageBatch(
        payloads=list(payloads),
        topics=[topic] * len(payloads),
        arrived=[ARRIVED + 1_000_000 * index for index in range(len(payloads))],
        origin="origin",
        offsets=None if offsets is None else list(offsets),
    )


def assert_same(one: Decoded, other: Decoded) -> None:
    """Assert that everything is equal, numbers to the bit."""
    assert one.telemetry.event_ids == other.telemetry.event_ids
    assert one.telemetry.vehicle_ids == other.telemetry.vehicle_ids
    assert one.telemetry.timestamps.tolist() == other.telemetry.timestamps.tolist()
    assert one.telemetry.values.shape == other.telemetry.values.shape
    np.testing.assert_array_equal(one.telemetry.values, other.telemetry.values)
    assert one.telemetry.telemetry == other.telemetry.telemetry
    assert one.dead_letters == other.dead_letters
    assert one.bad.tolist() == other.bad.tolist()


def whole(recording: Path) -> MessageBatch:
    """A recording as one batch."""
    opened = open_recording(recording)
    [batch] = opened.read(batch_size=1 << 20)
    return batch


def on_topics(*pairs: tuple[str, bytes]) -> MessageBatch:
    """A message on each of these topics."""
    batch = messages(*[payload for _, payload in pairs])
    batch.topics[:] = [topic for topic, _ in pairs]
    return batch
