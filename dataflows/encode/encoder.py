"""Scored batches → messages on the enriched topic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.clock import EPOCH
from dataflows.detector import Status
from dataflows.encode.json_kernel import RESOLUTION, SMALLEST
from dataflows.encode.json_rows import JsonRows, Kind, Members
from dataflows.messages import OutgoingBatch
from dataflows.score.scorer import ScoredBatch

STATUS_NAMES = tuple(status.name.lower() for status in Status)


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
        scored = settings.scored_signals
        self._explained, self._unexplained = JsonRows(_members(scored)), JsonRows(_members([]))

    def encode(self, batch: ScoredBatch) -> OutgoingBatch:
        """One message an event, keyed by vehicle: an `Enriched` in JSON."""
        telemetry, scores = batch.telemetry, batch.scores
        # Rounded, the error of an anomaly is still to be above the threshold.
        above = np.maximum(scores.threshold * (1.0 + RESOLUTION), SMALLEST)
        error = np.where(scores.anomaly, np.maximum(scores.error, above), scores.error)
        columns = [error, scores.smoothed, scores.threshold, scores.severity]
        # A model that expects nothing cannot say which signal it was either.
        explains = bool(np.isfinite(scores.expected).all())
        if explains:
            columns += [scores.expected, scores.contributions]
        payloads = (self._explained if explains else self._unexplained).write(
            np.column_stack(columns),
            [
                telemetry.event_ids,
                telemetry.vehicle_ids,
                list(map(EPOCH.__add__, telemetry.timestamps.astype("timedelta64[us]").tolist())),
                scores.anomaly.tolist(),
                list(map(STATUS_NAMES.__getitem__, scores.status.tolist())),
                scores.model_version.tolist(),
                [datetime.now(UTC)] * len(scores.error),
            ],
            [self._implausible(telemetry.values), telemetry.telemetry],
        )
        return OutgoingBatch(telemetry.vehicle_ids, payloads)

    def _implausible(self, values: NDArray[np.float64]) -> list[bytes]:
        outside = (values < self._lowest) | (values > self._highest)
        names = [b"[]"] * len(values)
        for row in np.flatnonzero(outside.any(axis=1)).tolist():
            names[row] = msgspec.json.encode([self._names[column] for column in np.flatnonzero(outside[row])])
        return names


def _members(signals: Sequence[str]) -> Members:
    """The members of an `Enriched`, in its order, with these signals explained."""
    by_signal: Members = dict.fromkeys(signals, Kind.NUMBER)
    return {
        "event_id": Kind.TEXT,
        "vehicle_id": Kind.TEXT,
        "ts": Kind.TEXT,
        "reconstruction_error": Kind.NUMBER,
        "reconstruction_error_smoothed": Kind.NUMBER,
        "anomaly_threshold": Kind.NUMBER,
        "is_anomaly": Kind.TEXT,
        "severity": Kind.NUMBER,
        "status": Kind.TEXT,
        "expected": by_signal,
        "contributions": by_signal,
        "implausible": Kind.JSON,
        "model_version": Kind.TEXT,
        "processed_at": Kind.TEXT,
        "telemetry": Kind.JSON,
    }
