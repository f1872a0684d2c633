"""Scored batches → messages on the enriched topic."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from config.settings import Settings
from dataflows.connectors.messages import OutgoingBatch
from dataflows.detector import Status
from dataflows.events import Enriched
from dataflows.score import ScoredBatch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUS_NAMES = tuple(status.name.lower() for status in Status)


class Encoder:
    """Encodes scored batches; the signals' names and plausible ranges are prepared once.

    Args:
        settings: all settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._scored = settings.scored_signals
        self._names = list(settings.signals)
        ranges = [(signal.min, signal.max) for signal in settings.signals.values()]
        self._lowest = np.array([-math.inf if low is None else low for low, _ in ranges])
        self._highest = np.array([math.inf if high is None else high for _, high in ranges])
        self._encoder = msgspec.json.Encoder()

    def encode(self, batch: ScoredBatch) -> OutgoingBatch:
        """One message an event, keyed by vehicle."""
        return OutgoingBatch(batch.telemetry.vehicle_ids, list(map(self._encoder.encode, self.events(batch))))

    def events(self, batch: ScoredBatch) -> list[Enriched]:
        """The batch as events of the wire contract."""
        telemetry, scores = batch.telemetry, batch.scores
        processed_at = datetime.now(UTC)
        implausible = self._implausible(telemetry.values)
        # A model that expects nothing cannot say which signal it was either.
        explains = bool(np.isfinite(scores.expected).all())
        # `tolist` first: reading numpy scalars one by one costs more than everything else here.
        columns = zip(
            telemetry.event_ids,
            telemetry.vehicle_ids,
            telemetry.timestamps.tolist(),
            telemetry.telemetry,
            scores.error.tolist(),
            scores.smoothed.tolist(),
            scores.threshold.tolist(),
            scores.anomaly.tolist(),
            scores.severity.tolist(),
            scores.status.tolist(),
            scores.expected.tolist(),
            scores.contributions.tolist(),
            scores.model_version.tolist(),
            implausible,
            strict=True,
        )
        return [
            Enriched(
                event_id=event_id,
                vehicle_id=vehicle_id,
                ts=EPOCH + timedelta(microseconds=timestamp),
                reconstruction_error=error,
                reconstruction_error_smoothed=smoothed,
                anomaly_threshold=None if math.isnan(threshold) else threshold,
                is_anomaly=anomaly,
                severity=severity,
                status=STATUS_NAMES[status],
                expected=dict(zip(self._scored, expected, strict=True)) if explains else {},
                contributions=dict(zip(self._scored, contributions, strict=True)) if explains else {},
                implausible=out_of_range,
                model_version=version,
                processed_at=processed_at,
                telemetry=original,
            )
            for (
                event_id,
                vehicle_id,
                timestamp,
                original,
                error,
                smoothed,
                threshold,
                anomaly,
                severity,
                status,
                expected,
                contributions,
                version,
                out_of_range,
            ) in columns
        ]

    def _implausible(self, values: np.ndarray) -> list[tuple[str, ...]]:
        outside = (values < self._lowest) | (values > self._highest)
        names: list[tuple[str, ...]] = [()] * len(values)
        for row in np.flatnonzero(outside.any(axis=1)).tolist():
            names[row] = tuple(self._names[column] for column in np.flatnonzero(outside[row]))
        return names
