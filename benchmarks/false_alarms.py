"""Does the threshold keep its promise? ``python -m benchmarks.false_alarms``"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from config.errors import exit_on_error
from config.settings import load
from dataflows.backtest.episodes import episodes
from dataflows.compiled import Floats
from dataflows.detector import Detector, Parameters
from dataflows.score.models import parameters_of

SIGNALS = 6
PERCENTILES = (95.0, 99.0, 99.5, 99.9)
START_UP = 0.2
"""Share of the stream, at its start, that is not counted."""

EXAMPLES = """
Normal data only: six correlated signals of vehicles whose noise differs by up to a factor of ten. "ratio"
is the measured share over the promised one; the promise is kept within a factor of two. "drifting": the
mean of every signal moves by three standard deviations over the stream. "driving": errors of neighbouring
events are correlated (AR(1), .9), so that flagged events form fewer episodes.

examples:
  python -m benchmarks.false_alarms
  python -m benchmarks.false_alarms --json
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A stream of normal data.

    Attributes:
        name: as in the report.
        vehicles: number of vehicles.
        rows: events per vehicle.
        persistence: correlation of consecutive events of a vehicle.
        drift: how far the means move over the stream, in standard deviations.
    """

    name: str
    vehicles: int
    rows: int
    persistence: float = 0.0
    drift: float = 0.0


CASES = (
    Case("one vehicle", 1, 20_000),
    Case("one vehicle, driving", 1, 20_000, persistence=0.9),
    Case("one vehicle, drifting", 1, 20_000, drift=3.0),
    Case("50 vehicles", 50, 2_000),
    Case("50 vehicles, driving", 50, 2_000, persistence=0.9),
    Case("50 vehicles, drifting", 50, 2_000, drift=3.0),
    Case("1,000 vehicles", 1_000, 500),
)


@dataclass(frozen=True, slots=True)
class Rates:
    """How a promise was kept.

    Attributes:
        promised, measured: share of normal events flagged.
        ratio: measured over promised.
        worst_vehicle: largest flagged share of a single vehicle's events.
        episodes_per_1000: episodes per 1,000 events.
    """

    case: str
    promised: float
    measured: float
    ratio: float
    worst_vehicle: float
    episodes_per_1000: float


def normal_data(case: Case, seed: int = 0) -> Floats:
    """Events of all vehicles, shape (rows, vehicles, S)."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(SIGNALS, SIGNALS))
    noise = random.uniform(0.3, 3.0, (case.vehicles, 1))
    drive = random.normal(size=(case.rows, case.vehicles, SIGNALS))
    for row in range(1, case.rows):
        drive[row] = case.persistence * drive[row - 1] + np.sqrt(1 - case.persistence**2) * drive[row]
    slope = case.drift * np.arange(case.rows)[:, None, None] / case.rows
    own = 0.3 * random.normal(size=drive.shape)
    values: Floats = (drive @ mixing + slope * np.abs(mixing).sum(axis=0) / 2 + own) * noise
    return values


def measure(parameters: Parameters, case: Case, percentile: float) -> Rates:
    """Score normal data, and count what is flagged after the start."""
    values = normal_data(case)
    ids = [f"vehicle-{number}" for number in range(case.vehicles)] * case.rows
    times = np.repeat(np.arange(case.rows, dtype=np.int64) * 1_000_000, case.vehicles)
    chosen = replace(parameters, percentile=percentile, false_alarms_per_day=None)
    names = [f"signal-{number}" for number in range(SIGNALS)]
    scores = Detector(chosen, names).process(ids, times, values.reshape(-1, SIGNALS))
    flagged = scores.anomaly.reshape(case.rows, case.vehicles)[int(START_UP * case.rows) :]
    promised, measured = 1.0 - percentile / 100.0, float(flagged.mean())
    alarms = sum(len(episodes(flagged[:, vehicle])) for vehicle in range(case.vehicles))
    return Rates(
        case=case.name,
        promised=promised,
        measured=measured,
        ratio=measured / promised,
        worst_vehicle=float(flagged.mean(axis=0).max()),
        episodes_per_1000=1000.0 * alarms / flagged.size,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.false_alarms"), threadpool_limits(limits=1):
        parameters = parameters_of(load().detector)
        every = [(case, percentile) for case in CASES for percentile in PERCENTILES]
        notes = Console(stderr=True)
        rates = [
            measure(parameters, case, percentile)
            for case, percentile in track(every, "scoring normal data", console=notes, transient=True)
        ]
    if options.json:
        print(json.dumps([asdict(rate) for rate in rates], indent=1))
        return
    table = Table()
    table.add_column("normal data")
    for title in ("promised", "measured", "ratio", "worst vehicle", "episodes\nper 1,000"):
        table.add_column(title, justify="right")
    for rate in rates:
        shares = (f"{share:.2%}" for share in (rate.promised, rate.measured))
        last = rate.promised == min(rate.promised for rate in rates)
        table.add_row(
            rate.case,
            *shares,
            f"{rate.ratio:.2f}",
            f"{rate.worst_vehicle:.2%}",
            f"{rate.episodes_per_1000:.1f}",
            end_section=last,
        )
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.false_alarms",
        description="Compare the share of normal events that is flagged with the promised one.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    main()
