"""Does a band hold the promised share of normal values? ``python -m benchmarks.bands [--trips DIR]``"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.explanations import SIMULATED, WARM_UP, drive
from benchmarks.trips import find_trips, read_trip
from config.errors import exit_on_error
from config.settings import Settings, load
from dataflows.compiled import Floats, Integers
from dataflows.detector import Detector, Scores
from dataflows.score.models import parameters_of, signals_of

DESCRIPTION = """
The normal values of a simulated fleet without faults, and of recorded trips, each by a detector of its own.
"values": those with a band, from the 800th row of a vehicle on. "within": the share of them in the band.
"unflagged": the same without the events that were flagged, from which no band is learned. "lowest": the same
of the signal with the lowest share. "width": median half width, in standard deviations of the signal.

examples:
  python -m benchmarks.bands
  python -m benchmarks.bands --trips ../shared/data/trips --json
"""

Figures = dict[str, float]


def figures_of(scores: Scores, values: Floats, rows: Integers, names: Sequence[str]) -> dict[str, Figures]:
    """Signal → how many of its normal values are known, within the band, and how wide that is.

    Args:
        scores: of the stream.
        values: as sent, shape (n, S).
        rows: positions of those that are counted.
        names: of the S signals; one without a band has no figures.
    """
    distance, band = np.abs(values - scores.expected)[rows], scores.band[rows]
    flagged, deviation = scores.anomaly[rows], np.nanstd(values[rows], axis=0)
    found = {}
    for signal, name in enumerate(names):
        known = np.isfinite(distance[:, signal] + band[:, signal])
        within = distance[:, signal] <= band[:, signal]
        if (known & ~flagged).any() and deviation[signal] > 0.0:
            found[name] = {
                "values": float(known.sum()),
                "within": float(within[known].mean()),
                "unflagged": float(within[known & ~flagged].mean()),
                "width": float(np.median(band[known, signal]) / deviation[signal]),
            }
    return found


def fleet_figures(settings: Settings, vehicles: int, seconds: int, seed: int) -> dict[str, Figures]:
    """Figures of a simulated fleet without faults."""
    signals = signals_of(settings)
    columns = [list(settings.signals).index(name) for name in signals.names]
    ids, times, values, _ = drive(settings, vehicles, seconds, seed, 0.0)
    values = values[:, columns]
    scores = Detector(parameters_of(settings.detector), signals).process(ids, times, values)
    return figures_of(scores, values, np.arange(WARM_UP * vehicles, len(ids)), signals.names)


def trip_figures(settings: Settings, path: Path) -> dict[str, Figures]:
    """Figures of a recorded trip.

    Raises:
        RecordingError: it cannot be read.
    """
    trip = read_trip(path, settings)
    signals = signals_of(trip.settings)
    detector = Detector(parameters_of(trip.settings.detector), signals)
    scores = detector.process(["trip"] * len(trip.values), trip.times, trip.values)
    first = min(WARM_UP, len(trip.values) // 3)
    return figures_of(scores, trip.values, np.arange(first, len(trip.values)), signals.names)


def summary(signals: Mapping[str, Figures]) -> Figures:
    """Figures over one or more signals: their means over all values, and the lowest share of a signal."""
    names = ("values", "within", "unflagged", "width")
    each = {name: np.array([one[name] for one in signals.values()]) for name in names}
    return {
        "signals": float(len(signals)),
        "values": float(each["values"].sum()),
        "within": float(np.average(each["within"], weights=each["values"])),
        "unflagged": float(np.average(each["unflagged"], weights=each["values"])),
        "lowest": float(each["unflagged"].min()),
        "width": float(np.median(each["width"])),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if a trip or a setting is wrong.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.bands"), threadpool_limits(limits=1):
        settings = load()
        found = {SIMULATED: fleet_figures(settings, options.vehicles, options.seconds, options.seed)}
        for path in [] if options.trips is None else find_trips(options.trips):
            found[path.name.split(".")[0]] = trip_figures(settings, path)
        whole = {name: {**signals, "all": summary(signals)} for name, signals in found.items() if signals}
        if options.json:
            print(json.dumps(whole, indent=1))
        else:
            Console(width=None if sys.stdout.isatty() else 120).print(_table(whole, settings))


def _table(found: Mapping[str, Mapping[str, Figures]], settings: Settings) -> Table:
    table = Table(caption=f"promised: {settings.detector.percentile:g} %")
    table.add_column("stream")
    table.add_column("signals")
    for title in ("values", "within", "unflagged", "lowest", "width"):
        table.add_column(title, justify="right")
    for stream, signals in found.items():
        for name, one in signals.items():
            if name != "all" and stream != SIMULATED:
                continue
            shares = [f"{one[key]:.2%}" if key in one else "" for key in ("within", "unflagged", "lowest")]
            signal = f"all {one['signals']:.0f}" if name == "all" else name
            table.add_row(stream, signal, f"{one['values']:,.0f}", *shares, f"{one['width']:.2f}")
        table.add_section()
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bands",
        description="Measure whether the band holds the share of normal values that it promises.",
        epilog=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--trips", type=Path, metavar="DIR", help="recorded trips as CSV; default: none")
    parser.add_argument("--vehicles", type=int, default=20, help="in the simulated fleet (%(default)s)")
    parser.add_argument("--seconds", type=int, default=3600, help="seconds that it drives (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    main()
