"""Does the detector blame the faulty signals? ``python -m benchmarks.explanations [--trips DIR]``"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.injection import inject
from benchmarks.trips import find_trips, read_trip
from config.errors import exit_on_error
from config.settings import Settings, load
from dataflows.clock import microseconds
from dataflows.compiled import Floats, Integers
from dataflows.decode import Decoder
from dataflows.detector import Detector, Scores
from dataflows.messages import MessageBatch
from dataflows.score.models import parameters_of, signals_of
from sim.fleet import Fleet

WARM_UP = 800
"""Rows of a trip, and seconds of a simulated fleet, before the first fault."""

SIMULATED = "simulated fleet"
DRIVERS = ("sudden_deceleration", "overspeed")
"""Faults of the driver: without them the trip would have gone on differently, so there are no true values."""

DESCRIPTION = """
Faults are injected into real trips (one signal, 20-80 rows, eight kinds) and into a simulated fleet with
ground truth. "first" and "first two": the faulty signal has the largest, or one of the two largest, mean
contribution over the fault, rows weighted by their error. "flagged": share of the faults with a flagged
row, and the same hit rates over the flagged rows alone. "chance": hit rate of a guess. "expected" and
"size": median distance of the detector's expectation, and of the value sent, from the value without the
fault, over the rows where these differ, in standard deviations. "healthy": how far the fault moves the
expectation of the other signals, from that in the same stream without faults: the largest distance in each
of these rows, its mean and 95th percentile over all rows, in standard deviations.

examples:
  python -m benchmarks.explanations
  python -m benchmarks.explanations --trips ../shared/data/obd --json
"""


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault, its position, and the values without it.

    Attributes:
        dataset, kind: what its figures are grouped by.
        rows: positions in the scored stream.
        signals: columns that it changes; to name any of them is right.
        sent, without: values with and without the fault, shape (rows, S); `without` is ``None`` if unknown.
        expected_without: what the detector expected in the stream without faults, shape (rows, S).
    """

    dataset: str
    kind: str
    rows: Integers
    signals: Sequence[int]
    sent: Floats
    without: Floats | None
    expected_without: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one incident was explained; distances in standard deviations, NaN if unknown.

    `healthy` has one distance for each row that the fault changes; none if unknown.
    """

    dataset: str
    kind: str
    chance: float
    first: bool
    first_two: bool
    flagged: bool
    flagged_first: bool
    flagged_first_two: bool
    expected: float
    size: float
    healthy: Floats


def outcome(incident: Incident, scores: Scores, deviation: Floats) -> Outcome:
    """Compare the contributions with the ground truth.

    Args:
        incident: the fault.
        scores: of the stream that contains it.
        deviation: standard deviation of each signal, shape (S,).
    """
    rows = incident.rows
    flagged = rows[scores.anomaly[rows]]
    whole, at_flags = (_ranked(scores, chosen) for chosen in (rows, flagged))
    faulty = set(incident.signals)
    expected = size = float("nan")
    healthy = np.empty(0)
    if incident.without is not None:
        columns = list(incident.signals)
        without, sent = incident.without[:, columns], incident.sent[:, columns]
        unit = np.maximum(deviation[columns], 1e-300)
        differs = np.isfinite(without) & (sent != without)
        expected = _median((np.abs(scores.expected[rows][:, columns] - without) / unit)[differs])
        size = _median((np.abs(sent - without) / unit)[differs])
        others = np.delete(np.arange(len(deviation)), columns)
        moved = np.abs(scores.expected[rows] - incident.expected_without) / np.maximum(deviation, 1e-300)
        healthy = moved[differs.any(axis=1)][:, others[deviation[others] > 0]].max(axis=1, initial=0.0)
    return Outcome(
        dataset=incident.dataset,
        kind=incident.kind,
        chance=len(faulty) / len(deviation),
        first=bool(faulty & set(whole[:1])),
        first_two=bool(faulty & set(whole[:2])),
        flagged=len(flagged) > 0,
        flagged_first=bool(faulty & set(at_flags[:1])),
        flagged_first_two=bool(faulty & set(at_flags[:2])),
        expected=expected,
        size=size,
        healthy=healthy,
    )


def _ranked(scores: Scores, rows: Integers) -> list[int]:
    """Signals by their mean contribution, rows weighted by their error."""
    if len(rows) == 0:
        return []
    total = (scores.contributions[rows] * scores.error[rows, None]).sum(axis=0)
    ranked: list[int] = np.argsort(-total, kind="stable").tolist()
    return ranked


def trip_outcomes(settings: Settings, path: Path, repetitions: int, seed: int) -> Iterator[Outcome]:
    """Inject faults into one recorded trip, `repetitions` times with different ones.

    Raises:
        RecordingError: the trip cannot be read.
    """
    trip = read_trip(path, settings)
    values, settings = trip.values, trip.settings
    first = min(WARM_UP, len(values) // 3)

    def scored(stream: Floats) -> Scores:
        detector = Detector(parameters_of(settings.detector), signals_of(settings))
        return detector.process(["trip"] * len(stream), trip.times, stream)

    unspoilt = scored(values).expected
    for repetition in range(repetitions):
        changed, faults = inject(values, first, np.random.default_rng((seed, repetition)))
        scores = scored(changed)
        for fault in faults:
            rows = np.arange(fault.start, fault.stop)
            signals, sent, without = [fault.signal], changed[rows], values[rows]
            incident = Incident(trip.dataset, fault.kind, rows, signals, sent, without, unspoilt[rows])
            yield outcome(incident, scores, np.nanstd(values, axis=0))


def fleet_outcomes(settings: Settings, vehicles: int, seconds: int, seed: int) -> Iterator[Outcome]:
    """Faults of a simulated fleet, compared with the same fleet without faults."""
    scored = settings.scored_signals
    columns = [list(settings.signals).index(name) for name in scored]
    ids, times, values, faults = drive(settings, vehicles, seconds, seed, settings.simulator.faults_per_hour)
    _, _, without, _ = drive(settings, vehicles, seconds, seed, 0.0)
    values, without = values[:, columns], without[:, columns]
    parameters = parameters_of(settings.detector)
    scores = Detector(parameters, signals_of(settings)).process(ids, times, values)
    unspoilt = Detector(parameters, signals_of(settings)).process(ids, times, without).expected
    owner = np.array(ids)
    for fault in faults:
        start, stop = microseconds(fault.starts_at), microseconds(fault.ends_at)
        rows = np.flatnonzero((owner == fault.vehicle_id) & (times >= start) & (times < stop))
        signals = [scored.index(name) for name in fault.signals if name in scored]
        if len(rows) and signals:
            truth = None if fault.kind in DRIVERS else without[rows]
            incident = Incident(SIMULATED, fault.kind, rows, signals, values[rows], truth, unspoilt[rows])
            yield outcome(incident, scores, np.nanstd(without, axis=0))


def drive(
    settings: Settings, vehicles: int, seconds: int, seed: int, faults_per_hour: float
) -> tuple[list[str], Integers, Floats, list[Any]]:
    simulator = settings.simulator
    fleet = Fleet(
        vehicles=vehicles,
        rate=1.0,
        seed=seed,
        faults_per_hour=faults_per_hour,
        latitude=simulator.latitude,
        longitude=simulator.longitude,
        start=datetime(2026, 1, 1, tzinfo=UTC),
        warm_up=WARM_UP,
    )
    decoder = Decoder(settings.payload, settings.signals)
    ids: list[str] = []
    times, values, faults = [], [], []
    for _, step in zip(range(seconds + WARM_UP), fleet.steps(), strict=False):
        batch = MessageBatch(step.payloads, [""] * vehicles, step.times.tolist(), "simulator")
        telemetry = decoder.decode(batch).telemetry
        ids.extend(telemetry.vehicle_ids)
        times.append(telemetry.timestamps)
        values.append(telemetry.values)
        faults.extend(step.faults)
    return ids, np.concatenate(times), np.concatenate(values), faults


def summary(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Figures over several incidents."""
    flagged = [one for one in outcomes if one.flagged]
    healthy = np.concatenate([one.healthy for one in outcomes])
    return {
        "faults": float(len(outcomes)),
        "chance": _share(one.chance for one in outcomes),
        "first": _share(one.first for one in outcomes),
        "first_two": _share(one.first_two for one in outcomes),
        "flagged": _share(one.flagged for one in outcomes),
        "flagged_first": _share(one.flagged_first for one in flagged),
        "flagged_first_two": _share(one.flagged_first_two for one in flagged),
        "expected": _known(_median([one.expected for one in outcomes])),
        "size": _known(_median([one.size for one in outcomes])),
        "healthy_mean": float(healthy.mean()) if len(healthy) else None,
        "healthy_95": float(np.percentile(healthy, 95)) if len(healthy) else None,
    }


def report(outcomes: Sequence[Outcome]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Dataset → kind or ``all`` → figures."""
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for dataset in dict.fromkeys(one.dataset for one in outcomes):
        own = [one for one in outcomes if one.dataset == dataset]
        kinds = sorted({one.kind for one in own})
        found[dataset] = {kind: summary([one for one in own if one.kind == kind]) for kind in kinds}
        found[dataset]["all"] = summary(own)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if a trip or a setting is wrong.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.explanations"), threadpool_limits(limits=1):
        settings = load()
        notes = Console(stderr=True)
        trips = [] if options.trips is None else find_trips(options.trips)
        if not trips:
            notes.print("no --trips: only the simulated fleet")
        outcomes: list[Outcome] = []
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=notes, transient=True) as progress:
            task = progress.add_task(SIMULATED, total=1 + len(trips))
            outcomes.extend(fleet_outcomes(settings, options.vehicles, options.seconds, options.seed))
            progress.advance(task)
            for trip in trips:
                progress.update(task, description=trip.name)
                outcomes.extend(trip_outcomes(settings, trip, options.repetitions, options.seed))
                progress.advance(task)
        figures = report(outcomes)
        if options.json:
            print(json.dumps(figures, indent=1))
        else:
            Console(width=None if sys.stdout.isatty() else 140).print(_table(figures))


def _table(figures: dict[str, dict[str, dict[str, float | None]]]) -> Table:
    table = Table()
    for title in ("dataset", "kind", "faults", "chance", "first", "first\ntwo", "flagged"):
        table.add_column(title, justify="left" if title in ("dataset", "kind") else "right")
    for title in ("flagged:\nfirst", "first\ntwo", "expected", "size", "healthy:\nmean", "\n95 %"):
        table.add_column(title, justify="right")
    for dataset, kinds in figures.items():
        for kind, found in kinds.items():
            cells = ["–" if value is None else f"{value:.2f}" for value in list(found.values())[1:]]
            table.add_row(dataset, kind, f"{found['faults']:.0f}", *cells, end_section=kind == "all")
    return table


def _share(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None


def _median(values: Sequence[float] | Floats) -> float:
    """Median of the finite values; NaN if there are none."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explanations",
        description="Measure whether the signals that the detector blames are the faulty ones.",
        epilog=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--trips", type=Path, metavar="DIR", help="recorded trips as CSV; default: none")
    parser.add_argument(
        "--repetitions", type=int, default=4, help="runs per trip, each with other faults (%(default)s)"
    )
    parser.add_argument("--vehicles", type=int, default=20, help="in the simulated fleet (%(default)s)")
    parser.add_argument("--seconds", type=int, default=3600, help="seconds that it drives (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    main()
