"""Scores a whole recording, and chooses the signals of a table."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

from config.errors import SettingsError
from config.settings import PayloadSettings, Settings, SignalSettings
from dataflows.backtest.report import Results
from dataflows.decode import Decoder
from dataflows.decode.dead_letters import DeadLetterLimit
from dataflows.recordings import Column, Recording, discover_columns
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import rows_by_shard


def run(settings: Settings, recording: Recording, label: str | None = None) -> Results:
    """Score a whole recording.

    Args:
        settings: all settings, with the catalogue of this recording.
        recording: what to score.
        label: the signal that holds the ground truth; anything but 0 and missing is anomalous.

    Raises:
        RecordingError: the recording is damaged.
        DeadLetterLimitError: too much of it cannot be decoded.
    """
    decoder = Decoder(settings.payload, settings.signals)
    limit = DeadLetterLimit(settings.dead_letters)
    label_column = None if label is None else list(settings.signals).index(label)
    scorers: dict[str, ShardScorer] = {}
    results = Results(settings.scored_signals)
    begin = time.perf_counter()
    with _progress() as progress, threadpool_limits(limits=1, user_api="blas"):
        task = progress.add_task(recording.path.name, total=recording.size_bytes)
        for batch in recording.read():
            decoded = decoder.decode(batch)
            limit.count(decoded)
            results.add_dead_letters(decoded.dead_letters)
            telemetry = decoded.telemetry
            for shard, rows in rows_by_shard(telemetry.vehicle_ids, settings.detector.shards).items():
                if shard not in scorers:
                    scorers[shard] = ShardScorer(settings)
                scored = scorers[shard].score(telemetry.take(rows))
                truth = None if label_column is None else scored.telemetry.values[:, label_column]
                results.add(scored, rows[scored.rows], truth)
            results.end_batch(len(telemetry))
            progress.update(task, completed=recording.position)
    results.seconds = time.perf_counter() - begin
    results.drifts = sorted(drift for scorer in scorers.values() for drift in scorer.drift.drifts)
    return results


def with_catalogue(settings: Settings, recording: Recording, signals: str, label: str | None) -> Settings:
    """The settings with the signals that this recording is to be scored on.

    Args:
        settings: all settings.
        recording: what will be scored.
        signals: ``"config"`` takes the configured catalogue, ``"auto"`` every numeric column, a list of
            names separated by commas those columns, and ``""`` decides: ``"auto"`` for a table,
            ``"config"`` for JSON lines.
        label: name of the column that holds the ground truth, which is never scored.

    Raises:
        SettingsError: no such column, or no column is left to score.
        RecordingError: the recording cannot be read.
    """
    table = recording.columns is not None
    columns = {column.name: column for column in discover_columns(recording.path)}
    payload = _payload_of(settings, columns) if table else settings.payload
    if signals == "config" or (signals == "" and not table):
        catalogue = dict(settings.signals)
    else:
        known = {payload.vehicle_id, payload.time, payload.sequence}
        reserved = {label, recording.time_column}
        candidates = {
            name: column
            for name, column in columns.items()
            if name not in reserved and column.pointer not in known
        }
        catalogue = _chosen(signals, candidates, recording.path)
    if label is not None:
        catalogue[label] = _label(label, columns, recording.path)
    return settings.model_copy(update={"signals": catalogue, "payload": payload})


def _payload_of(settings: Settings, columns: dict[str, Column]) -> PayloadSettings:
    """Rows of a table are events of one vehicle named after the file, unless a column says whose they are."""
    pointers = {column.pointer for column in columns.values()}
    vehicle_id = settings.payload.vehicle_id
    return settings.payload.model_copy(
        update={
            "layout": "event",
            "vehicle_id": vehicle_id if vehicle_id in pointers else "topic",
            "time": None,
            "sequence": None,
        }
    )


def _chosen(signals: str, columns: dict[str, Column], path: Path) -> dict[str, SignalSettings]:
    if signals in ("", "auto"):
        skipped = [name for name, column in columns.items() if not column.numeric]
        if skipped:
            print(f"backtest: skipped, not numeric: {', '.join(skipped)}", file=sys.stderr)
        names = [name for name, column in columns.items() if column.numeric]
    else:
        names = [name.strip() for name in signals.split(",") if name.strip()]
    for name in names:
        if name not in columns or not columns[name].numeric:
            raise SettingsError(
                f"--signals: expected numeric columns of {path}, got {name!r}; "
                f"it has {', '.join(column.name for column in columns.values() if column.numeric)}"
            )
    if not names:
        raise SettingsError(f"{path}: expected at least one numeric column to score, got none")
    return {name: SignalSettings(pointer=columns[name].pointer, unit=columns[name].unit) for name in names}


def _label(label: str, columns: dict[str, Column], path: Path) -> SignalSettings:
    if label not in columns or not columns[label].numeric:
        raise SettingsError(
            f"--label: expected a numeric column of {path}, got {label!r}; it has {', '.join(columns)}"
        )
    return SignalSettings(pointer=columns[label].pointer, scored=False)


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
