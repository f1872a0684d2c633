"""The Bytewax steps that sum up what vehicles do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream, StatefulBatchLogic

from config.settings import Settings
from dataflows import metrics
from dataflows.messages import OutgoingBatch
from dataflows.rollup.encode import RollupEncoder, encode_late
from dataflows.rollup.run import Run
from dataflows.rollup.shard_runs import Progress, ShardRuns
from dataflows.rollup.windows import windows
from dataflows.score.scorer import ScoredBatch
from dataflows.score.step import warm_up
from dataflows.state_size import StateSize
from dataflows.stored_state import Stored


class Rollups(NamedTuple):
    """Messages for two topics.

    Attributes:
        rollups: of windows that have closed.
        late: about events that came after that.
    """

    rollups: Stream[OutgoingBatch]
    late: Stream[OutgoingBatch]


class _Folded(NamedTuple):
    progress: list[tuple[str, Progress]]
    late: OutgoingBatch | None


class _ShardLogic(StatefulBatchLogic[ScoredBatch, _Folded, Stored]):
    def __init__(self, runs: ShardRuns, ends: Callable[[], bool], size: StateSize) -> None:
        self._size = size
        self._runs = runs
        self._ends = ends

    def on_batch(self, values: list[ScoredBatch]) -> tuple[Iterable[_Folded], bool]:
        return [self._fold(scored) for scored in values], self.RETAIN

    def on_eof(self) -> tuple[Iterable[_Folded], bool]:
        # A job that is merely stopped goes on with the same windows.
        progress = self._runs.finish() if self._ends() else self._runs.waiting()
        return [_Folded(progress, None)], self.RETAIN

    def snapshot(self) -> Stored:
        return self._size.of(self._runs.snapshot())

    def _fold(self, scored: ScoredBatch) -> _Folded:
        progress, late = self._runs.fold(scored)
        count = len(late[0])
        metrics.LATE_FOR_ROLLUP.inc(count)
        return _Folded(progress, encode_late(scored, late) if count else None)


def roll_up(
    step_id: str, up: KeyedStream[ScoredBatch], settings: Settings, ends: Callable[[], bool]
) -> Rollups:
    """Sum up what each vehicle does, window by window.

    Args:
        step_id: names the first step; also part of the keys under which state is recovered.
        up: scored batches, keyed by shard.
        settings: all settings.
        ends: when there are no more events, says whether there never will be: then open windows close.
    """
    # Loading the compiled loops takes a while, for which the first event would otherwise wait.
    ShardRuns(settings).fold(warm_up(settings))
    folded = op.stateful_batch(
        step_id,
        up,
        lambda snapshot: _ShardLogic(ShardRuns(settings, snapshot), ends, StateSize(step_id)),
    )
    late = op.filter_map("late-events", op.key_rm("late-of-shards", folded), lambda folded: folded.late)
    progress = op.flat_map("of-vehicles", folded, lambda keyed: keyed[1].progress)
    size = timedelta(seconds=settings.rollups.window)
    closed = windows("windows", progress, list(settings.signals), size)
    return Rollups(op.flat_map_batch("encode-rollups", closed, _encode(settings)), late)


def check_rollup_snapshots(settings: Settings, snapshots: Iterable[Stored]) -> None:
    """Check that the rollups can resume from all of these, by doing it, before the engine starts.

    Raises:
        SnapshotError: one does not fit this version.
    """
    for snapshot in snapshots:
        ShardRuns(settings, snapshot)


def _encode(settings: Settings) -> Callable[[list[tuple[str, Run]]], Iterable[OutgoingBatch]]:
    encoder = RollupEncoder(settings)

    def encode(closed: list[tuple[str, Run]]) -> Iterable[OutgoingBatch]:
        metrics.ROLLUPS.inc(len(closed))
        return [encoder.encode(closed)]

    return encode
