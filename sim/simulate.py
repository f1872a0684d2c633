"""Publishes a simulated fleet: the warm-up at once, then live or as fast as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from config.stop_request import StopRequest
from config.topic_template import TopicTemplate
from dataflows.messages import MessageBatch
from sim.commands.desk import CommandDesk
from sim.fleet import Fleet, FleetStep
from sim.pacing import Pacer, publish_paced
from sim.progress import progress_bar
from sim.publishers import FleetPublisher

ORIGIN = "sim"


@dataclass(slots=True)
class Totals:
    """What has been published so far.

    Attributes:
        events: telemetry events.
        faults: announced faults.
    """

    events: int = 0
    faults: int = 0


def simulate(
    fleet: Fleet,
    publisher: FleetPublisher,
    *,
    telemetry_topic: str,
    duration: float | None,
    live: Pacer,
    stop: StopRequest,
    commands: CommandDesk | None = None,
) -> Totals:
    """Publish the stream of a fleet.

    Args:
        fleet: what to publish.
        publisher: where to publish it.
        telemetry_topic: topic of the telemetry, a `TopicTemplate`; the vehicle is filled in.
        duration: seconds of stream after the warm-up; ``None`` for no end.
        live: paces what comes after the warm-up.
        stop: ends it early.
        commands: is told of every step; it is `live` that lets it take commands.

    Returns:
        What was published.

    Raises:
        SettingsError: each topic is for one signal.
    """
    template = TopicTemplate(telemetry_topic)
    topics = [template.topic_of(vehicle_id) for vehicle_id in fleet.vehicle_ids]
    # On Kafka there is one topic, and the key names the vehicle.
    keys = None if "+" in template.filter else list(fleet.vehicle_ids)
    steps = fleet.steps()
    totals = Totals()
    at_once = Pacer(stop, speed=float("inf"))
    phases = (
        ("warm-up", fleet.warm_up_steps, at_once),
        ("simulation", None if duration is None else max(1, round(duration * fleet.rate)), live),
    )
    for description, length, pacer in phases:
        with progress_bar(description, length) as show:
            announced = _announced(islice(steps, length), publisher, topics, keys, totals, commands)
            for number, batch in enumerate(announced, 1):
                totals.events += publish_paced(batch, publisher, pacer, stop)
                if stop.requested:
                    return totals
                show(number)
    return totals


def _announced(
    steps: Iterator[FleetStep],
    publisher: FleetPublisher,
    topics: list[str],
    keys: list[str] | None,
    totals: Totals,
    commands: CommandDesk | None,
) -> Iterator[MessageBatch]:
    """Announce the faults of each step, and what it has done of commands, before its events."""
    for step in steps:
        for fault in step.faults:
            publisher.announce(fault)
            totals.faults += 1
        for fault in step.corrected:
            publisher.announce(fault)
        if commands is not None:
            commands.after_step()
        arrived = step.times.tolist()
        yield MessageBatch(step.payloads, topics, arrived, origin=ORIGIN, keys=keys)
