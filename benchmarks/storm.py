"""Does it slow the job down if every vehicle is faulty at once? ``python -m benchmarks.storm``"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from config.errors import exit_on_error
from config.settings import Settings, load
from dataflows.alert.shard_alerts import SETTLE, ShardAlerts
from dataflows.decode import Decoded, Decoder
from dataflows.encode import Encoder
from dataflows.job import tune_gc
from dataflows.messages import MessageBatch
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import split
from dataflows.stored_state import Stored
from sim.fleet import Fleet

START = datetime(2026, 1, 1, tzinfo=UTC)
VEHICLES = 500
PAIRS = 9
STEP = 5
"""Seconds of the stream in a batch."""

BEFORE = int(SETTLE) + 60
"""Seconds of normal driving before: until then, anomalies open no alert."""

MEASURED, FIRST = 60, 10
"""Seconds of the stream that are measured, and those of them in which the alerts of a storm open."""

REQUIRED = 0.8

FAULTS = {"engine_temperature": 40.0, "battery_voltage": -3.0}
"""What is added to these signals of every vehicle; both pass their alarm limits."""

EXAMPLES = f"""
A simulated fleet of {VEHICLES} vehicles that send once a second, through scoring, alerts and encoding, in
process and on one core. After some minutes of normal driving, the next minute is measured: as it is ("calm"),
and with every engine too hot and every battery too weak from its first second on ("storm"). Both begin with
the same state and take turns. "ratio" is storm over calm, the median of all pairs: at least {REQUIRED:g} is
required over the minute. In the first ten seconds, every alert opens and little else happens. Speeds are per
second of processor time.

examples:
  python -m benchmarks.storm
  python -m benchmarks.storm --pairs 3 --json
"""

States = dict[str, tuple[Stored, Stored]]
"""Shard → snapshots of its scorer and of its alerts."""


class Run(NamedTuple):
    """What one run took.

    Attributes:
        first, whole: events per second of processor time, in the first seconds and in all.
        alerts: that are open at the end.
    """

    first: float
    whole: float
    alerts: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over all pairs.

    Attributes:
        seconds: of the stream, from the beginning of the storm on.
        calm, storm: events per second of processor time.
        ratio: storm over calm.
    """

    seconds: int
    calm: float
    storm: float
    ratio: float


class Shards:
    """Scoring, alerts and encoding of all shards, without an engine.

    Args:
        settings: all settings.
        states: to go on with.
    """

    def __init__(self, settings: Settings, states: States) -> None:
        self._settings = settings
        self._encode = Encoder(settings).encode
        self._shards = {
            key: (ShardScorer(settings, scorer), ShardAlerts(settings, alerts))
            for key, (scorer, alerts) in states.items()
        }

    def run(self, batches: Sequence[Decoded]) -> float:
        """Take in decoded batches, and return how many seconds of processor time that took."""
        begin = time.process_time()
        for batch in batches:
            for key, part in split(batch, self._settings.detector.shards):
                if key not in self._shards:
                    self._shards[key] = ShardScorer(self._settings), ShardAlerts(self._settings)
                scorer, alerts = self._shards[key]
                scored = scorer.score(part)
                self._encode(scored)
                alerts.fold(scored)
        return time.process_time() - begin

    def open_alerts(self) -> int:
        """How many alerts are open."""
        return sum(alert.state == "open" for _, alerts in self._shards.values() for alert in alerts.book)

    def states(self) -> States:
        """Snapshots of all."""
        return {key: (scorer.snapshot(), alerts.snapshot()) for key, (scorer, alerts) in self._shards.items()}


class Minute:
    """A minute of a fleet, calm and with a storm, after the same normal driving.

    Args:
        settings: all settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        batches = _decoded(settings)
        before = Shards(settings, {})
        for batch in islice(batches, BEFORE // STEP):
            before.run([batch])
        self._states = before.states()
        self._calm = list(batches)
        self._storm = [_faulty(batch, list(settings.signals)) for batch in self._calm]

    def run(self, *, storm: bool) -> Run:
        """Run it once."""
        batches = self._storm if storm else self._calm
        shards = Shards(self._settings, self._states)
        tune_gc()
        first = shards.run(batches[: FIRST // STEP])
        whole = first + shards.run(batches[FIRST // STEP :])
        return Run(VEHICLES * FIRST / first, VEHICLES * MEASURED / whole, shards.open_alerts())


def _decoded(settings: Settings) -> Iterator[Decoded]:
    place = settings.simulator
    fleet = Fleet(
        vehicles=VEHICLES,
        rate=1.0,
        seed=1,
        faults_per_hour=0.0,
        latitude=place.latitude,
        longitude=place.longitude,
        start=START,
    )
    decoder = Decoder.of(settings)
    topics = [f"fleet/telemetry/{vehicle}" for vehicle in fleet.vehicle_ids] * STEP
    steps, count = fleet.steps(), (BEFORE + MEASURED) // STEP
    for _ in track(range(count), "simulating", console=Console(stderr=True), transient=True):
        some = list(islice(steps, STEP))
        payloads = [payload for step in some for payload in step.payloads]
        times = [time for step in some for time in step.times.tolist()]
        yield decoder.decode(MessageBatch(payloads, topics, times, origin="sim"))


def _faulty(batch: Decoded, signals: list[str]) -> Decoded:
    values = batch.telemetry.values.copy()
    for signal, offset in FAULTS.items():
        values[:, signals.index(signal)] += offset
    return replace(batch, telemetry=replace(batch.telemetry, values=values))


def measure(settings: Settings, pairs: int) -> tuple[list[Speed], Run]:
    """Run the minute calm and with a storm, in turns, after a pair that is not counted.

    Args:
        settings: all settings.
        pairs: how many.

    Returns:
        The speeds, and the last run with a storm.
    """
    minute = Minute(settings)
    turns = track(range(pairs + 1), "measuring", console=Console(stderr=True), transient=True)
    runs = [(minute.run(storm=False), minute.run(storm=True)) for _ in turns][1:]
    speeds = [
        Speed(
            seconds,
            round(statistics.median(calm[which] for calm, _ in runs)),
            round(statistics.median(storm[which] for _, storm in runs)),
            round(statistics.median(storm[which] / calm[which] for calm, storm in runs), 3),
        )
        for which, seconds in enumerate((FIRST, MEASURED))
    ]
    return speeds, runs[-1][1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.storm"), threadpool_limits(limits=1):
        speeds, last = measure(load(), options.pairs)
    if options.json:
        rows = [asdict(speed) for speed in speeds]
        print(json.dumps({"vehicles": VEHICLES, "alerts": last.alerts, "speeds": rows}, indent=1))
        return
    table = Table()
    for title in ("seconds", "calm, events/s", "storm, events/s", "ratio"):
        table.add_column(title, justify="right")
    for speed in speeds:
        table.add_row(
            f"first {speed.seconds}", f"{speed.calm:,.0f}", f"{speed.storm:,.0f}", f"{speed.ratio:.2f}"
        )
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(table)
    console.print(f"{last.alerts:,} alerts of {VEHICLES:,} vehicles are open at the end of the storm")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.storm",
        description="Compare the speed while every vehicle is faulty at once with that of normal driving.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N", help="runs of each kind (default: %(default)d)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    main()
