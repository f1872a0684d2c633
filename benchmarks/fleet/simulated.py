"""A simulated fleet with faults, and the alerts that it leads to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from rich.console import Console
from rich.progress import Progress

from benchmarks.fleet.alerting import Alerting
from benchmarks.fleet.matching import Openings, figures
from config.expressions import parse
from config.settings import Settings
from dataflows.decode import Decoder
from dataflows.events import InjectedFault
from dataflows.messages import MessageBatch
from sim.fleet import Fleet
from sim.region.options import RegionOptions

WARM_UP = 1800.0
"""Seconds without faults, which are not counted."""

FAULTS_PER_HOUR = {"city": 6.0, "region": 1.0}
"""Slow faults, which there are in the region, last for half an hour."""

STEPS_AT_ONCE = 25


def simulated(
    settings: Settings, *, vehicles: int, hours: float, seed: int, start: datetime
) -> dict[str, Any]:
    """Figures of a fleet.

    Args:
        settings: all settings.
        vehicles: size of the fleet.
        hours: of stream after the warm-up.
        seed: decides everything that is random.
        start: event time at the end of the warm-up.
    """
    place = settings.simulator
    region = None
    if place.world == "region":
        region = RegionOptions(place.electric_share, place.parked, place.heartbeat, place.time_zone or "")
    fleet = Fleet(
        vehicles=vehicles,
        rate=1.0,
        seed=seed,
        faults_per_hour=FAULTS_PER_HOUR[place.world],
        latitude=place.latitude,
        longitude=place.longitude,
        start=start,
        warm_up=WARM_UP,
        region=region,
    )
    alerting, openings = Alerting(settings), Openings()
    faults: list[InjectedFault] = []
    steps = fleet.warm_up_steps + round(hours * 3600.0)
    decoder = Decoder.of(settings)
    for alert in alerting.revisions(map(decoder.decode, _batches(fleet, steps, faults))):
        openings.add(alert)
    inputs = {
        name: parse(signal.expression, settings.signals).names
        for name, signal in settings.signals.items()
        if signal.expression is not None
    }
    found = figures(openings, faults, start=start, inputs=inputs)
    false = found.pop("false_alerts")
    return found | {
        "false_alerts_per_vehicle_day": len(false) / (vehicles * hours / 24.0),
        "false_alerts": dict(Counter(f"{alert.kind} of {alert.subject}" for alert in false).most_common()),
        "vehicles": vehicles,
        "hours": hours,
        "seed": seed,
    }


def _batches(fleet: Fleet, steps: int, faults: list[InjectedFault]) -> Iterator[MessageBatch]:
    topics = [f"fleet/telemetry/{vehicle_id}" for vehicle_id in fleet.vehicle_ids]
    stream = islice(fleet.steps(), steps)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("simulating", total=steps)
        while chunk := list(islice(stream, STEPS_AT_ONCE)):
            for step in chunk:
                faults.extend(step.faults)
            yield MessageBatch(
                [payload for step in chunk for payload in step.payloads],
                [topics[vehicle] for step in chunk for vehicle in step.vehicles.tolist()],
                [time for step in chunk for time in step.times[step.vehicles].tolist()],
                origin="sim",
            )
            progress.advance(task, len(chunk))
