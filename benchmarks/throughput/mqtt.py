"""The job from MQTT to MQTT, with 1 and with 50 events per message, beside paho alone.

The messages wait in one persistent session per run, so that every run reads the same from the broker at full
speed. Only a subscriber to the last vehicle takes the time: with 1,000 vehicles it costs the broker a
thousandth of what it measures.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.brokers import mosquitto
from benchmarks.throughput.figures import Report, Scale, beside_limit, medians
from benchmarks.throughput.flow import WARM_UP
from benchmarks.throughput.paho import session
from benchmarks.throughput.process import TIME_TO_FINISH, Job, running
from benchmarks.throughput.stream import Stream, settings_text, vehicle_name
from config.errors import BrokerError
from config.settings import load
from scripts.brokers.ports import LOCALHOST

LIST_LENGTH = 50
LISTS_AT_ONCE = 100
"""``mqtt.batch_size`` for lists: 5,000 events; with its default a run would have a few batches only."""
SHARE_OF_EVENTS = {1: 3, LIST_LENGTH: 1}
"""A run takes the scale's events divided by this, since MQTT costs several times as much as Kafka. By default
that is 100,000, so that the ``mqtt.queue_size`` messages read ahead are processed when the clock starts."""
SNAPSHOT_INTERVAL = 1
"""Seconds; messages are acknowledged once per interval, at most ``mqtt.queue_size`` of them."""
FILLED_AT_ONCE = 10_000
"""Messages published before waiting for their confirmation."""
FIRST_SIZE = 1_000
"""Bytes of an enriched event, until one has been received."""
SCORED, PAHO = "scored", "paho alone"


def mqtt(scale: Scale) -> Report:
    """The parts ``mqtt`` and ``mqtt_lists``."""
    report: Report = {}
    for part, length in (("mqtt", 1), ("mqtt_lists", LIST_LENGTH)):
        stream = Stream(max(scale.events // SHARE_OF_EVENTS[length] // 1_000, 10) * 1_000)
        with scale.notes.status(f"{part}: filling the broker"), mosquitto() as port:
            sessions = [f"benchmark-{number}" for number in range(2 * scale.repetitions)]
            topic = f"benchmark/{part}"
            _fill(port, topic, sessions, stream.payloads() if length == 1 else stream.lists(length))
            bench = _Bench(port, topic, stream, length, iter(sessions))
            cases: dict[str, Callable[[], float]] = {SCORED: bench.scored, PAHO: bench.paho_alone}
            speeds = medians(part, cases, scale.repetitions, scale.notes)
        report[part] = beside_limit(speeds[SCORED], speeds[PAHO])
    return report


@dataclass
class _Bench:
    port: int
    topic: str
    stream: Stream
    length: int
    sessions: Iterator[str]
    enriched_bytes: int = field(default=FIRST_SIZE, init=False)

    def scored(self) -> float:
        name = next(self.sessions)
        tables = f"""
[topics]
telemetry = "{self.topic}"
enriched = "{name}"
[mqtt]
port = {self.port}
client_id = "{name}"
"""
        if self.length > 1:
            tables += f"batch_size = {LISTS_AT_ONCE}\n"
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "settings.toml"
            file.write_text(settings_text(self.stream, tables, layout="list" if self.length > 1 else "event"))
            with self._clock(name) as clock:
                arguments = ["-m", "bytewax.run", "dataflows.fleet", "-s", str(SNAPSHOT_INTERVAL)]
                with running(arguments, {"FLEET_CONFIG": str(file)}) as job:
                    speed = clock.wait(job)
        self.enriched_bytes = clock.payload_bytes
        return speed

    def paho_alone(self) -> float:
        name = next(self.sessions)
        options = {
            "port": self.port,
            "client-id": f"{name}-source",
            "topic": name,
            "vehicles": self.stream.vehicles,
            "events": self.length,
            "bytes": self.enriched_bytes,
            "queue-size": load().mqtt.queue_size,
        }
        arguments = [f"--{option}={value}" for option, value in options.items()]
        with self._clock(name) as clock, running(["-m", "benchmarks.throughput.paho", *arguments]) as job:
            return clock.wait(job)

    @contextmanager
    def _clock(self, topic: str) -> Iterator[_Clock]:
        client = _connected(self.port)
        clock = _Clock(self.stream)
        client.on_message = clock.on_message
        _subscribe(client, f"{topic}/{vehicle_name(self.stream.vehicles - 1)}", 0, self.port)
        try:
            yield clock
        finally:
            client.disconnect()
            client.loop_stop()


class _Clock:
    """Notes when each event of the last vehicle arrives."""

    def __init__(self, stream: Stream) -> None:
        self._vehicles = stream.vehicles
        self._expected = stream.events // stream.vehicles
        self._times: list[float] = []
        self._complete = threading.Event()
        self.payload_bytes = 0

    def on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        """Runs in the network thread."""
        self._times.append(time.monotonic())
        self.payload_bytes = len(message.payload)
        if len(self._times) == self._expected:
            self._complete.set()

    def wait(self, job: Job) -> float:
        """Wait for the last event; returns events per second from the end of the warm-up until then.

        Raises:
            BrokerError: the job ended, or did not finish in time.
        """
        deadline = time.monotonic() + TIME_TO_FINISH
        while not self._complete.wait(0.2):
            job.check()
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"expected {self._expected:,} events of a vehicle within {TIME_TO_FINISH:g} s, "
                    f"got {len(self._times):,}; the job said: {job.reason()}"
                )
        warm = int(WARM_UP * self._expected)
        return (self._expected - 1 - warm) * self._vehicles / (self._times[-1] - self._times[warm])


def _fill(port: int, topic: str, sessions: Sequence[str], payloads: Iterable[bytes]) -> None:
    """Subscribe the sessions, and publish what each of them is to receive."""
    for name in sessions:
        client, properties = session(f"{name}-source", load().mqtt.queue_size)
        client.connect(LOCALHOST, port, clean_start=False, properties=properties)
        client.loop_start()
        _subscribe(client, topic, 1, port)
        client.disconnect()
        client.loop_stop()
    client = _connected(port)
    waiting = iter(payloads)
    # Packet identifiers have 16 bits; paho drops messages for which none is left.
    while portion := list(islice(waiting, FILLED_AT_ONCE)):
        last = [client.publish(topic, payload, qos=1) for payload in portion][-1]
        last.wait_for_publish(TIME_TO_FINISH)
        if not last.is_published():
            raise BrokerError(f"expected mosquitto on port {port} to take what is published, it did not")
    client.disconnect()
    client.loop_stop()


def _subscribe(client: paho.Client, topic: str, qos: int, port: int) -> None:
    """Subscribe, and return when the broker has confirmed it: messages published before would be lost."""
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe(topic, qos)
    if not subscribed.wait(TIME_TO_FINISH):
        raise BrokerError(f"expected mosquitto on port {port} to confirm a subscription, it did not")


def _connected(port: int) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(0)
    client.max_queued_messages_set(0)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(LOCALHOST, port)
    client.loop_start()
    if not connected.wait(TIME_TO_FINISH):
        raise BrokerError(f"expected mosquitto on port {port} to accept a connection, it did not")
    return client
