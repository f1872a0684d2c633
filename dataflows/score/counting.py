"""What scoring counts and measures, once per batch."""

from __future__ import annotations

import logging
import math

import numpy as np

from dataflows import metrics
from dataflows.events import STATUS_NAMES
from dataflows.score.duplicates import DuplicateWatch
from dataflows.score.scorer import ScoredBatch, ShardScorer
from dataflows.state_size import StateSize
from dataflows.stored_state import Stored

logger = logging.getLogger(__name__)

EVENTS_BY_STATUS = [metrics.EVENTS.labels(name) for name in STATUS_NAMES]


class ScoringMetrics:
    """The metrics of the shard of one scorer, which may have been restored.

    Args:
        scorer: of the shard.
        duplicates: watches those of all shards.
        step: in which it scores.
    """

    def __init__(self, scorer: ShardScorer, duplicates: DuplicateWatch, step: str) -> None:
        self._scorer = scorer
        self._duplicates = duplicates
        self._size = StateSize(step)
        self._vehicles = 0
        self._learning = scorer.detector.learning_seconds
        self._forgotten = scorer.detector.vehicles_forgotten
        self._drifts = 0
        self._warned = False
        self._shard: int | None = None

    def count(self, events: int, scored: list[ScoredBatch], seconds: float) -> None:
        """Count what was scored.

        Args:
            events: that were to be scored, duplicates included.
            scored: what came of them.
            seconds: that scoring and learning took.
        """
        duplicates = events
        for batch in scored:
            counts = np.bincount(batch.scores.status, minlength=len(STATUS_NAMES)).tolist()
            for counter, count in zip(EVENTS_BY_STATUS, counts, strict=True):
                counter.inc(count)
            metrics.ANOMALIES.inc(int(np.count_nonzero(batch.scores.anomaly)))
            duplicates -= len(batch.rows)
        metrics.DUPLICATES.inc(duplicates)
        self._duplicates.count(events, duplicates)
        detector = self._scorer.detector
        learning = detector.learning_seconds - self._learning
        metrics.SCORING.inc(max(0.0, seconds - learning))
        if scored and scored[0].telemetry.shard != self._shard:
            self._shard = scored[0].telemetry.shard
            self._describe_shard()
        elif learning:
            self._describe_shard()
        self._learning = detector.learning_seconds
        metrics.LEARNING.inc(learning)
        metrics.VEHICLES.inc(detector.vehicles - self._vehicles)
        self._vehicles = detector.vehicles
        self._count_forgotten()

    def snapshot(self, stored: Stored) -> Stored:
        """Measure what is stored of the shard, and return it."""
        return self._size.of(stored)

    def _describe_shard(self) -> None:
        """What changes only when a block was learned."""
        shard, detector, drift = str(self._shard), self._scorer.detector, self._scorer.drift
        metrics.THRESHOLD.labels(shard).set(detector.threshold)
        metrics.MODEL_VERSION.labels(shard).set(detector.version)
        metrics.DRIFTS.labels(shard).inc(drift.reported - self._drifts)
        self._drifts = drift.reported
        if detector.learned:
            metrics.MEAN_ERROR.labels(shard).set(math.exp(detector.learned[-1].mean_log_error))

    def _count_forgotten(self) -> None:
        forgotten = self._scorer.detector.vehicles_forgotten
        metrics.FORGOTTEN.inc(forgotten - self._forgotten)
        if forgotten > self._forgotten and not self._warned:
            self._warned = True
            logger.warning(
                "a shard has reached its limit of vehicles, keeps %d, and forgets those silent for longest; "
                "if all of them belong to your fleet, raise detector.vehicles or detector.shards",
                self._vehicles,
                extra={"shard": self._shard, "vehicles": self._vehicles},
            )
        self._forgotten = forgotten
