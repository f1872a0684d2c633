"""The Bytewax operator that holds one detector per shard."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream, StatefulBatchLogic
from threadpoolctl import threadpool_limits

from config.settings import Settings
from dataflows import metrics
from dataflows.decode.batch import TelemetryBatch
from dataflows.events import STATUS_NAMES
from dataflows.score.models import model_maker
from dataflows.score.scorer import ScoredBatch, ShardScorer

logger = logging.getLogger(__name__)

EVENTS_BY_STATUS = [metrics.EVENTS.labels(name) for name in STATUS_NAMES]


class _ShardLogic(StatefulBatchLogic[TelemetryBatch, ScoredBatch, dict[str, Any]]):
    def __init__(self, scorer: ShardScorer) -> None:
        self._scorer = scorer
        self._vehicles = 0
        self._forgotten = scorer.detector.vehicles_forgotten
        self._told = False

    def on_batch(self, values: list[TelemetryBatch]) -> tuple[Iterable[ScoredBatch], bool]:
        scored = [self._scorer.score(batch) for batch in values]
        self._count(sum(map(len, values)), scored)
        return scored, self.RETAIN

    def snapshot(self) -> dict[str, Any]:
        return self._scorer.snapshot()

    def _count(self, events: int, scored: list[ScoredBatch]) -> None:
        for batch in scored:
            counts = np.bincount(batch.scores.status, minlength=len(STATUS_NAMES)).tolist()
            for counter, count in zip(EVENTS_BY_STATUS, counts, strict=True):
                counter.inc(count)
            metrics.ANOMALIES.inc(int(np.count_nonzero(batch.scores.anomaly)))
            events -= len(batch.rows)
        metrics.DUPLICATES.inc(events)
        vehicles, forgotten = self._scorer.detector.vehicles, self._scorer.detector.vehicles_forgotten
        metrics.VEHICLES.inc(vehicles - self._vehicles)
        metrics.FORGOTTEN.inc(forgotten - self._forgotten)
        if forgotten > self._forgotten and not self._told:
            self._told = True
            logger.warning(
                "a shard knows %d vehicles, as many as it may, and forgets who has been silent for longest; "
                "if all of them are yours, raise detector.vehicles or detector.shards",
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
        SettingsError: the model cannot be made as the settings say.
    """
    make_model = model_maker(settings.detector, len(settings.scored_signals))
    # One BLAS thread: more would split sums another way, and workers would fight for cores. Once for the
    # process: to look for the libraries takes milliseconds.
    threadpool_limits(limits=1, user_api="blas")
    _warm_up(ShardScorer(settings, make_model=make_model), settings)
    return op.stateful_batch(
        step_id,
        up,
        lambda snapshot: _ShardLogic(ShardScorer(settings, snapshot, make_model=make_model)),
    )


def _warm_up(scorer: ShardScorer, settings: Settings) -> None:
    """Score with what is thrown away then: to load the compiled loops takes seconds.

    Otherwise the first events would wait for that.
    """
    # So many that thresholds are learned; the last comes out of order.
    rows = settings.detector.start_up + 2
    times = np.arange(rows, dtype=np.int64) * 1_000_000
    times[-1] -= 1_500_000
    values = np.random.default_rng(0).normal(size=(rows, len(settings.signals)))
    texts = [""] * rows
    scorer.score(TelemetryBatch(texts, texts, times, values, [b"{}"] * rows))
