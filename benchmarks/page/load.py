"""The load of `benchmarks.page`: what a job publishes about a simulated fleet, in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from config.broker_settings import MqttSettings
from config.errors import BrokerError, exit_on_error
from config.settings import load as load_settings
from dataflows.clock import utc
from dataflows.events import Alert, AlertSignal, Enriched
from sim.fleet import Fleet, FleetStep

ANOMALOUS = 0.005
"""Share of events that are anomalies."""

OPEN_EVERY, OPEN_FOR = 5.0, 30.0
"""Seconds between two alerts that open, and until one clears."""

SUBJECTS = ("speed", "acceleration", "rpm", "throttle", "engine_temperature", "battery_voltage", "fuel")
"""Signals that alerts take turns with: with one for all, the page would make them one row."""

SLICE = 0.02
"""Seconds that events which are due together may span: sleeping for each of them would take a processor."""

_spawning = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Load:
    """A fleet that sends at a constant rate.

    Attributes:
        vehicles: how many.
        rate: events per second and vehicle.
        topic: what the names of all topics begin with.
    """

    vehicles: int
    rate: float
    topic: str


class Publisher:
    """A process that publishes a load until it is stopped."""

    def __init__(self, process: multiprocessing.process.BaseProcess, sent: Synchronized[int]) -> None:
        self._process, self._sent = process, sent

    @property
    def sent(self) -> int:
        """Events published so far.

        Raises:
            BrokerError: the process has ended.
        """
        if not self._process.is_alive():
            raise BrokerError("the publisher of the load ended early, for the reason above")
        return self._sent.value


@contextmanager
def publishing(load: Load, mqtt: MqttSettings) -> Iterator[Publisher]:
    """Publish a load for the duration of the context."""
    sent: Synchronized[int] = _spawning.Value("q", 0)
    process = _spawning.Process(target=_publish, args=(load, mqtt, sent), daemon=True)
    process.start()
    try:
        yield Publisher(process, sent)
    finally:
        process.kill()
        process.join()


def connected(mqtt: MqttSettings) -> paho.Client:
    """A client with a thread.

    Raises:
        BrokerError: the broker does not answer.
    """
    version = MQTTProtocolVersion.MQTTv5 if mqtt.protocol == "5" else MQTTProtocolVersion.MQTTv311
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
    try:
        client.connect(mqtt.host, mqtt.port)
    except OSError as error:
        raise BrokerError(
            f"expected the MQTT broker at {mqtt.host}:{mqtt.port} to answer, got {error}"
        ) from None
    client.loop_start()
    return client


def enriched_events(step: FleetStep, random: np.random.Generator) -> Iterator[Enriched]:
    """The events of a step as the job would publish them, in the order of their times.

    Args:
        step: what the vehicles measured.
        random: decides how unusual the events are.
    """
    names = list(step.readings)
    rows = np.column_stack([step.readings[name] for name in names]).tolist()
    share = {name: 1.0 / len(names) for name in names}
    band: dict[str, float | None] = dict.fromkeys(names, 2.5)
    errors = np.where(
        random.random(len(rows)) < ANOMALOUS,
        random.uniform(1.1, 3.0, len(rows)),
        random.uniform(0.2, 0.9, len(rows)),
    )
    # `tolist` and `round` give Python's own numbers, which msgspec encodes.
    for vehicle, (payload, error) in enumerate(zip(step.payloads, errors.round(4).tolist(), strict=True)):
        values = dict(zip(names, rows[vehicle], strict=True))
        at = utc(int(step.times[vehicle]))
        yield Enriched(
            event_id=f"{step.vehicle_ids[vehicle]}/{step.sequence}",
            vehicle_id=step.vehicle_ids[vehicle],
            ts=at,
            reconstruction_error=error,
            reconstruction_error_smoothed=error,
            anomaly_threshold=1.0,
            is_anomaly=error > 1.0,
            severity=round(100.0 * error / (error + 1.0), 2),
            status="ok",
            values=values,
            expected=values,
            band=band,
            contributions=share,
            model_version=3,
            processed_at=at,
            telemetry=msgspec.Raw(payload),
        )


def alert_of(number: int, vehicle_id: str, opened_at: datetime, cleared_at: datetime | None = None) -> Alert:
    """An alert of the load, open or cleared.

    Args:
        number: how many opened before it.
        vehicle_id: the vehicle.
        opened_at: when it opened, UTC.
        cleared_at: when it cleared, UTC.
    """
    subject = SUBJECTS[number % len(SUBJECTS)]
    return Alert(
        alert_id=f"{vehicle_id}/anomaly/{subject}/{number}",
        revision=1 if cleared_at is None else 2,
        vehicle_id=vehicle_id,
        kind="anomaly",
        subject=subject,
        state="open" if cleared_at is None else "cleared",
        severity=("warning", "minor", "major")[number % 3],
        peak=60.0,
        summary=f"{subject} is unusual: 62, expected 48",
        signals=(AlertSignal(name=subject, actual=62.0, typical=48.0, share=0.7),),
        events=5,
        openings=1,
        onset_at=opened_at,
        opened_at=opened_at,
        last_at=cleared_at or opened_at,
        cleared_at=cleared_at,
        changed_at=cleared_at or opened_at,
    )


def alerts_due(vehicle_ids: list[str], start: datetime) -> Iterator[tuple[float, Alert]]:
    """Endless: alerts with the seconds after `start` at which they open and clear, in order of time."""
    number, ago = 0, round(OPEN_FOR / OPEN_EVERY)
    while True:
        at = number * OPEN_EVERY
        now = start + timedelta(seconds=at)
        yield at, alert_of(number, vehicle_ids[number % len(vehicle_ids)], now)
        if number >= ago:
            old = number - ago
            opened_at = start + timedelta(seconds=old * OPEN_EVERY)
            yield at, alert_of(old, vehicle_ids[old % len(vehicle_ids)], opened_at, now)
        number += 1


def _publish(load: Load, mqtt: MqttSettings, sent: Synchronized[int]) -> None:
    with exit_on_error("publisher"):
        client = connected(mqtt)
        begin = time.time()
        start = datetime.fromtimestamp(begin, UTC)
        place = load_settings().simulator
        fleet = Fleet(
            vehicles=load.vehicles,
            rate=load.rate,
            seed=1,
            faults_per_hour=0.0,
            latitude=place.latitude,
            longitude=place.longitude,
            start=start,
        )
        random = np.random.default_rng(1)
        alerts = alerts_due(fleet.vehicle_ids, start)
        alert_at, alert = next(alerts)
        encode = msgspec.json.Encoder().encode
        for step in fleet.steps():
            for event in enriched_events(step, random):
                if (early := event.ts.timestamp() - time.time()) > SLICE:
                    time.sleep(early)
                # As the job does: the latest event of a vehicle is retained.
                client.publish(f"{load.topic}/enriched/{event.vehicle_id}", encode(event), retain=True)
                sent.value += 1
                while time.time() - begin >= alert_at:
                    place_of = f"{alert.vehicle_id}/{alert.kind}/{alert.subject}"
                    client.publish(f"{load.topic}/alerts/{place_of}", encode(alert), qos=1, retain=True)
                    alert_at, alert = next(alerts)
