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
from config.errors import FleetError, SettingsError, exit_on_error

EVENTS = 300_000
FEWEST_EVENTS = 2_000
"""With fewer a run is over before the clock starts."""
REPETITIONS = 3

PARTS: dict[str, Callable[[Scale], Report]] = {
    "in_process": in_process,
    "kafka": kafka,
    "mqtt": mqtt,
    "peers": peers,
    "vehicles": vehicles,
    "signals": signals,
    "shards": shards,
    "processes": processes,
}

EXPLANATION = """
A recorded stream of 1,000 vehicles with 8 signals, about 185 bytes an event, goes through the job: decode,
score and learn, encode, deliver. Every job is a process of its own, pinned to one core; brokers run beside
it, so take the ratios, not the numbers, where there are few cores. The clock starts after a fifth of the
events, and recovery is off. Cases take turns; each figure is the median of its runs. What fewer than
100,000 events give only shows that it runs.

  in_process  from memory to nowhere, in batches of 4,096; its limit is the same flow without scoring
  kafka       Kafka to Kafka, in one process and in two; its limit is the same flow without scoring
  mqtt        MQTT to MQTT, 1 and 50 events a message; its limit is paho alone: subscribe and publish
  peers       other ways to do it, in turns with ours (`make bench-peers` first), with a tenth of the events;
              what cannot run is said, with the reason
  vehicles    from 10 to 100,000; size of the state of each, time of a snapshot and of a restart from it
  signals     from 4 to 32
  shards      1, 4 and 16
  processes   1 and 2, each on a core of its own, which share the partitions of a topic in memory

examples:
  python -m benchmarks.throughput
  python -m benchmarks.throughput --only in_process --json
  python -m benchmarks.throughput --only kafka,mqtt --events 1000000 --repetitions 5
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if an argument is wrong or nothing was measured.
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
    """Measure parts; one that fails, because a broker is not installed, is named and left out.

    Args:
        parts: names from `PARTS`.
        scale: how much.

    Raises:
        FleetError: none could be measured.
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
        help=f"of a run, {FEWEST_EVENTS} at least; slow parts take a share of it (%(default)s)",
    )
    parser.add_argument(
        "--repetitions",
        type=lambda text: _number(text, 1),
        default=REPETITIONS,
        metavar="N",
        help="of each case (%(default)s)",
    )
    return parser


def _number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, got {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
