"""Proposes settings for telemetry by looking at it: ``python -m dataflows.describe FILE | --topic T``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from config.errors import SettingsError, exit_on_error
from config.logs import configure_logging
from config.settings import Settings, load
from dataflows.describe import Proposal, Sample, propose, toml_of
from dataflows.describe.live import broker_settings, from_broker
from dataflows.describe.report import explanation
from dataflows.describe.sample import MESSAGES, from_recording
from dataflows.describe.trial import try_out

PROGRAM = "describe"
SECONDS = 30.0
"""How long to listen to a broker unless the user says otherwise."""

EXAMPLES = """examples:
  python -m dataflows.describe trip.jsonl > mine.toml
  python -m dataflows.describe trip.csv --output mine.toml
  python -m dataflows.describe --topic 'cars/+/telemetry' --broker broker.example.org:1883 --output mine.toml
  python -m dataflows.describe --topic vehicle-telemetry --source kafka --seconds 60

The settings go to standard output or --output; what was seen, and what came out when the sample was scored
with them, to standard error. The status is 1 if the sample cannot be read, or not be scored with them.
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: with status 1, after one line on standard error, if the sample or an option is wrong.
    """
    options = _parser().parse_args(arguments)
    configure_logging(PROGRAM, f"{PROGRAM}: %(message)s", is_command=True)
    with exit_on_error(PROGRAM):
        sample, proposal = _proposal(options)
        toml = toml_of(proposal)
        _write(toml, options.output, force=options.force)
        trial = try_out(toml, sample)
        print(explanation(proposal, sample, trial, options.output), file=sys.stderr)
        if trial.failure:
            raise SystemExit(1)


def _proposal(options: argparse.Namespace) -> tuple[Sample, Proposal]:
    if (options.file is None) == (options.topic is None):
        got = "neither" if options.file is None else "both"
        raise SettingsError(
            f"expected a FILE or --topic TOPIC, got {got}; e.g. python -m dataflows.describe trip.jsonl"
        )
    if options.output is not None and options.output.exists() and not options.force:
        raise SettingsError(
            f"--output: {options.output} exists; choose another name, or overwrite it with --force"
        )
    if options.messages < 1 or not options.seconds > 0.0:
        raise SettingsError(
            f"expected --messages ≥ 1 and --seconds > 0, got {options.messages} and {options.seconds:g}"
        )
    if options.file is not None:
        sample = from_recording(options.file, options.messages)
        return sample, propose(sample)
    settings = _with_broker(load(), options)
    sample = from_broker(settings, options.topic, options.seconds, options.messages)
    return sample, propose(sample, broker_settings(settings))


def _with_broker(settings: Settings, options: argparse.Namespace) -> Settings:
    """The settings with the broker that the options name."""
    kind = options.source or ("kafka" if settings.source.kind == "kafka" else "mqtt")
    update: dict[str, Any] = {"source": settings.source.model_copy(update={"kind": kind})}
    if options.broker is not None:
        host, _, port = options.broker.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise SettingsError(f"--broker: expected HOST:PORT, e.g. 127.0.0.1:1883, got {options.broker!r}")
        if kind == "kafka":
            update["kafka"] = settings.kafka.model_copy(update={"bootstrap": options.broker})
        else:
            update["mqtt"] = settings.mqtt.model_copy(update={"host": host, "port": int(port)})
    return settings.model_copy(update=update)


def _write(toml: str, output: Path | None, *, force: bool) -> None:
    if output is None:
        sys.stdout.write(toml)
        sys.stdout.flush()
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(toml)
    except OSError as error:
        raise SettingsError(f"--output: cannot write {output}: {error.strerror or error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dataflows.describe",
        description="Look at telemetry, propose the settings that read it, and score the sample with them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, nargs="?", help="recording: JSON lines, CSV (each also .gz) or Parquet"
    )
    parser.add_argument(
        "--topic", metavar="TOPIC", help="listen to a broker instead: an MQTT filter, or a Kafka topic"
    )
    parser.add_argument(
        "--source", choices=["mqtt", "kafka"], help="kind of the broker (default: that of the settings)"
    )
    parser.add_argument(
        "--broker", metavar="HOST:PORT", help="where it is (default: that of the settings, FLEET_CONFIG)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="N", help=f"listen so long (default: {SECONDS:g})"
    )
    parser.add_argument(
        "--messages",
        type=int,
        default=MESSAGES,
        metavar="N",
        help=f"messages to sample (default: {MESSAGES:,})",
    )
    parser.add_argument("--output", type=Path, metavar="MINE.toml", help="write the settings to this file")
    parser.add_argument("--force", action="store_true", help="overwrite the file of --output")
    return parser


if __name__ == "__main__":
    main()
