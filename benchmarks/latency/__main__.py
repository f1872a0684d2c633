"""The command line of the latency benchmark."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.latency.figures import Measured, report, table
from benchmarks.latency.kafka import kafka_broker
from benchmarks.latency.load import Load
from benchmarks.latency.mqtt import mqtt_broker
from benchmarks.latency.run import Wire, measure, running_job
from config.errors import exit_on_error

RATES = (100.0, 1_000.0, 5_000.0)
SECONDS = 30.0
WARM_UP_RATE = 1_000.0
WARM_UP_SECONDS = 15.0
SETTLING = 3.0
"""Seconds at the start of every rate that are not counted."""

BROKERS: dict[str, Callable[[Path], AbstractContextManager[Wire]]] = {
    "mqtt": mqtt_broker,
    "kafka": kafka_broker,
}

EXPLANATION = """
The job runs as in production, `python -m bytewax.run dataflows.fleet -r DIR -s 10 -b 0`, on a broker with
the shipped configuration. 1,000 vehicles take turns, with 8 signals per event. Events are sent at a
constant rate, regardless of answers, and an event's latency counts from when it was due: a stall is part of
the latency of every event that it delays. Compiling, connecting and new vehicles are not measured. "during
snapshots": the events that were in flight while the recovery store was written. Over MQTT, mqtt.queue_size
is 65535: the default, 20,000 between two snapshots, is too small for 5,000 a second. Publisher, receiver,
broker and job share the machine's cores: any other load there shows in p99 and max. If the load is more
than the cores can handle, events queue up, and the latency only shows for how long. An event that has not
arrived 20 s after the last was due is missing, and counts as the latest of all. "publisher" in JSON: by how
much the publisher itself was behind schedule, which is part of the latencies.

examples:
  python -m benchmarks.latency
  python -m benchmarks.latency --only mqtt --rates 1000 --seconds 60 --json
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if a broker or the job does not run.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.latency"):
        names = [options.only] if options.only else list(BROKERS)
        measured = list(run(names, options.rates, options.seconds, Console(stderr=True)))
    if options.json:
        print(json.dumps(report(measured), indent=1))
        return
    Console(width=None if sys.stdout.isatty() else 110).print(table(measured))


def run(names: Sequence[str], rates: Sequence[float], seconds: float, notes: Console) -> Iterator[Measured]:
    """Measure all rates over each wire, with one job each.

    Args:
        names: names of the wires.
        rates: events per second.
        seconds: duration of each measurement.
        notes: for the progress bar.

    Raises:
        BrokerError: a broker or the job does not run.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, refresh_per_second=2) as progress:
        for name in names:
            with (
                tempfile.TemporaryDirectory() as directory,
                BROKERS[name](_made(directory, "broker")) as wire,
                running_job(wire, _made(directory, "job")) as job,
            ):
                loads = [Load(0, WARM_UP_RATE, WARM_UP_SECONDS, 0.0)]
                for rate in rates:
                    before = loads[-1]
                    since = before.since + before.seconds
                    loads.append(Load(before.first + before.count, rate, SETTLING + seconds, since))
                for load in loads:
                    is_warm_up = load is loads[0]
                    what = "warming up" if is_warm_up else f"{load.rate:,g} events/s"
                    task = progress.add_task(f"{name}, {what}", total=load.seconds)

                    def tick(seconds: float, task: TaskID = task) -> None:
                        progress.update(task, completed=seconds)

                    found = measure(name, wire, job, load, tick)
                    progress.remove_task(task)
                    if not is_warm_up:
                        yield found.after(SETTLING)


def _made(directory: str, name: str) -> Path:
    path = Path(directory) / name
    path.mkdir()
    return path


def _rates(text: str) -> list[float]:
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0 < rate < math.inf for rate in rates):
        raise argparse.ArgumentTypeError(f"expected rates such as 100,1000, got {text!r}")
    return list(dict.fromkeys(rates))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds ≥ 1, got {text!r}")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency",
        description="Measure the latency from the telemetry topic to the enriched topic.",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=list(BROKERS), help="measure only one wire; default: both")
    parser.add_argument(
        "--rates",
        type=_rates,
        default=list(RATES),
        metavar="N,N",
        help="events per second (default: 100,1000,5000)",
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, metavar="N", help="for each rate (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    main()
