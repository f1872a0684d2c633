"""Scored batches → messages on the enriched topic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.connectors.messages import OutgoingBatch
from dataflows.detector import Status
from dataflows.events import Enriched
from dataflows.score import ScoredBatch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUS_NAMES = tuple(status.name.lower() for status in Status)

Row = Callable[..., msgspec.Struct]
"""Makes one object of its values in their order."""


class Encoder:
    """Encodes scored batches; the signals' names and plausible ranges are prepared once.

    Args:
        settings: all settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._names = list(settings.signals)
        ranges = [(signal.min, signal.max) for signal in settings.signals.values()]
        self._lowest = np.array([-math.inf if low is None else low for low, _ in ranges])
        self._highest = np.array([math.inf if high is None else high for _, high in ranges])
        self._signals = _row("Signals", settings.scored_signals, float)
        self._event = _row("Event", [field.encode_name for field in msgspec.structs.fields(Enriched)], Any)
        encoder = msgspec.json.Encoder()
        self._encode, self._encode_into = encoder.encode, encoder.encode_into
        self._buffer = bytearray()

    def encode(self, batch: ScoredBatch) -> OutgoingBatch:
        """One message an event, keyed by vehicle: an `Enriched` in JSON."""
        telemetry, scores = batch.telemetry, batch.scores
        verdict = np.isfinite(scores.threshold)
        thresholds: Sequence[float | None] = scores.threshold.tolist()
        if not verdict.all():
            thresholds = [value if known else None for value, known in zip(thresholds, verdict, strict=True)]
        # A model that expects nothing cannot say which signal it was either.
        explains = bool(np.isfinite(scores.expected).all())
        # Column by column, and objects made by `map`: no line of Python runs per event.
        events = map(
            self._event,
            telemetry.event_ids,
            telemetry.vehicle_ids,
            map(EPOCH.__add__, telemetry.timestamps.astype("timedelta64[us]").tolist()),
            scores.error.tolist(),
            scores.smoothed.tolist(),
            thresholds,
            scores.anomaly.tolist(),
            scores.severity.tolist(),
            map(STATUS_NAMES.__getitem__, scores.status.tolist()),
            self._by_signal(scores.expected) if explains else repeat({}),
            self._by_signal(scores.contributions) if explains else repeat({}),
            self._implausible(telemetry.values),
            scores.model_version.tolist(),
            repeat(msgspec.Raw(self._encode(datetime.now(UTC)))),
            telemetry.telemetry,
        )
        encode, buffer = self._encode_into, self._buffer
        # Into the same memory again and again: a text of its own would grow step by step.
        payloads = [(encode(event, buffer), bytes(buffer))[1] for event in events]
        return OutgoingBatch(telemetry.vehicle_ids, payloads)

    def _by_signal(self, values: NDArray[np.float64]) -> map[msgspec.Struct]:
        return map(self._signals, *values.T.tolist())

    def _implausible(self, values: NDArray[np.float64]) -> list[tuple[str, ...]]:
        outside = (values < self._lowest) | (values > self._highest)
        names: list[tuple[str, ...]] = [()] * len(values)
        for row, column in zip(*map(np.ndarray.tolist, np.nonzero(outside)), strict=True):
            names[row] += (self._names[column],)
        return names


def _row(name: str, keys: Sequence[str], kind: Any) -> Row:
    """A struct that takes the values of these keys by position, which is many times faster than a dict.

    Args:
        name: of the struct.
        keys: its keys in JSON, any text.
        kind: type of all values.
    """
    fields = [f"field_{number}" for number in range(len(keys))]
    return msgspec.defstruct(
        name, [(field, kind) for field in fields], rename=dict(zip(fields, keys, strict=True)), gc=False
    )
