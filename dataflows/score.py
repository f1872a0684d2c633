"""The Bytewax operator that holds one detector per shard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream, StatefulBatchLogic
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from config.settings import Settings
from dataflows import metrics
from dataflows.decode import TelemetryBatch
from dataflows.detector import Detector, Scores, Status
from dataflows.detector.model import Model
from dataflows.drift import DriftWatch
from dataflows.models import model_maker

logger = logging.getLogger(__name__)

EVENTS_BY_STATUS = [metrics.EVENTS.labels(status.name.lower()) for status in Status]


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Events of one shard with what the detector says of them, row by row.

    Attributes:
        telemetry: m events, duplicates dropped.
        scores: their scores.
        rows: their positions in the batch that was scored, rising, shape (m,).
    """

    telemetry: TelemetryBatch
    scores: Scores
    rows: NDArray[np.intp]


class ShardScorer:
    """One shard's detector, fed with whole events: it picks the scored signals and drops duplicates.

    Args:
        settings: all settings.
        snapshot: state of an earlier one, as from `snapshot`; ``None`` starts afresh.
        make_model: makes its model; by the settings unless given.

    Attributes:
        detector: scores and learns.
        drift: watches whether what is normal changes.

    Raises:
        SettingsError: the model cannot be made as the settings say.
        SnapshotError: the snapshot does not fit this version or these settings.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: dict[str, Any] | None = None,
        *,
        make_model: Callable[[], Model] | None = None,
    ) -> None:
        scored = settings.scored_signals
        model = (make_model or model_maker(settings.detector, len(scored)))()
        self.drift = DriftWatch()
        columns = [list(settings.signals).index(name) for name in scored]
        self._columns = slice(None) if columns == list(range(len(settings.signals))) else np.array(columns)
        if snapshot is None:
            self.detector = Detector(settings.detector, scored, model)
        else:
            self.detector = Detector.restore(settings.detector, scored, snapshot["detector"], model)
            self.drift.restore(snapshot["drift"])

    def score(self, batch: TelemetryBatch) -> ScoredBatch:
        """Score a batch, in arrival order."""
        scores = self.detector.process(batch.vehicle_ids, batch.timestamps, batch.values[:, self._columns])
        self.drift.watch(batch.timestamps, scores)
        kept = np.flatnonzero(~scores.duplicate)
        if len(kept) == len(batch):
            return ScoredBatch(batch, scores, kept)
        return ScoredBatch(batch.take(kept), scores.take(kept), kept)

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state."""
        return {"detector": self.detector.snapshot(), "drift": self.drift.snapshot()}


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
            counts = np.bincount(batch.scores.status, minlength=len(Status)).tolist()
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
