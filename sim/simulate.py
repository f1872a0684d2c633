"""Publishes a simulated fleet: the warm-up at once, then live or as fast as possible."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from config.stop_request import StopRequest
from sim.commands.desk import CommandDesk
from sim.fleet import Fleet, FleetStep
from sim.pacing import Pacer, publish_paced
from sim.progress import progress_bar
from sim.publishers import FleetPublisher
from sim.transmission import Transmission


@dataclass(slots=True)
class Totals:
    """What has been published so far.

    Attributes:
        events: events of the vehicles; of a step that was cut short, the share that was published.
        messages: messages that hold them.
        faults: announced faults.
        under_way: messages that the network still had when a request to stop came.
    """

    events: int = 0
    messages: int = 0
    faults: int = 0
    under_way: int = 0


def simulate(
    fleet: Fleet,
    publisher: FleetPublisher,
    *,
    transmission: Transmission,
    duration: float | None,
    live: Pacer,
    stop: StopRequest,
    commands: CommandDesk | None = None,
) -> Totals:
    """Publish the stream of a fleet.

    Args:
        fleet: what to publish.
        publisher: where to publish it.
        transmission: encodes and delivers the events; what is still under way at the end is published too.
        duration: seconds of stream after the warm-up; ``None`` for no end.
        live: paces what comes after the warm-up.
        stop: ends it early.
        commands: is told of every step; it is `live` that lets it take commands.

    Returns:
        What was published.
    """
    steps = fleet.steps()
    totals = Totals()
    at_once = Pacer(stop, speed=float("inf"))
    phases = (
        ("warm-up", fleet.warm_up_steps, at_once),
        ("simulation", None if duration is None else max(1, round(duration * fleet.rate)), live),
    )
    for description, length, pacer in phases:
        with progress_bar(description, length) as show:
            for number, step in enumerate(islice(steps, length), 1):
                _announce(step, publisher, totals)
                batch = transmission.send(step)
                sent = publish_paced(batch, publisher, pacer, stop)
                totals.messages += sent
                if commands is not None:
                    # What was done is said after the events that show it.
                    commands.after_step()
                if stop.requested:
                    totals.events += len(step.vehicles) * sent // (len(batch) or 1)
                    totals.under_way = transmission.under_way
                    return totals
                totals.events += len(step.vehicles)
                show(number)
    rest = transmission.rest()
    sent = publish_paced(rest, publisher, live, stop)
    totals.messages += sent
    totals.under_way = len(rest) - sent
    return totals


def _announce(step: FleetStep, publisher: FleetPublisher, totals: Totals) -> None:
    """Announce the faults of a step before its events, and those that have turned out to end earlier."""
    for fault in step.faults:
        publisher.announce(fault)
        totals.faults += 1
    for fault in step.corrected:
        publisher.announce(fault)
