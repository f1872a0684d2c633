"""How fast is the detector alone? ``python -m benchmarks.scorer``"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from config.errors import exit_on_error
from config.settings import load
from dataflows.detector import Detector, Parameters
from dataflows.score.models import parameters_of

REPETITIONS = 5
ROWS = 20_000
"""Smallest number of rows per repetition; every vehicle is known before the measurement starts."""

EXAMPLES = """
Arrays in, arrays out, on one core: the median of repetitions that alternate between the cases.

examples:
  python -m benchmarks.scorer
  python -m benchmarks.scorer --json
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One problem size.

    Attributes:
        vehicles, signals: number of them.
        batch: rows per call and per learned block.
    """

    vehicles: int
    signals: int
    batch: int


CASES = (
    Case(1_000, 8, 256),
    Case(1, 8, 256),
    Case(10, 8, 256),
    Case(100_000, 8, 256),
    Case(1_000, 4, 256),
    Case(1_000, 16, 256),
    Case(1_000, 32, 256),
    Case(1_000, 8, 16),
    Case(1_000, 8, 1024),
)


class Load:
    """A detector that knows its vehicles, and an endless supply of rows for it.

    Args:
        parameters: of the detector.
        case: problem size.
    """

    def __init__(self, parameters: Parameters, case: Case) -> None:
        random = np.random.default_rng(0)
        self._case = case
        names = [f"signal-{number}" for number in range(case.signals)]
        self._detector = Detector(replace(parameters, learn_every=case.batch), names)
        self._ids = [f"vehicle-{number:06d}" for number in range(case.vehicles)]
        mixing = random.normal(size=(case.signals, case.signals))
        self._values = random.normal(size=(65_536, case.signals)) @ mixing
        self._next = 0
        self.run(max(ROWS, case.vehicles))

    def run(self, rows: int) -> float:
        """Score at least `rows` rows, vehicles taking turns; returns events per second."""
        calls = [self._call() for _ in range(-(-rows // self._case.batch))]
        begin = time.perf_counter()
        for ids, times, values in calls:
            self._detector.process(ids, times, values)
        return len(calls) * self._case.batch / (time.perf_counter() - begin)

    def _call(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        rows = np.arange(self._next, self._next + self._case.batch)
        self._next += self._case.batch
        ids = [self._ids[row] for row in (rows % self._case.vehicles).tolist()]
        return ids, rows * (1_000_000 // self._case.vehicles + 1), self._values[rows % len(self._values)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.scorer"), threadpool_limits(limits=1):
        parameters = parameters_of(load().detector)
        cases = CASES[:1] if options.first else CASES
        loads = [Load(parameters, case) for case in cases]
        found: list[list[float]] = [[] for _ in cases]
        notes = Console(stderr=True)
        for _ in track(range(REPETITIONS), "measuring", console=notes, transient=True):
            for speeds, one in zip(found, loads, strict=True):
                speeds.append(one.run(ROWS))
        medians = [statistics.median(speeds) for speeds in found]
    if options.json:
        rows = (
            asdict(case) | {"events_per_second": round(speed)}
            for case, speed in zip(cases, medians, strict=True)
        )
        print(json.dumps(list(rows), indent=1))
        return
    table = Table()
    for title in ("vehicles", "signals", "block", "events/s", "µs/event"):
        table.add_column(title, justify="right")
    for case, speed in zip(cases, medians, strict=True):
        sizes = (f"{size:,}" for size in (case.vehicles, case.signals, case.batch))
        table.add_row(*sizes, f"{speed:,.0f}", f"{1e6 / speed:.1f}")
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scorer",
        description="Measure the detector alone.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--first", action="store_true", help="only 1,000 vehicles with 8 signals")
    return parser


if __name__ == "__main__":
    main()
