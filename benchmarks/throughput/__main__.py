"""The command line of the throughput benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from benchmarks.throughput.beside_peers import peers
from benchmarks.throughput.figures import Report, Scale
from benchmarks.throughput.growth import processes, shards, signals, vehicles
from benchmarks.throughput.in_process import in_process
from benchmarks.throughput.kafka import kafka
from benchmarks.throughput.mqtt import mqtt
from benchmarks.throughput.report import tables
from benchmarks.throughput.steps import steps
from config.errors import FleetError, SettingsError, exit_on_error

EVENTS = 300_000
FEWEST_EVENTS = 2_000
"""With fewer, a run would be over before the measurement starts."""

REPETITIONS = 3

PARTS: dict[str, Callable[[Scale], Report]] = {
    "in_process": in_process,
    "steps": steps,
    "kafka": kafka,
    "mqtt": mqtt,
    "peers": peers,
    "vehicles": vehicles,
    "signals": signals,
    "shards": shards,
    "processes": processes,
}

EXPLANATION = """
A recorded stream of 1,000 vehicles with 8 signals, about 185 bytes per event, runs through the job: decode,
score and learn, encode, deliver. Every job runs in its own process, pinned to one core; brokers run beside
it, so on a machine with few cores rely on the ratios, not on the numbers. The measurement starts after a
fifth of the events, and recovery is off. Cases take turns; each figure is the median of its runs. Figures
of fewer than 100,000 events only show that it runs.

  in_process  from memory to a sink that discards everything, in batches of 4,096; limit: without scoring
  steps       the same with alerts and rollups, and without one of them
  kafka       Kafka to Kafka, in one process and in two; limit: the same flow without scoring
  mqtt        MQTT to MQTT, 1 and 50 events per message; limit: paho alone, subscribing and publishing
  peers       other ways to do the job, in turns with ours (`make bench-peers` first), with a tenth of the
              events; peers that cannot run are listed with the reason
  vehicles    from 10 to 100,000; size of the state per vehicle, time of a snapshot and a restart from it
  signals     from 4 to 32
  shards      1, 4 and 16
  processes   1 and 2, each on its own core, sharing the partitions of a topic in memory

examples:
  python -m benchmarks.throughput
  python -m benchmarks.throughput --only in_process --json
  python -m benchmarks.throughput --only kafka,mqtt --events 1000000 --repetitions 5
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if an argument is wrong or every part failed.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.throughput"):
        notes = Console(stderr=True, soft_wrap=True)
        report = run(_chosen(options.only), Scale(options.events, options.repetitions, notes))
    if options.json:
        print(json.dumps(report, indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 110)
    for table in tables(report):
        console.print(table)


def run(parts: Sequence[str], scale: Scale) -> Report:
    """Measure parts; one that fails, such as for a broker that is not installed, is reported and left out.

    Args:
        parts: names from `PARTS`.
        scale: how much to measure.

    Raises:
        FleetError: no part could be measured.
    """
    report: Report = {}
    for number, name in enumerate(parts, 1):
        try:
            report |= PARTS[name](scale)
        except FleetError as error:
            if number == len(parts) and not report:
                raise
            scale.notes.print(f"{name} left out: {error}", style="yellow", markup=False)
    return report


def _chosen(names: str | None) -> list[str]:
    if names is None:
        return list(PARTS)
    chosen = list(dict.fromkeys(filter(None, names.split(","))))
    for name in chosen:
        if name not in PARTS:
            raise SettingsError(f"--only: expected some of {', '.join(PARTS)}, got {name!r}")
    if not chosen:
        raise SettingsError(f"--only: expected some of {', '.join(PARTS)}, got none")
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description="Measure the job's throughput.",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--only", metavar="A,B", help=f"parts to measure: {', '.join(PARTS)}; default: all")
    parser.add_argument(
        "--events",
        type=lambda text: _number(text, FEWEST_EVENTS),
        default=EVENTS,
        metavar="N",
        help=f"events of a run, at least {FEWEST_EVENTS}; slow parts use a share of them (%(default)s)",
    )
    parser.add_argument(
        "--repetitions",
        type=lambda text: _number(text, 1),
        default=REPETITIONS,
        metavar="N",
        help="runs of each case (%(default)s)",
    )
    return parser


def _number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number ≥ {least}, got {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
