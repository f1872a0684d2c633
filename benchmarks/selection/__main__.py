"""How good is a choice on streams it was not made on? ``python -m benchmarks.selection --data DIR``"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.results_cache import ResultsCache, add_cache_options
from benchmarks.selection.choice import GRID, MOST_FLAGGED, ROUNDS, STEPS
from benchmarks.selection.evaluations import Evaluations, Outcome, usable_streams
from benchmarks.selection.protocol import chosen_on, leave_each_out
from benchmarks.selection.report import Report, tables
from benchmarks.selection.trips import trip_figures
from benchmarks.trips import find_trips
from config.errors import SettingsError, exit_on_error
from config.settings import load
from dataflows.score.models import parameters_of

EXPLANATION = f"""
Parameters that were chosen on the streams on which they are measured look better than they are. Here each
kind of streams (the datasets of the manifest) is left out in turn: the weights of the terms and a few other
parameters are chosen on all other kinds, and measured on the one that was left out, which the search has
not seen.

The search starts where all terms have the same weight. It goes through the names below, {ROUNDS} times at
most; of each it tries all values while the others stay as they are, and keeps the best: the largest mean
over the kinds of ROC-AUC + average precision, both of the score smoothed over 10 rows. It only accepts what
flags at most {MOST_FLAGGED:g} times the promised share of normal rows in the mean over the kinds; as long as
nothing does, it prefers what flags less. Everything else is as in the settings in force and in the code, so
what was ever chosen there with a look at these streams still flatters.

{chr(10).join(f"  {name:<16} {', '.join(map(str, values))}" for name, values in GRID.items())}

"normal flagged": share of the normal rows that was flagged, next to the share that is promised. "false":
episodes of flagged rows that overlap no labelled row, per 1,000 normal rows. Last row: the choice on all
kinds. With it, each trip of --trips, which are normal, is driven by a new detector (fresh), and all trips
of a dataset with the same number of signals by one, ten hours after each other (in a row).

examples:
  python -m benchmarks.selection --data ../shared/data/quality
  python -m benchmarks.selection --data ../shared/data/quality --trips ../shared/data/trips
  python -m benchmarks.selection --data streams --processes 8 --json
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if an argument or the data is wrong.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.selection"):
        if options.processes < 1:
            raise SettingsError(f"--processes: expected at least 1, got {options.processes}")
        paths = [] if options.trips is None else find_trips(options.trips)
        cache = ResultsCache(options.cache, Outcome, fresh=options.fresh)
        notes = Console(stderr=True, soft_wrap=True)
        with _executor(options.processes) as executor:
            report = run(options.data, paths, cache, executor, notes)
    if options.json:
        print(json.dumps(report.as_json(), indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 150)
    for table in tables(report):
        console.print(table)


def run(
    directory: Path,
    trips: Sequence[Path],
    cache: ResultsCache[Outcome],
    executor: Executor | None,
    notes: Console,
) -> Report:
    """Leave each kind out, choose on all kinds, and drive the trips with that.

    Args:
        directory: holds ``manifest.json``.
        trips: recorded trips; may be empty.
        cache: finished results, which are not measured again.
        executor: runs the detectors; ``None`` for this process.
        notes: for the progress bar, and a line about everything that is left out.

    Raises:
        RecordingError: the manifest or a trip cannot be read, fewer than two kinds can be measured, or the
            cache cannot be written.
    """

    def leave_out(file: str, reason: str) -> None:
        notes.print(f"{file} left out: {reason}", style="yellow", markup=False)

    settings = load()
    streams = usable_streams(directory, leave_out)
    evaluations = Evaluations(directory, streams, parameters_of(settings.detector), cache, executor)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        task = progress.add_task("", total=STEPS * (len(streams) + 1))

        def step(kind: str, name: str) -> None:
            progress.update(task, description=f"without {kind} · {name}", advance=1)

        left_out = leave_each_out(evaluations, step)
        chosen = chosen_on(evaluations, evaluations.kinds, lambda name: step("nothing", name))
        if trips:
            progress.update(task, description="trips")
        return Report(left_out, chosen, trip_figures(chosen, trips, settings, executor))


@contextmanager
def _executor(processes: int) -> Iterator[Executor | None]:
    if processes == 1:
        yield None
        return
    # Not forked: the progress bar has a thread, and a lock that it may hold.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selection",
        description="Choose parameters on all kinds of labelled streams but one, and measure on that one.",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="directory with a manifest.json"
    )
    parser.add_argument("--trips", type=Path, metavar="DIR", help="recorded normal trips as CSV")
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many detectors run side by side (default: one per processor, %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    add_cache_options(parser, Path(".benchmarks/selection.jsonl"))
    return parser


if __name__ == "__main__":
    main()
