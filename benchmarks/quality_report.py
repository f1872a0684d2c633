"""Combines the figures of many streams, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.table import Table

from benchmarks.quality_metrics import StreamFigures

Summary: TypeAlias = dict[str, float | None]
Summaries: TypeAlias = dict[str, dict[str, Summary]]
"""Detector → dataset or ``mean`` → figure → value."""

MEAN = "mean"
PER_STREAM = (
    "roc_auc",
    "average_precision",
    "roc_auc_smoothed",
    "average_precision_smoothed",
    "vus_pr",
    "event_recall_at_1_episode",
    "event_recall_at_3_episodes",
)

COLUMNS = (
    ("ROC-\nAUC", "roc_auc", ".3f"),
    ("AP", "average_precision", ".3f"),
    ("ROC-AUC\nsmoothed", "roc_auc_smoothed", ".3f"),
    ("AP\nsmoothed", "average_precision_smoothed", ".3f"),
    ("VUS-PR", "vus_pr", ".3f"),
    ("recall\nat 1\nepisode", "event_recall_at_1_episode", ".2f"),
    ("recall\nat 3\nepisodes", "event_recall_at_3_episodes", ".2f"),
    ("decided\nrecall", "event_recall", ".2f"),
    ("false\nper\n1,000", "false_episodes_per_1000", ".2f"),
    ("delay\nrows", "delay_rows", ".0f"),
    ("normal\nrows\nflagged", "normal_flagged", ".2%"),
    ("prom-\nised", "promised", ".2%"),
    ("events\nper s", "events_per_second", ",.0f"),
)


def summary(results: Sequence[StreamFigures]) -> Summary:
    """One dataset's figures: means over its streams; for recall, false episodes, delay and the share of
    flagged normal rows of the verdicts, and for speed, over all its events together."""
    total: Summary = {name: _mean(getattr(result, name) for result in results) for name in PER_STREAM}
    decided = [result for result in results if result.events_found is not None]
    events = sum(result.events for result in decided)
    normal = sum(result.normal_rows for result in decided)
    found = sum(result.events_found or 0 for result in decided)
    false = sum(result.false_episodes or 0 for result in decided)
    total["event_recall"] = found / events if events else None
    total["false_episodes_per_1000"] = 1000.0 * false / normal if normal else None
    total["normal_flagged"] = (
        sum(result.normal_flagged or 0 for result in decided) / normal if normal else None
    )
    total["promised"] = _mean(result.promised for result in decided)
    total["delay_rows"] = _mean(delay for result in decided for delay in result.delays or ())
    seconds = sum(result.seconds for result in results)
    total["events_per_second"] = sum(result.rows for result in results) / seconds if seconds else None
    return total


def summaries(results: dict[str, dict[str, list[StreamFigures]]]) -> Summaries:
    """All figures, with the mean over the datasets.

    Args:
        results: detector → dataset → figures of its streams; a detector without streams is left out.
    """
    report: Summaries = {}
    for detector, datasets in results.items():
        found = [summary(streams) for streams in datasets.values()]
        if found:
            report[detector] = dict(zip(datasets, found, strict=True))
            report[detector][MEAN] = {name: _mean(figures[name] for figures in found) for name in found[0]}
    return report


def tables(report: Summaries) -> Iterable[Table]:
    """One table per dataset, and one for the mean; detectors are rows."""
    datasets = list(dict.fromkeys(dataset for found in report.values() for dataset in found))
    for dataset in sorted(datasets, key=lambda name: name == MEAN):
        table = Table(
            title="mean of the datasets" if dataset == MEAN else dataset, title_justify="left", pad_edge=False
        )
        table.add_column("detector")
        for title, _, _ in COLUMNS:
            table.add_column(title, justify="right")
        for detector, found in report.items():
            if dataset in found:
                cells = (_cell(found[dataset][name], form) for _, name, form in COLUMNS)
                table.add_row(detector, *cells)
        yield table


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
