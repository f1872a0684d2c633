"""The Bytewax step that scores, with one detector per shard."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream, StatefulBatchLogic
from threadpoolctl import threadpool_limits

from config.settings import Settings
from dataflows import metrics
from dataflows.decode.batch import TelemetryBatch
from dataflows.events import STATUS_NAMES
from dataflows.score.duplicates import DuplicateWatch
from dataflows.score.scorer import ScoredBatch, ShardScorer
from dataflows.stored_state import Stored

logger = logging.getLogger(__name__)

EVENTS_BY_STATUS = [metrics.EVENTS.labels(name) for name in STATUS_NAMES]


class _ShardLogic(StatefulBatchLogic[TelemetryBatch, ScoredBatch, Stored]):
    def __init__(self, scorer: ShardScorer, duplicates: DuplicateWatch) -> None:
        self._scorer = scorer
        self._duplicates = duplicates
        self._vehicles = 0
        self._forgotten = scorer.detector.vehicles_forgotten
        self._warned = False

    def on_batch(self, values: list[TelemetryBatch]) -> tuple[Iterable[ScoredBatch], bool]:
        scored = [self._scorer.score(batch) for batch in values]
        self._count(sum(map(len, values)), scored)
        return scored, self.RETAIN

    def snapshot(self) -> Stored:
        return self._scorer.snapshot()

    def _count(self, events: int, scored: list[ScoredBatch]) -> None:
        duplicates = events
        for batch in scored:
            counts = np.bincount(batch.scores.status, minlength=len(STATUS_NAMES)).tolist()
            for counter, count in zip(EVENTS_BY_STATUS, counts, strict=True):
                counter.inc(count)
            metrics.ANOMALIES.inc(int(np.count_nonzero(batch.scores.anomaly)))
            duplicates -= len(batch.rows)
        metrics.DUPLICATES.inc(duplicates)
        self._duplicates.count(events, duplicates)
        vehicles, forgotten = self._scorer.detector.vehicles, self._scorer.detector.vehicles_forgotten
        metrics.VEHICLES.inc(vehicles - self._vehicles)
        metrics.FORGOTTEN.inc(forgotten - self._forgotten)
        if forgotten > self._forgotten and not self._warned:
            self._warned = True
            logger.warning(
                "a shard has reached its limit of vehicles, keeps %d, and forgets those silent for longest; "
                "if all of them belong to your fleet, raise detector.vehicles or detector.shards",
                vehicles,
            )
        self._vehicles, self._forgotten = vehicles, forgotten


def score(step_id: str, up: KeyedStream[TelemetryBatch], settings: Settings) -> KeyedStream[ScoredBatch]:
    """Score batches keyed by shard.

    Args:
        step_id: names the step; also the key under which its state is recovered.
        up: batches keyed by shard, in arrival order.
        settings: all settings.

    Raises:
        SettingsError: the model cannot be created with these settings.
    """
    # One BLAS thread: with more, sums would be split differently and workers would compete for cores. Once
    # per process, because finding the libraries takes milliseconds.
    threadpool_limits(limits=1, user_api="blas")
    warm_up(settings)
    duplicates = DuplicateWatch()
    return op.stateful_batch(
        step_id, up, lambda snapshot: _ShardLogic(ShardScorer(settings, snapshot), duplicates)
    )


def check_snapshots(settings: Settings, snapshots: Iterable[Stored]) -> None:
    """Check that scoring can resume from all of these, by doing it.

    To be called before the engine starts: nothing has been read yet when it fails.

    Args:
        settings: all settings.
        snapshots: of shards, as stored.

    Raises:
        SettingsError: the model cannot be created with these settings.
        SnapshotError: one does not fit this version or these settings.
    """
    for snapshot in snapshots:
        ShardScorer(settings, snapshot)


def warm_up(settings: Settings) -> ScoredBatch:
    """Score invented events, so that no real one waits seconds for the compiled loops to be loaded.

    It also creates a model before there is any event, so wrong settings are reported at the start.
    """
    # Enough to learn thresholds; the last one arrives out of order.
    rows = settings.detector.start_up + 2
    times = np.arange(rows, dtype=np.int64) * 1_000_000
    times[-1] -= 1_500_000
    values = np.random.default_rng(0).normal(size=(rows, len(settings.signals)))
    texts = [""] * rows
    return ShardScorer(settings).score(TelemetryBatch(texts, texts, times, values, [b"{}"] * rows, times))
