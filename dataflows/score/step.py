"""The Bytewax step that scores, with one detector per shard."""

from __future__ import annotations

import time
from collections.abc import Iterable

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream, StatefulBatchLogic
from threadpoolctl import threadpool_limits

from config.settings import Settings
from dataflows.decode.batch import TelemetryBatch
from dataflows.score.counting import ScoringMetrics
from dataflows.score.duplicates import DuplicateWatch
from dataflows.score.scorer import ScoredBatch, ShardScorer
from dataflows.stored_state import Stored


class _ShardLogic(StatefulBatchLogic[TelemetryBatch, ScoredBatch, Stored]):
    def __init__(self, scorer: ShardScorer, counted: ScoringMetrics) -> None:
        self._scorer = scorer
        self._counted = counted

    def on_batch(self, values: list[TelemetryBatch]) -> tuple[Iterable[ScoredBatch], bool]:
        began = time.perf_counter()
        scored = [self._scorer.score(batch) for batch in values]
        self._counted.count(sum(map(len, values)), scored, time.perf_counter() - began)
        return scored, self.RETAIN

    def snapshot(self) -> Stored:
        return self._counted.snapshot(self._scorer.snapshot())


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

    def build(snapshot: Stored | None) -> _ShardLogic:
        scorer = ShardScorer(settings, snapshot)
        return _ShardLogic(scorer, ScoringMetrics(scorer, duplicates, step_id))

    return op.stateful_batch(step_id, up, build)


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
