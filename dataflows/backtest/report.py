"""What a backtest found: collected while it runs, then told in figures, words and a table."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from config.errors import RecordingError, SettingsError
from dataflows.backtest.episodes import Detection, detection, episodes
from dataflows.detector import Status
from dataflows.encode.encoder import EPOCH
from dataflows.events import STATUS_NAMES, DeadLetter
from dataflows.score.scorer import ScoredBatch

WORST_STRETCHES = 10
LEADING_SIGNALS = 3

COLUMNS = (
    "row",
    "ts",
    "error",
    "smoothed",
    "threshold",
    "anomaly",
    "severity",
    "status",
    "leading",
    "label",
    "id",
)
SCORE_COLUMNS = (
    "event_id",
    "vehicle_id",
    "ts",
    "reconstruction_error",
    "reconstruction_error_smoothed",
    "anomaly_threshold",
    "is_anomaly",
    "severity",
    "status",
    "leading_signal",
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring anomalies of one vehicle.

    Attributes:
        vehicle_id: whose.
        start, stop: event times of the first and the last, microseconds since 1970-01-01 UTC.
        anomalies: how many events were flagged.
        severity: highest severity, 0–100.
        leading: signals with the largest mean share of the error, and that share, largest first.
    """

    vehicle_id: str
    start: int
    stop: int
    anomalies: int
    severity: float
    leading: list[tuple[str, float]]


class Results:
    """Scores of a whole recording as columns, in the order of the recording.

    Args:
        signals: names of the scored signals.

    Attributes:
        seconds: what the scoring took.
        drifts: event times at which what is normal changed, microseconds since 1970-01-01 UTC.
    """

    def __init__(self, signals: list[str]) -> None:
        self.signals = signals
        self.seconds = 0.0
        self.drifts: list[int] = []
        self.events = 0
        self.dead_letters = 0
        self.first_reason = ""
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._ids: list[tuple[str, str]] = []
        self._flagged_contributions: list[NDArray[np.float64]] = []

    def add(self, batch: ScoredBatch, rows: NDArray[np.intp], truth: NDArray[np.float64] | None) -> None:
        """Take the scored events of a batch's shard; `rows` are their positions in the batch."""
        scores, telemetry = batch.scores, batch.telemetry
        label = np.zeros(len(rows)) if truth is None else np.nan_to_num(truth)
        self._parts.append(
            (
                self.events + rows,
                telemetry.timestamps,
                scores.error,
                scores.smoothed,
                scores.threshold,
                scores.anomaly,
                scores.severity,
                scores.status,
                np.argmax(scores.contributions, axis=1) if len(rows) else rows,
                label != 0,
                np.arange(len(self._ids), len(self._ids) + len(rows)),
            )
        )
        self._ids.extend(zip(telemetry.event_ids, telemetry.vehicle_ids, strict=True))
        self._flagged_contributions.append(scores.contributions[scores.anomaly])

    def end_batch(self, events: int) -> None:
        """Say that a batch of so many events, duplicates included, is complete."""
        self.events += events

    def add_dead_letters(self, letters: list[DeadLetter]) -> None:
        self.dead_letters += len(letters)
        if letters and not self.first_reason:
            self.first_reason = letters[0].reason

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """All rows in the order of the recording; `row` counts events, duplicates included."""
        if not self._parts:
            return {name: np.zeros(0, np.int64) for name in COLUMNS}
        joined = dict(zip(COLUMNS, map(np.concatenate, zip(*self._parts, strict=True)), strict=True))
        flagged = np.flatnonzero(joined["anomaly"])
        joined["flagged_index"] = np.zeros(len(joined["row"]), np.intp)
        joined["flagged_index"][flagged] = np.arange(len(flagged))
        order = np.argsort(joined["row"], kind="stable")
        return {name: column[order] for name, column in joined.items()}

    def ids(self, row: int) -> tuple[str, str]:
        """Event id and vehicle id of a row of `columns`."""
        return self._ids[int(self.columns["id"][row])]

    @cached_property
    def rows_of_vehicles(self) -> dict[str, NDArray[np.intp]]:
        """Rows of `columns` of each vehicle."""
        rows: dict[str, list[int]] = {}
        for position, index in enumerate(self.columns["id"].tolist()):
            rows.setdefault(self._ids[index][1], []).append(position)
        return {vehicle: np.array(positions, np.intp) for vehicle, positions in rows.items()}

    def worst_stretches(self) -> list[Stretch]:
        """Episodes of anomalies, the severest first."""
        stretches = []
        contributions = np.concatenate(self._flagged_contributions) if self._flagged_contributions else None
        for vehicle, rows in self.rows_of_vehicles.items():
            of_vehicle = {name: column[rows] for name, column in self.columns.items()}
            for episode in episodes(of_vehicle["anomaly"]):
                part = {name: column[episode.start : episode.stop] for name, column in of_vehicle.items()}
                flagged = part["anomaly"]
                assert contributions is not None
                mean = contributions[part["flagged_index"][flagged]].mean(axis=0)
                leading = np.argsort(-mean, kind="stable")[:LEADING_SIGNALS]
                stretches.append(
                    Stretch(
                        vehicle,
                        int(part["ts"][0]),
                        int(part["ts"][-1]),
                        int(flagged.sum()),
                        float(part["severity"].max()),
                        [(self.signals[signal], float(mean[signal])) for signal in leading],
                    )
                )
        return sorted(stretches, key=lambda stretch: (-stretch.severity, stretch.start))[:WORST_STRETCHES]


def summary(results: Results, *, labelled: bool, eval_from: int) -> dict[str, Any]:
    """The figures of ``--json``.

    Raises:
        RecordingError: the recording holds no event.
        SettingsError: the evaluated rows are not of both kinds.
    """
    if results.events == 0:
        hint = f"; the first: {results.first_reason}" if results.first_reason else ""
        raise RecordingError(
            f"expected events, got none and {results.dead_letters} messages that could not be decoded{hint}"
        )
    columns = results.columns
    figures: dict[str, Any] = {
        "events": results.events,
        "anomalies": int(columns["anomaly"].sum()),
        "partial": int((columns["status"] == Status.PARTIAL).sum()),
        "late": int((columns["status"] == Status.LATE).sum()),
        "duplicates": results.events - len(columns["row"]),
        "dead_letters": results.dead_letters,
        "drifts": [_moment(drift) for drift in results.drifts],
        "events_per_second": round(results.events / max(results.seconds, 1e-9)),
    }
    if labelled:
        figures |= _metrics(results, eval_from)
    return figures


def _metrics(results: Results, eval_from: int) -> dict[str, float | None]:
    evaluated = results.columns["row"] >= eval_from
    label = results.columns["label"][evaluated]
    if label.all() or not label.any():
        kind = "only anomalous" if label.any() else "no anomalous"
        raise SettingsError(
            f"--label: expected normal and anomalous events from event {eval_from} on, got {kind} ones "
            f"among {len(label)}; check the column and --eval-from"
        )
    total = Detection(0, 0, 0, 0)
    for rows in results.rows_of_vehicles.values():
        kept = rows[evaluated[rows]]
        total += detection(results.columns["anomaly"][kept], results.columns["label"][kept])
    error, smoothed = results.columns["error"][evaluated], results.columns["smoothed"][evaluated]
    return {
        "roc_auc": float(roc_auc_score(label, error)),
        "average_precision": float(average_precision_score(label, error)),
        "roc_auc_smoothed": float(roc_auc_score(label, smoothed)),
        "average_precision_smoothed": float(average_precision_score(label, smoothed)),
        "event_recall": total.event_recall,
        "false_episodes_per_1000": total.false_episodes_per_1000,
    }


def text_report(results: Results, figures: dict[str, Any]) -> str:
    """The figures and the worst stretches, for people."""
    lines = [f"{name.replace('_', ' '):28} {_readable(value)}" for name, value in figures.items()]
    if results.first_reason:
        lines.append(f"first dead letter            {results.first_reason}")
    stretches = results.worst_stretches()
    lines += ["", "worst stretches" if stretches else "no anomalies"]
    for stretch in stretches:
        start = EPOCH + timedelta(microseconds=stretch.start)
        seconds = (stretch.stop - stretch.start) / 1e6
        leading = ", ".join(f"{name} {share:.0%}" for name, share in stretch.leading)
        flagged = "1 anomaly" if stretch.anomalies == 1 else f"{stretch.anomalies} anomalies"
        lines.append(
            f"  {start:%Y-%m-%d %H:%M:%S} {seconds:6.0f} s  {stretch.vehicle_id}  severity "
            f"{stretch.severity:3.0f}  {flagged}  {leading}"
        )
    return "\n".join(lines)


def _moment(microseconds: int) -> str:
    return f"{EPOCH + timedelta(microseconds=microseconds):%Y-%m-%d %H:%M:%S}"


def _readable(value: float | list[str] | None) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def write_scores(results: Results, path: Path) -> None:
    """One line an event, in the order of the recording.

    Raises:
        RecordingError: the file cannot be written.
    """
    columns = results.columns
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(SCORE_COLUMNS)
            for row in range(len(columns["row"])):
                threshold = columns["threshold"][row]
                writer.writerow(
                    (
                        *results.ids(row),
                        (EPOCH + timedelta(microseconds=int(columns["ts"][row]))).isoformat(),
                        columns["error"][row],
                        columns["smoothed"][row],
                        "" if np.isnan(threshold) else threshold,
                        int(columns["anomaly"][row]),
                        columns["severity"][row],
                        STATUS_NAMES[columns["status"][row]],
                        results.signals[columns["leading"][row]],
                    )
                )
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror or error}") from None
