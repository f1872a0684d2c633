"""Quality metrics of a detector's scores of one stream."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.candidates import Verdicts
from benchmarks.streams import LabelledStream
from dataflows.backtest.episodes import detection, episodes
from dataflows.compiled import Floats

SMOOTHING = 10
"""Rows over which the smoothed score is the mean."""

VUS_BUFFER = 100
"""Largest buffer around an event, in rows, that VUS-PR integrates over."""

THRESHOLDS = 300
"""Thresholds tried for the event recall at a number of false episodes."""


class StreamFigures(msgspec.Struct, frozen=True):
    """Figures of one detector on one stream; ``None`` if it gives no verdicts, or a library is missing.

    Attributes:
        events: labelled ones, of which `events_found` were found.
        normal_rows: rows without a label, of which `normal_flagged` were flagged, in `false_episodes`.
        promised: share of normal rows that the detector promises to flag at most, 0–1.
        delays: rows from the start of each event to its first flagged row; of events with such a row.
        rows, seconds: of the whole stream with its warm-up, and the time they took.
    """

    roc_auc: float
    average_precision: float
    roc_auc_smoothed: float
    average_precision_smoothed: float
    vus_pr: float | None
    event_recall_at_1_episode: float
    event_recall_at_3_episodes: float
    events: int
    events_found: int | None
    false_episodes: int | None
    normal_rows: int
    normal_flagged: int | None
    promised: float | None
    delays: list[int] | None
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Timed:
    """Verdicts, and the seconds they took."""

    verdicts: Verdicts
    seconds: float


def figures(stream: LabelledStream, timed: Timed) -> StreamFigures:
    """Figures over the rows after the warm-up.

    Raises:
        ValueError: there is nothing to measure, because these rows are all normal or all anomalous.
    """
    start = stream.entry.eval_from
    label = stream.label[start:]
    if label.all() or not label.any():
        raise ValueError(f"expected normal and anomalous rows from row {start} on, got only one kind")
    raw, mean = timed.verdicts.scores[start:], smoothed(timed.verdicts.scores)[start:]
    flagged = None if timed.verdicts.flagged is None else timed.verdicts.flagged[start:]
    decided = None if flagged is None else detection(flagged, label)
    return StreamFigures(
        roc_auc=float(roc_auc_score(label, raw)),
        average_precision=float(average_precision_score(label, raw)),
        roc_auc_smoothed=float(roc_auc_score(label, mean)),
        average_precision_smoothed=float(average_precision_score(label, mean)),
        vus_pr=vus_pr(label, raw),
        event_recall_at_1_episode=event_recall_at(mean, label, 1.0),
        event_recall_at_3_episodes=event_recall_at(mean, label, 3.0),
        events=len(episodes(label, gap=1)),
        events_found=None if decided is None else decided.found,
        false_episodes=None if decided is None else decided.false_episodes,
        normal_rows=int((~label).sum()),
        normal_flagged=None if flagged is None else int(flagged[~label].sum()),
        promised=timed.verdicts.promised,
        delays=None if flagged is None else delays(flagged, label),
        rows=len(stream.values),
        seconds=timed.seconds,
    )


def smoothed(scores: Floats, rows: int = SMOOTHING) -> Floats:
    """Mean of each score and up to `rows` - 1 scores before it; shape (n,)."""
    total = np.cumsum(np.concatenate(([0.0], scores)))
    stop = np.arange(1, len(scores) + 1)
    start = np.maximum(stop - rows, 0)
    mean: Floats = (total[stop] - total[start]) / (stop - start)
    return mean


def event_recall_at(scores: Floats, label: NDArray[np.bool_], false_episodes_per_1000: float) -> float:
    """Largest share of events found by a threshold within a limit of false episodes.

    Args:
        scores, label: shape (n,).
        false_episodes_per_1000: false episodes allowed per 1,000 normal rows.
    """
    best = 0.0
    shares = np.geomspace(1.0 / len(scores), 0.5, THRESHOLDS)
    for threshold in np.unique(np.quantile(scores, 1.0 - shares, method="lower")):
        outcome = detection(scores > threshold, label)
        recall, false = outcome.event_recall, outcome.false_episodes_per_1000
        if recall is not None and (false is None or false <= false_episodes_per_1000):
            best = max(best, recall)
    return best


def delays(flagged: NDArray[np.bool_], label: NDArray[np.bool_]) -> list[int]:
    """Rows from each found event's start to the first flagged row within it."""
    rows = np.flatnonzero(flagged)
    found = []
    for event in episodes(label, gap=1):
        within = rows[(rows >= event.start) & (rows < event.stop)]
        if len(within):
            found.append(int(within[0]) - event.start)
    return found


def vus_pr(label: NDArray[np.bool_], scores: Floats) -> float | None:
    """Volume under the precision-recall surface (Paparrizos et al., VLDB 2022); ``None`` without aeon."""
    try:
        from aeon.benchmarking.metrics.anomaly_detection import range_pr_vus_score
    except ImportError:
        return None
    return float(range_pr_vus_score(label.astype(np.int64), scores, max_buffer_size=VUS_BUFFER))
