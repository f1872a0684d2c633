"""How good are the detectors on labelled streams? ``python -m benchmarks.quality --data DIR``"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from threadpoolctl import threadpool_limits

from benchmarks.ablations import EXPLANATION as ABLATIONS_EXPLAINED
from benchmarks.candidates import CANDIDATES, GROUPS, Candidate
from benchmarks.fingerprint import fingerprint
from benchmarks.quality_metrics import StreamFigures, Timed, figures
from benchmarks.quality_report import summaries, tables
from benchmarks.results_cache import ResultsCache, add_cache_options
from benchmarks.streams import LabelledStream, manifest, read
from config.errors import RecordingError, SettingsError, exit_on_error

METRICS_SOURCES = (
    "benchmarks/quality.py",
    "benchmarks/quality_metrics.py",
    "benchmarks/streams.py",
    "dataflows/backtest/episodes.py",
)
METRICS_LIBRARIES = ("scikit-learn", "aeon")

WARM_UP_ROWS = 64
"""Rows that a detector processes before it is timed."""

EXPLANATION = (
    """
A new instance of every detector processes each stream once, and scores a row before it learns it. Rows
before a stream's eval_from are warm-up. Smoothed: mean over 10 rows, the same for every detector. An event
is a run of labelled rows; flagged rows at most 10 apart are one episode; an event is found if an episode
overlaps it, and an episode that overlaps none is false. "recall at k episodes": the best threshold on the
smoothed score that costs at most k false episodes per 1,000 normal rows. From "decided" on: the detector's
own verdicts with the settings in force, its delay in rows from a found event's start to its first flagged
row, and the share of normal rows that it flagged, next to the share that it promised; peers give no
verdicts, so these are empty for them. "random" checks the metrics. A stream that cannot be read or measured
is reported and left out; a detector's means are over what it was measured on.

"ours-no-X" is our detector without its term X, or without the mechanism X; "--detectors ablations" runs all
of them and ours. Mechanisms:
"""
    + ABLATIONS_EXPLAINED
    + """
examples:
  python -m benchmarks.quality --data ../shared/data/quality
  python -m benchmarks.quality --data streams --detectors ours,river-loda --json
  python -m benchmarks.quality --data streams --detectors ours,ours-no-activity
  python -m benchmarks.quality --data streams --detectors ablations
"""
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if the data or a detector's name is wrong.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.quality"):
        notes = Console(stderr=True, soft_wrap=True)
        candidates = _chosen(options.detectors, notes)
        cache = ResultsCache(options.cache, StreamFigures, fresh=options.fresh)
        report = summaries(run(options.data, candidates, cache, notes))
        if not report:
            raise RecordingError(f"{options.data}: nothing could be measured, for the reasons above")
        if options.json:
            print(json.dumps(report, indent=1))
        else:
            console = Console(width=None if sys.stdout.isatty() else 150)
            for table in tables(report):
                console.print(table)


def run(
    directory: Path, candidates: Sequence[Candidate], cache: ResultsCache[StreamFigures], notes: Console
) -> dict[str, dict[str, list[StreamFigures]]]:
    """Run the candidates over all streams of a directory.

    Args:
        directory: holds ``manifest.json``.
        candidates: detectors to run.
        cache: finished results, which are not measured again.
        notes: for the progress bar, and a line about everything that is left out.

    Returns:
        Detector → dataset → figures of its streams.

    Raises:
        RecordingError: the manifest cannot be read, or the cache cannot be written.
    """
    entries = manifest(directory)
    results: dict[str, dict[str, list[StreamFigures]]] = {candidate.name: {} for candidate in candidates}
    metrics = fingerprint(METRICS_SOURCES, METRICS_LIBRARIES)
    versions = {candidate.name: f"{metrics}/{candidate.fingerprint}" for candidate in candidates}
    warm: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        task = progress.add_task("", total=len(entries) * len(candidates))
        for entry in entries:
            try:
                stream = read(directory, entry)
            except RecordingError as error:
                _leave_out(notes, "every detector", entry.file, error)
                progress.advance(task, len(candidates))
                continue
            for candidate in candidates:
                progress.update(task, description=f"{candidate.name} · {entry.file}")
                key = f"{versions[candidate.name]}/{candidate.name}/{stream.digest}/{entry.eval_from}"
                found = cache.get(key)
                if found is None:
                    try:
                        if candidate.name not in warm:
                            warm_up(candidate, stream)
                            warm.add(candidate.name)
                        found = measure(candidate, stream)
                    except Exception as error:
                        # A peer may fail in any way; the others are still measured.
                        _leave_out(notes, candidate.name, entry.file, error)
                    else:
                        cache.put(key, found)
                if found is not None:
                    results[candidate.name].setdefault(entry.dataset, []).append(found)
                progress.advance(task)
    return results


def _leave_out(notes: Console, who: str, file: str, error: Exception) -> None:
    notes.print(
        f"{who} left out on {file}: {str(error) or type(error).__name__}", style="yellow", markup=False
    )


def warm_up(candidate: Candidate, stream: LabelledStream) -> None:
    """Let a detector import and compile what it needs, so that this time is not measured."""
    candidate.run(stream.values[:WARM_UP_ROWS], min(stream.entry.eval_from, WARM_UP_ROWS // 2))


def measure(candidate: Candidate, stream: LabelledStream) -> StreamFigures:
    """Run one detector over one stream, on one core.

    Raises:
        ValueError: there is nothing to measure in the stream, or the scores are not finite.
    """
    with threadpool_limits(limits=1):
        begin = time.perf_counter()
        verdicts = candidate.run(stream.values, stream.entry.eval_from)
        seconds = time.perf_counter() - begin
    if not np.isfinite(verdicts.scores).all():
        raise ValueError("expected finite scores, got NaN or infinity")
    return figures(stream, Timed(verdicts, seconds))


def _chosen(names: str | None, notes: Console) -> list[Candidate]:
    """The candidates that were named, or all that can run; always with `random`."""
    known = {candidate.name: candidate for candidate in CANDIDATES}
    if names is None:
        for candidate in CANDIDATES:
            if candidate.missing:
                notes.print(f"{candidate.name} not installed: {candidate.remedy}")
        return [candidate for candidate in CANDIDATES if not candidate.missing and not candidate.by_name_only]
    asked = list(dict.fromkeys([*_spelled_out(names), "random"]))
    for name in asked:
        if name not in known:
            raise SettingsError(f"--detectors: expected some of {', '.join([*known, *GROUPS])}, got {name!r}")
        if known[name].missing:
            raise SettingsError(f"--detectors: {name} is not installed: {known[name].remedy}")
    return [known[name] for name in asked]


def _spelled_out(names: str) -> Iterator[str]:
    for name in filter(None, names.split(",")):
        yield from GROUPS.get(name, (name,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description="Compare detectors on labelled streams.",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="directory with a manifest.json"
    )
    parser.add_argument("--detectors", metavar="A,B", help="detectors to run; default: all installed ones")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    add_cache_options(parser, Path(".benchmarks/quality.jsonl"))
    return parser


if __name__ == "__main__":
    main()
