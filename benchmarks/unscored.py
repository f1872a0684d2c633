"""The job without scoring: the limit that the engine, the codecs and the broker set.

``python -m bytewax.run benchmarks.unscored`` does everything that ``dataflows.fleet`` does but to ask the
detector: it decodes, splits, routes to the shard, encodes events of the same size and delivers them.
"""

from __future__ import annotations

import numpy as np
from bytewax.dataflow import Dataflow

from dataflows import fleet
from dataflows.decode import TelemetryBatch
from dataflows.detector import Scores
from dataflows.score import ScoredBatch, ShardScorer

SOME_ERROR = 0.8414709848078965
"""As many digits as a real score has: encoding takes as long."""


def unscored(scorer: ShardScorer, batch: TelemetryBatch) -> ScoredBatch:
    """Constants in the place of scores."""
    scores = Scores.empty(len(batch), len(scorer.detector.signals))
    for column in (scores.error, scores.smoothed, scores.threshold, scores.severity):
        column[:] = SOME_ERROR
    scores.expected[:] = SOME_ERROR
    scores.contributions[:] = SOME_ERROR
    return ScoredBatch(batch, scores, np.arange(len(batch)))


def flow() -> Dataflow:
    """As `dataflows.fleet.flow`."""
    ShardScorer.score = unscored  # type: ignore[method-assign, assignment]
    return fleet.flow()
