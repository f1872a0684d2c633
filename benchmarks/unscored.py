"""The job without scoring: the upper limit set by the engine, the codecs and the broker.

``python -m bytewax.run benchmarks.unscored`` does everything that ``dataflows.fleet`` does except running the
detector: it decodes, splits, routes to the shard, encodes events of the same size and delivers them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from bytewax.dataflow import Dataflow
from numpy.typing import NDArray

from dataflows import fleet
from dataflows.decode import TelemetryBatch
from dataflows.detector import Scores
from dataflows.score.scorer import ScoredBatch, ShardScorer

DISTINCT_ROWS = 1024


def unscored(scorer: ShardScorer, batch: TelemetryBatch) -> ScoredBatch:
    """Numbers computed in advance in place of scores.

    They have as many digits as real scores, and all are different, so that encoding takes as long. A single
    number repeated over and over would be written a tenth faster.
    """
    rows, signals = np.arange(len(batch)), len(scorer.detector.signals)
    scores = Scores.empty(len(batch), signals)
    numbers = _numbers(signals)[rows % DISTINCT_ROWS]
    columns = (scores.error, scores.smoothed, scores.threshold, scores.severity)
    for place, column in enumerate(columns):
        column[:] = numbers[:, place]
    scores.expected[:] = 100.0 * numbers[:, len(columns) : len(columns) + signals]
    scores.contributions[:] = numbers[:, len(columns) + signals :]
    return ScoredBatch(batch, scores, rows)


@cache
def _numbers(signals: int) -> NDArray[np.float64]:
    """Shape (`DISTINCT_ROWS`, 4 + 2 · signals), within 0–1."""
    return np.random.default_rng(0).random((DISTINCT_ROWS, 4 + 2 * signals))


def flow() -> Dataflow:
    """As `dataflows.fleet.flow`."""
    ShardScorer.score = unscored  # type: ignore[method-assign, assignment]
    return fleet.flow()
