"""The options of ``python -m sim``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from config.settings import SimulatorSettings

_DESCRIPTION = """\
Drive a simulated fleet and publish its telemetry to the broker of the settings (MQTT, or Kafka if
[source] kind says so), or write it to a recording. Ground truth of the injected faults goes to a
topic or file of its own, never into the telemetry. Ctrl-C stops.

Every payload has the signals of config/fleet.toml. The same --seed, --start, --rate, --vehicles
and --warm-up give the same payloads, byte for byte."""

_EXAMPLES = """\
examples:
  python -m sim                                    the fleet of the settings, live
  python -m sim --warm-up 600                      ... after sending the last ten minutes at once
  FLEET_CONFIG=config/kafka.toml python -m sim     ... over Kafka
  python -m sim --vehicles 2000 --faults-per-hour 0
  python -m sim --duration 3600 --output fleet.jsonl.gz
                                                   an hour of telemetry in a file, and its ground
                                                   truth in fleet.ground-truth.jsonl
  python -m sim replay fleet.jsonl.gz --speed 10   publish a recording, ten times as fast
"""

_REPLAY_DESCRIPTION = """\
Publish a recording (.jsonl, .csv, each also with .gz, or .parquet) to the broker of the settings,
at the pace at which it was recorded. Over MQTT messages go to the topic they were recorded from;
those without one to [topics] telemetry, with the file's name in place of "+". Over Kafka all go to
[topics] telemetry, with the key they were recorded with, or else the vehicle's level of their topic.
Payloads are published byte for byte: time stamps in them stay what they are, and lie in the past."""


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def new_parser(defaults: SimulatorSettings) -> argparse.ArgumentParser:
    """The parser; `command` of what it returns is ``simulate`` or ``replay``."""
    parser = _OneLineParser(
        prog="python -m sim",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command="simulate")
    add = parser.add_argument
    add(
        "--vehicles",
        type=_whole(1),
        default=defaults.vehicles,
        metavar="N",
        help="size of the fleet (%(default)s)",
    )
    add(
        "--rate",
        type=_number(above=0.0),
        default=defaults.rate,
        metavar="X",
        help="events per vehicle and second (%(default)s)",
    )
    add(
        "--seed",
        type=_whole(0),
        default=defaults.seed,
        metavar="N",
        help="decides all randomness (%(default)s)",
    )
    add(
        "--faults-per-hour",
        type=_number(at_least=0.0),
        default=defaults.faults_per_hour,
        metavar="X",
        help="injected faults per vehicle and hour (%(default)s)",
    )
    add(
        "--warm-up",
        type=_number(at_least=0.0),
        default=0.0,
        metavar="SECONDS",
        help="send so much of the past first, at once and without faults: what is normal comes first",
    )
    add(
        "--duration",
        type=_number(above=0.0),
        metavar="SECONDS",
        help="stop after so much of the stream, not counting the warm-up (never)",
    )
    add(
        "--start",
        type=_moment,
        metavar="TIME",
        help="event time of the first live event, ISO 8601 with zone (now)",
    )
    add(
        "--output",
        type=Path,
        metavar="FILE",
        help="write a recording (.jsonl, .jsonl.gz) as fast as possible",
    )
    add(
        "--ground-truth",
        type=Path,
        metavar="FILE",
        help="where its ground truth goes (beside it, *.ground-truth.jsonl)",
    )
    command = parser.add_subparsers(title="other commands", metavar="").add_parser(
        "replay",
        help="publish a recording",
        description=_REPLAY_DESCRIPTION,
        epilog="example:\n  python -m sim replay trip.csv --speed max",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command="replay")
    command.add_argument("file", type=Path, metavar="FILE", help="the recording")
    command.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="X",
        help='1 as recorded, 10 ten times as fast, "max" as fast as possible (%(default)s)',
    )
    return parser


def _whole(lowest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {lowest}, got {text!r}")
        return int(text)

    return parse


def _number(*, above: float = -math.inf, at_least: float = -math.inf) -> Callable[[str], float]:
    wanted = f"above {above:g}" if above > -math.inf else f"of at least {at_least:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value > above and value >= at_least):
            raise argparse.ArgumentTypeError(f"expected a number {wanted}, got {text!r}")
        return value

    return parse


def _speed(text: str) -> float:
    return math.inf if text == "max" else _number(above=0.0)(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"expected a time such as 2026-01-31T12:00:00Z, got {text!r}")
    return moment
