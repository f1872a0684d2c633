"""How good are the alerts? ``python -m benchmarks.fleet``"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.fleet.simulated import simulated
from benchmarks.fleet.trips import trips
from config.errors import exit_on_error
from config.settings import DEFAULT_FILE, load

START = datetime(2026, 1, 1, tzinfo=UTC)
REGION = DEFAULT_FILE.with_name("region.toml")

EXAMPLES = """
A simulated fleet with faults of every kind: how many are found by an alert that opens while the fault lasts,
how soon, and whether the alert names a signal that the fault changed. An alert of a vehicle without a
fault (and more than a minute after one) is false. The first half hour, without faults, is not counted.
With --trips, recorded trips without a fault: every alert there is false. "fresh": each trip by itself;
"in a row": the trips of one car one after the other, from the third on.

examples:
  python -m benchmarks.fleet
  python -m benchmarks.fleet --hours 2 --seed 11
  python -m benchmarks.fleet --world region
  python -m benchmarks.fleet --trips trips --json
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with exit_on_error("fleet"), threadpool_limits(limits=1, user_api="blas"):
        begin = time.perf_counter()
        results = simulated(
            load(REGION) if options.world == "region" else load(),
            vehicles=options.vehicles,
            hours=options.hours,
            seed=options.seed,
            start=START,
        )
        if options.trips is not None:
            results["trips"] = trips(options.trips)
        results["seconds"] = round(time.perf_counter() - begin, 1)
    if options.json:
        print(json.dumps(results))
    else:
        _print(results, Console())


def _print(results: dict[str, Any], console: Console) -> None:
    table = Table("fault", "faults", "recall", "median delay, s", "right signal")
    for kind, row in results["kinds"].items():
        delay = "–" if row["delay_s"] is None else f"{row['delay_s']:.0f}"
        right = "–" if row["right_signal"] is None else f"{row['right_signal']:.2f}"
        table.add_row(kind, str(row["faults"]), f"{row['recall']:.2f}", delay, right)
    console.print(table)
    console.print(
        f"{results['alerts']} alerts, {results['precision']:.0%} of them of a fault; "
        f"{results['false_alerts_per_vehicle_day']:.2f} false alerts per vehicle and day "
        f"({', '.join(f'{n} {name}' for name, n in results['false_alerts'].items()) or 'none'})"
    )
    if "trips" in results:
        found = results["trips"]
        console.print(
            f"{found['hours']:.1f} h of trips without a fault: {found['false_alerts_per_hour']:.2f} alerts "
            f"an hour fresh, {found['false_alerts_per_hour_in_a_row']:.2f} in a row"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fleet",
        description="Alerts of a simulated fleet, against the faults that were injected.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=24.0, help="hours with faults (default: %(default)g)")
    parser.add_argument("--vehicles", type=int, default=40, help="size of the fleet (default: %(default)d)")
    parser.add_argument(
        "--seed", type=int, default=1, help="decides all that is random (default: %(default)d)"
    )
    parser.add_argument(
        "--world",
        choices=("city", "region"),
        help="region: with the settings of config/region.toml (default: the world of the settings)",
    )
    parser.add_argument("--trips", type=Path, metavar="DIR", help="recorded trips without a fault")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    main()
