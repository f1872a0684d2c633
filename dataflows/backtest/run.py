"""Scores a whole recording, with the decoder, the scorers and the alerts of the live job."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

from config.settings import Settings
from dataflows.alert.shard_alerts import ShardAlerts
from dataflows.backtest.results import Results
from dataflows.backtest.unread import Unread
from dataflows.decode import Decoder
from dataflows.decode.dead_letters import DeadLetterLimit
from dataflows.recordings import Recording
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import rows_by_shard


def run(settings: Settings, recording: Recording, label: str | None = None) -> Results:
    """Score a whole recording.

    Args:
        settings: all settings, with the signals of this recording (see `with_catalogue`).
        recording: what to score.
        label: name of the signal that holds the ground truth: any value but 0 means anomalous.

    Raises:
        RecordingError: the recording is damaged.
        DeadLetterLimitError: too many of its events cannot be decoded.
    """
    decoder = Decoder.of(settings)
    unread = Unread(settings)
    limit = DeadLetterLimit(settings.dead_letters)
    label_column = None if label is None else list(settings.signals).index(label)
    scorers: dict[int, ShardScorer] = {}
    alerts: dict[int, ShardAlerts] = {}
    results = Results(settings.scored_signals, settings.target_signals)
    begin = time.perf_counter()
    with _progress() as progress, threadpool_limits(limits=1, user_api="blas"):
        task = progress.add_task(recording.path.name, total=recording.size_bytes)
        for batch in recording.read():
            decoded = decoder.decode(batch)
            limit.count(decoded)
            unread.count(decoded)
            results.add_dead_letters(decoded.dead_letters)
            telemetry = decoded.telemetry
            for shard, rows in rows_by_shard(telemetry.vehicle_ids, settings.detector.shards).items():
                if shard not in scorers:
                    scorers[shard], alerts[shard] = ShardScorer(settings), ShardAlerts(settings)
                scored = scorers[shard].score(telemetry.take(rows))
                truth = None if label_column is None else scored.telemetry.values[:, label_column]
                results.add(scored, rows[scored.rows], truth)
                if settings.alerts.enabled:
                    results.alerts.add(alerts[shard].fold(scored))
            results.end_batch(len(telemetry))
            progress.update(task, completed=recording.position)
    results.seconds = time.perf_counter() - begin
    results.warnings.extend(unread.warnings(is_table=recording.columns is not None))
    results.drifts = sorted(drift for scorer in scorers.values() for drift in scorer.drift.drifts)
    return results


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
