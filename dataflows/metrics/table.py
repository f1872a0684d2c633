"""The catalogue as docs/metrics.md."""

from __future__ import annotations

from pathlib import Path

from dataflows.metrics.definition import CATALOGUE, EVERY_JOB, Job, Metric

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
BEGIN, END = "<!-- printed by python -m dataflows.metrics -->", "<!-- until here -->"


def table() -> str:
    """The catalogue in Markdown, a table for each job and one for what all have."""
    titles: dict[tuple[Job, ...], str] = {EVERY_JOB: "Every job"}
    titles |= {(job,): f"`dataflows.{job}`" for job in EVERY_JOB}
    parts = []
    for jobs, title in titles.items():
        rows = [_row(metric) for metric in CATALOGUE.values() if metric.jobs == jobs]
        heading = ["| metric | kind | unit | meaning |", "|---|---|---|---|"]
        parts.append("\n".join([f"### {title}", "", *heading, *rows]))
    return "\n\n".join(parts)


def page(text: str) -> str:
    """A page with the table between its two marks brought up to date.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"expected the lines {BEGIN!r} and {END!r}, got a page without them")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _row(metric: Metric) -> str:
    labels = f"{{{', '.join(metric.labels)}}}" if metric.labels else ""
    return f"| `{metric.name}{labels}` | {metric.kind} | {metric.unit} | {metric.meaning} |"
