"""What a backtest found: figures for ``--json``, a report for people, and a CSV file of all scores."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from config.errors import RecordingError, SettingsError
from dataflows.backtest.alerts import alert_lines
from dataflows.backtest.episodes import Detection, detection
from dataflows.backtest.results import Results
from dataflows.clock import SECOND, utc
from dataflows.detector import Status
from dataflows.events import STATUS_NAMES

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


PARTIAL_SHARE = 0.1
"""From this share of partial events on the report warns of them."""


def summary(
    results: Results, *, labelled: bool, eval_from: int, warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """The figures of ``--json``.

    Args:
        results: of the whole recording.
        labelled: whether there is ground truth to compare with.
        eval_from: number of the first event, from 0, that counts in the comparison.
        warnings: what the reading of the recording warned of.

    Raises:
        RecordingError: no event of the recording could be decoded.
        SettingsError: the compared events are not both normal and anomalous ones.
    """
    if results.events == 0:
        if not results.dead_letters:
            raise RecordingError("expected events, got none")
        raise RecordingError(
            f"expected events, got only dead letters ({results.dead_letters:,}); "
            f"the first reason: {results.first_reason}"
        )
    columns = results.columns
    figures: dict[str, Any] = {
        "events": results.events,
        "anomalies": int(columns["anomaly"].sum()),
        "partial": int((columns["status"] == Status.PARTIAL).sum()),
        "late": int((columns["status"] == Status.LATE).sum()),
        "duplicates": results.events - len(columns["row"]),
        "dead_letters": results.dead_letters,
        "drifts": [_to_the_second(drift) for drift in results.drifts],
        "events_per_second": round(results.events / max(results.seconds, 1e-9)),
    }
    if labelled:
        figures |= _metrics(results, eval_from)
    figures |= results.alerts.figures()
    figures["warnings"] = [*warnings, *results.warnings, *_warnings(figures)]
    return figures


def _warnings(figures: dict[str, Any]) -> Iterator[str]:
    events, partial = figures["events"], figures["partial"]
    if partial >= PARTIAL_SHARE * events:
        yield (
            f"{partial:,} of {events:,} events lack a signal; its last value is held for as long as "
            "[detector] hold says"
        )
    if figures["late"]:
        late = figures["late"]
        yield f"{late:,} of {events:,} events are late: older than what their vehicle had sent before"


def _metrics(results: Results, eval_from: int) -> dict[str, float | None]:
    evaluated = results.columns["row"] >= eval_from
    label = results.columns["label"][evaluated]
    if label.all() or not label.any():
        kind = "only anomalous" if label.any() else "no anomalous"
        raise SettingsError(
            f"--label: expected both normal and anomalous events from event {eval_from} on, got {kind} ones "
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
    """The figures, the first alerts and the worst episodes, for people."""
    lines = [
        f"{name.replace('_', ' '):28} {_readable(value)}"
        for name, value in figures.items()
        if name != "warnings" and not name.startswith("alerts")
    ]
    if results.first_reason:
        lines.append(f"first dead letter            {results.first_reason}")
    if figures["warnings"]:
        lines += ["", "warnings", *(f"  {warning}" for warning in figures["warnings"])]
    lines += ["", *alert_lines(figures)]
    worst = results.worst_episodes()
    lines += ["", "worst episodes" if worst else "no anomalies"]
    for episode in worst:
        seconds = (episode.stop - episode.start) / SECOND
        leading = ", ".join(f"{name} {share:.0%}" for name, share in episode.leading)
        flagged = "1 anomaly" if episode.anomalies == 1 else f"{episode.anomalies} anomalies"
        lines.append(
            f"  {_to_the_second(episode.start)} {seconds:6.0f} s  {episode.vehicle_id}  severity "
            f"{episode.severity:3.0f}  {flagged}  {leading}"
        )
    return "\n".join(lines)


def _to_the_second(time: int) -> str:
    return f"{utc(time):%Y-%m-%d %H:%M:%S}"


def _readable(value: float | list[str] | None) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def write_scores(results: Results, path: Path) -> None:
    """Write a CSV file with one line per scored event, in the order of the recording.

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
                        utc(int(columns["ts"][row])).isoformat(),
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
