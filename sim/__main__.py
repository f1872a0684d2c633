"""The command ``python -m sim``: a simulated fleet, or a recording, published as telemetry."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.errors import SettingsError, exit_on_error
from config.logs import announce, configure_logging
from config.settings import Settings, load
from config.stop_request import StopRequest
from config.topic_template import TopicTemplate
from dataflows.clock import microseconds
from dataflows.recordings import open_recording
from sim.command_line import new_parser
from sim.commands.desk import CommandDesk
from sim.commands.kafka_receiver import KafkaCommandReceiver
from sim.commands.mqtt_receiver import MqttCommandReceiver
from sim.commands.receivers import CommandReceiver
from sim.fleet import Fleet
from sim.formats import FORMATS
from sim.kafka_publisher import KafkaPublisher
from sim.mqtt_publisher import MqttPublisher
from sim.network import Network
from sim.network_faults import NetworkFaults
from sim.pacing import Pacer
from sim.publishers import BrokerPublisher, RecordingPublisher
from sim.region.geojson import as_geojson
from sim.region.options import RegionOptions
from sim.region.road_graph import roads_of
from sim.replay import replay
from sim.simulate import Totals, simulate
from sim.transmission import Transmission, check_clocks

PROGRAM = "sim"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: those of the command line, by default.

    Raises:
        SystemExit: with status 1 or 2, after one line on standard error, if something is wrong.
    """
    configure_logging(PROGRAM, f"{PROGRAM}: %(message)s")
    with exit_on_error(PROGRAM):
        settings = load()
        options = new_parser(settings.simulator).parse_args(arguments)
        with StopRequest() as stop:
            if options.command == "replay":
                _replay(options, settings, stop)
            elif options.command == "roads":
                _to_map(options, settings)
            elif options.output is not None:
                _to_recording(options, settings, stop)
            else:
                _to_broker(options, settings, stop)


def _to_recording(options: argparse.Namespace, settings: Settings, stop: StopRequest) -> None:
    if options.duration is None:
        raise SettingsError("--output FILE needs --duration SECONDS, e.g. --duration 3600")
    ground_truth = options.ground_truth or _beside(options.output)
    fleet = _fleet(options, settings, options.start or datetime.now(UTC))
    network, transmission = _transmission(options, settings, fleet)
    with RecordingPublisher(options.output, ground_truth) as publisher:
        totals = simulate(
            fleet,
            publisher,
            transmission=transmission,
            duration=options.duration,
            live=Pacer(stop, speed=math.inf),
            stop=stop,
        )
    summary = _summary(totals, stop, network)
    _say(f"{summary}; telemetry in {options.output}, ground truth in {ground_truth}")


def _to_broker(options: argparse.Namespace, settings: Settings, stop: StopRequest) -> None:
    topics = settings.topics
    if options.ground_truth is not None:
        raise SettingsError(
            "--ground-truth FILE requires --output FILE; on a broker it goes to [topics] ground_truth"
        )
    if settings.source.kind == "kafka" and options.format == "teslamate":
        raise SettingsError(
            "--format teslamate has a topic for each signal, which needs MQTT or --output FILE, got [source] "
            "kind = 'kafka'; run it with FLEET_CONFIG=config/teslamate.toml"
        )
    start = options.start or datetime.now(UTC)
    fleet = _fleet(options, settings, start)
    network, transmission = _transmission(options, settings, fleet)
    with ExitStack() as stack:
        receiver = _receiver(settings) if options.commands else None
        publisher = stack.enter_context(_publisher(settings, PROGRAM, stop, receiver))
        if receiver is not None:
            stack.enter_context(receiver)
        _say(
            f"{options.vehicles:,} vehicles, {options.rate:g} events/s each, to {topics.telemetry} at "
            f"{settings.telemetry_broker}; Ctrl-C stops",
            vehicles=options.vehicles,
            topic=topics.telemetry,
            broker=settings.telemetry_broker,
        )
        live = Pacer(stop, start=microseconds(start))
        desk = None
        if receiver is not None:
            desk = CommandDesk(fleet, receiver, publisher, answers_topic=settings.command_answers_topic)
            live.meanwhile = desk.attend
        totals = simulate(
            fleet,
            publisher,
            transmission=transmission,
            duration=options.duration,
            live=live,
            stop=stop,
            commands=desk,
        )
    summary = _summary(totals, stop, network)
    _say(
        f"{summary}; the broker has confirmed all {publisher.confirmed:,} messages",
        events=totals.events,
        messages=totals.messages,
        faults=totals.faults,
    )


def _fleet(options: argparse.Namespace, settings: Settings, start: datetime) -> Fleet:
    return Fleet(
        vehicles=options.vehicles,
        rate=options.rate,
        seed=options.seed,
        faults_per_hour=options.faults_per_hour,
        latitude=settings.simulator.latitude,
        longitude=settings.simulator.longitude,
        start=start,
        warm_up=options.warm_up,
        region=_region(options, settings),
    )


def _region(options: argparse.Namespace, settings: Settings) -> RegionOptions | None:
    if options.world == "city":
        return None
    return RegionOptions(
        electric_share=options.electric_share,
        parked=options.parked,
        heartbeat=options.heartbeat,
        time_zone=settings.simulator.time_zone or "",
    )


def _to_map(options: argparse.Namespace, settings: Settings) -> None:
    place = settings.simulator
    roads = roads_of(options.seed, latitude=place.latitude, longitude=place.longitude)
    try:
        options.output.write_bytes(as_geojson(roads))
    except OSError as error:
        raise SettingsError(
            f"cannot write {options.output}: {error.strerror or error}; expected a file that can be created"
        ) from None
    _say(f"{len(roads.layout.roads):,} roads of the region with seed {options.seed} in {options.output}")


def _replay(options: argparse.Namespace, settings: Settings, stop: StopRequest) -> None:
    recording = open_recording(options.file)
    topics = settings.topics
    with _publisher(settings, "replay", stop) as publisher:
        sent = replay(
            recording,
            publisher,
            telemetry_topic=topics.telemetry,
            pacer=Pacer(stop, speed=options.speed),
            stop=stop,
        )
    _say(
        f"{'stopped: ' if stop.requested else ''}{sent:,} messages of {options.file} published and confirmed"
    )


def _publisher(
    settings: Settings, role: str, stop: StopRequest, receiver: CommandReceiver | None = None
) -> BrokerPublisher:
    """Publishes to the broker that the dataflow reads from; to MQTT if the dataflow reads a recording."""
    topics = settings.topics
    if settings.source.kind == "kafka":
        return KafkaPublisher(
            settings.kafka, role=role, telemetry=topics.telemetry, ground_truth=topics.ground_truth
        )
    commands = receiver if isinstance(receiver, MqttCommandReceiver) else None
    return MqttPublisher(
        settings.mqtt, role=role, ground_truth=topics.ground_truth, stop=stop, commands=commands
    )


def _receiver(settings: Settings) -> CommandReceiver:
    """Takes commands from the broker that `_publisher` publishes to."""
    topic, answers_topic = settings.command_topic, settings.command_answers_topic
    if settings.source.kind == "kafka":
        return KafkaCommandReceiver(settings.kafka, topic=topic, answers_topic=answers_topic)
    return MqttCommandReceiver(topic=topic, answers_topic=answers_topic)


def _transmission(
    options: argparse.Namespace, settings: Settings, fleet: Fleet
) -> tuple[Network | None, Transmission]:
    template = TopicTemplate(settings.topics.telemetry)
    format = FORMATS[options.format](template, fleet.vehicle_ids)
    faults: NetworkFaults = options.network
    check_clocks(faults, format, options.format)
    network = None if faults.is_none else Network(faults, options.vehicles, options.seed, options.rate)
    return network, Transmission(format, network)


def _summary(totals: Totals, stop: StopRequest, network: Network | None) -> str:
    stopped = "stopped: " if stop.requested else ""
    messages = "" if totals.messages == totals.events else f" in {totals.messages:,} messages"
    summary = f"{stopped}{totals.events:,} events sent{messages}, {totals.faults:,} faults injected"
    if network is not None:
        summary += f"; network: {network.summary()}"
    if totals.under_way:
        summary += f"; {totals.under_way:,} messages were still under way"
    return summary


def _beside(output: Path) -> Path:
    plain = output.with_suffix("") if output.suffix.lower() == ".gz" else output
    return plain.with_suffix(".ground-truth.jsonl")


def _say(line: str, **fields: Any) -> None:
    announce(PROGRAM, line, prefix=f"{PROGRAM}: ", **fields)


if __name__ == "__main__":
    main()
