"""The options of ``python -m sim``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TypeVar

from config.settings import SimulatorSettings
from sim.formats import FORMATS
from sim.network_faults import NetworkFaults, network_faults

Number = TypeVar("Number", int, float)

_DESCRIPTION = """\
Simulate a fleet and publish its telemetry to the broker in the settings (MQTT, or Kafka if [source]
kind is "kafka"), or write it to a recording. The ground truth of the injected faults goes to a separate
topic or file, never into the telemetry. Vehicles obey commands from [topics] command, and answer them;
docs/commands.md lists them. Ctrl-C stops.

Payloads have the signals of config/fleet.toml, in the region those of config/region.toml, or with --format
the shape of another system. The same --world, --seed, --start, --rate, --vehicles, --warm-up,
--faults-per-hour, --format and --network, and in the region --electric-share, --parked and --heartbeat,
give the same messages, byte for byte.

--network NAME=VALUE,... is what is wrong with the network. The telemetry and its faults stay as they are,
and the ground truth keeps the true times. It applies to the warm-up too; what is under way when the
duration ends is still delivered, at its time.
  duplicates=SHARE   of the events, from 0 to 1, that arrive once more, up to 5 s later
  loss=SHARE         of the events that never arrive
  reorder=SHARE      of the events that are held back until later ones of their vehicle have been sent
  delay=SECONDS      vehicles store their events, and send them this often
  gaps=X             times per vehicle and hour that it is offline for half a minute to five minutes; what
                     it measured then is lost, or arrives in one go at the end, in half of the gaps each
  clock-skew=SECONDS standard deviation of the clocks of the vehicles: each is always wrong by as much, and
                     so are the times in its payloads"""

_EXAMPLES = """\
examples:
  python -m sim                                    the fleet of the settings, live
  python -m sim --warm-up 600                      ... after sending the past ten minutes at once
  FLEET_CONFIG=config/kafka.toml python -m sim     ... to Kafka
  python -m sim --vehicles 2000 --faults-per-hour 0
  python -m sim --duration 3600 --output fleet.jsonl.gz
                                                   an hour of telemetry in a file, and its ground
                                                   truth in fleet.ground-truth.jsonl
  FLEET_CONFIG=config/region.toml python -m sim    a region in which vehicles make trips
  python -m sim roads --output roads.geojson       ... and a map of its roads
  python -m sim --network duplicates=0.01,loss=0.001,reorder=0.02,gaps=2
                                                   over a bad network
  FLEET_CONFIG=config/traccar.toml python -m sim --format traccar
                                                   positions as Traccar forwards them
  python -m sim replay fleet.jsonl.gz --speed 10   publish a recording, ten times as fast
  mosquitto_pub -t fleet/command/VEH-0001 -m stop  stop one vehicle of the running fleet
  mosquitto_pub -t fleet/command -m resume         let the whole fleet drive on
"""

_REPLAY_DESCRIPTION = """\
Publish a recording (.jsonl, .csv, either also with .gz, or .parquet) to the broker in the settings, at
the speed at which it was recorded. Over MQTT, messages go to the topic they were recorded from, or, if
they have none, to [topics] telemetry with the name of the file as the vehicle. Over Kafka, all go to
[topics] telemetry, with the key they were recorded with, or else the last level of their topic.
Payloads are published byte for byte: the timestamps in them are not changed, and lie in the past."""


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def new_parser(defaults: SimulatorSettings) -> argparse.ArgumentParser:
    """The parser of the command line; sets `command` to ``simulate``, ``replay`` or ``roads``.

    Args:
        defaults: the section ``[simulator]``, for options that are not given.
    """
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
        type=_number(int, at_least=1),
        default=defaults.vehicles,
        metavar="N",
        help="size of the fleet (%(default)s)",
    )
    add(
        "--rate",
        type=_number(float, above=0.0),
        default=defaults.rate,
        metavar="X",
        help="events per second and vehicle (%(default)s)",
    )
    add(
        "--world",
        choices=("city", "region"),
        default=defaults.world,
        metavar="NAME",
        help="city: closed routes; region: trips between towns, needs config/region.toml (%(default)s)",
    )
    add(
        "--electric-share",
        type=_number(float, at_least=0.0, at_most=1.0),
        default=defaults.electric_share,
        metavar="X",
        help="share of the region's vehicles that are electric (%(default)s)",
    )
    add(
        "--parked",
        choices=("heartbeat", "sleep", "send"),
        default=defaults.parked,
        metavar="HOW",
        help="what parked vehicles of the region do: heartbeat, sleep or send (%(default)s)",
    )
    add(
        "--heartbeat",
        type=_number(float, above=0.0),
        default=defaults.heartbeat,
        metavar="SECONDS",
        help="time between two events of a parked vehicle (%(default)s)",
    )
    add(
        "--seed",
        type=_number(int, at_least=0),
        default=defaults.seed,
        metavar="N",
        help="seed of everything that is random (%(default)s)",
    )
    add(
        "--faults-per-hour",
        type=_number(float, at_least=0.0),
        default=defaults.faults_per_hour,
        metavar="X",
        help="faults injected per vehicle and hour (%(default)s)",
    )
    add(
        "--warm-up",
        type=_number(float, at_least=0.0),
        default=0.0,
        metavar="SECONDS",
        help="first send this much of the past at once and without faults, as normal data (%(default)g)",
    )
    add(
        "--duration",
        type=_number(float, above=0.0),
        metavar="SECONDS",
        help="stop after this much of the stream, not counting the warm-up (default: do not stop)",
    )
    add(
        "--start",
        type=_moment,
        metavar="TIME",
        help="event time of the first live event, ISO 8601 with time zone (default: now)",
    )
    add(
        "--format",
        choices=list(FORMATS),
        default="plain",
        metavar="NAME",
        help="what messages look like: " + ", ".join(FORMATS) + " (%(default)s); each has a file in config/ "
        "with which the dataflow reads it, to be named by FLEET_CONFIG for both",
    )
    add(
        "--network",
        type=network_faults,
        default=NetworkFaults(),
        metavar="NAME=VALUE,...",
        help="what is wrong with the network, see above (nothing)",
    )
    add(
        "--output",
        type=Path,
        metavar="FILE",
        help="write a recording (.jsonl, .jsonl.gz) instead, as fast as possible",
    )
    add(
        "--ground-truth",
        type=Path,
        metavar="FILE",
        help="ground truth of that recording (default: beside it, *.ground-truth.jsonl)",
    )
    add(
        "--commands",
        action=argparse.BooleanOptionalAction,
        default=defaults.commands,
        help="whether vehicles obey commands from [topics] command (%(default)s); never in a recording",
    )
    commands = parser.add_subparsers(title="other commands", metavar="")
    roads = commands.add_parser("roads", help="write the roads of the region to a file")
    roads.set_defaults(command="roads")
    roads.add_argument("--output", type=Path, required=True, metavar="FILE", help="GeoJSON file to write")
    # Given before or after the command.
    roads.add_argument("--seed", type=_number(int, at_least=0), default=argparse.SUPPRESS, metavar="N")
    command = commands.add_parser(
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
        help='1: as recorded, 10: ten times as fast, "max": as fast as possible (%(default)s)',
    )
    return parser


def _number(
    convert: Callable[[str], Number],
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
) -> Callable[[str], Number]:
    kind = "an integer" if convert is int else "a number"
    bound = f"above {above:g}" if above > -math.inf else f"of at least {at_least:g}"
    bound += f" and at most {at_most:g}" if at_most < math.inf else ""

    def parse(text: str) -> Number:
        with suppress(ValueError, OverflowError):
            value = convert(text)
            if math.isfinite(value) and value > above and at_least <= value <= at_most:
                return value
        raise argparse.ArgumentTypeError(f"expected {kind} {bound}, got {text!r}")

    return parse


def _speed(text: str) -> float:
    return math.inf if text == "max" else _number(float, above=0.0)(text)


def _moment(text: str) -> datetime:
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise argparse.ArgumentTypeError(
        f"expected a time with its time zone, such as 2026-01-31T12:00:00Z, got {text!r}"
    )
