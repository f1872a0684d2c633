"""Telemetry of an imaginary fleet, as messages, for tests of the whole flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from config.settings import Settings, SignalSettings
from dataflows.messages import MessageBatch

START = datetime(2026, 1, 1, tzinfo=UTC)
SIGNALS = {
    "speed": SignalSettings(pointer="/speed", unit="km/h", min=0.0, max=250.0),
    "rpm": SignalSettings(pointer="/rpm", unit="1/min"),
    "latitude": SignalSettings(pointer="/latitude", role="position"),
}


def quick(settings: Settings, **update: Any) -> Settings:
    """Settings with `SIGNALS` under which a few dozen events per shard are enough for verdicts."""
    detector = settings.detector.model_copy(
        update={"shards": 2, "start_up": 30, "window": 4, "learn_every": 64}
    )
    return settings.model_copy(update={"signals": SIGNALS, "detector": detector, **update})


def telemetry(events: int, vehicles: int = 4, seed: int = 0, *, equal_times: bool = False) -> list[bytes]:
    """Payloads in the layout of config/fleet.toml: rpm follows speed.

    Args:
        events: how many.
        vehicles: which send one after the other, each once a second.
        seed: of the noise.
        equal_times: whether one event in five has the time of its vehicle's event before.
    """
    random = np.random.default_rng(seed)
    payloads = []
    for number in range(events):
        second = number // vehicles
        if equal_times:
            second -= second // 5
        speed = 60 + 10 * float(np.sin(number / 20)) + float(random.normal())
        payloads.append(
            msgspec.json.encode(
                {
                    "vehicle_id": f"VEH-{number % vehicles}",
                    "ts": (START + timedelta(seconds=second)).isoformat(),
                    "sequence": number // vehicles,
                    "speed": speed,
                    "rpm": 30 * speed + float(random.normal(scale=5)),
                    "latitude": 48.1,
                }
            )
        )
    return payloads


def without_offsets(payloads: Sequence[bytes], size: int) -> list[MessageBatch]:
    """As over MQTT: an event is identified by vehicle, time and sequence, wherever it is in the stream."""
    return [replace(batch, offsets=None) for batch in batches(list(payloads), size)]


def batches(payloads: list[bytes], size: int, origin: str = "test") -> list[MessageBatch]:
    """The payloads in batches of `size`, with offsets."""
    return [
        MessageBatch(
            payloads=payloads[start : start + size],
            topics=["fleet/telemetry/any"] * len(payloads[start : start + size]),
            arrived=[0] * len(payloads[start : start + size]),
            origin=origin,
            offsets=list(range(start, min(start + size, len(payloads)))),
        )
        for start in range(0, len(payloads), size)
    ]
