"""`benchmarks.latency` over MQTT: mosquitto, one publisher for all vehicles, one subscriber."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.brokers import mosquitto
from benchmarks.latency.load import Load, publish_on_time
from config.errors import BrokerError
from scripts.brokers.ports import LOCALHOST

QUEUE_SIZE = 65_535
"""Unacknowledged events at most: the default would let only 2,000 a second through between two snapshots."""

TELEMETRY, ENRICHED = "fleet/telemetry", "fleet/enriched"
TIME_TO_CONNECT = 10.0
"""Seconds."""
TIME_TO_CONFIRM = 30.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class MqttWire:
    """Where the broker is; the same for the publisher and the subscriber, each in a process of its own.

    Attributes:
        host: of the broker.
        port: of the broker.
    """

    host: str
    port: int

    @property
    def said_when_read(self) -> str:
        """What the job logs once it has subscribed; messages published before that are lost."""
        return f"subscribed to {TELEMETRY}"

    @property
    def settings_text(self) -> str:
        """The job's settings for this broker, in TOML."""
        return (
            f'[mqtt]\nhost = "{self.host}"\nport = {self.port}\nqueue_size = {QUEUE_SIZE}\n'
            f'[topics]\ntelemetry = "{TELEMETRY}/+"\nenriched = "{ENRICHED}"\n'
        )

    def publish(self, load: Load, wait_for_begin: Callable[[], int]) -> NDArray[np.int64]:
        """Connect, ask when to start, and publish with QoS 1; see `publish_on_time`."""
        client = self._connected("publisher")
        confirmed = 0

        def count(*_: object) -> None:
            nonlocal confirmed
            confirmed += 1

        client.on_publish = count

        def send(vehicle: str, payload: bytes) -> None:
            client.publish(f"{TELEMETRY}/{vehicle}", payload, qos=1)

        late = publish_on_time(load, wait_for_begin(), send, lambda seconds: _serve(client, seconds))
        # Closing a connection with unread data may discard what was sent last.
        deadline = time.monotonic() + TIME_TO_CONFIRM
        while confirmed < load.count:
            if time.monotonic() > deadline:
                raise BrokerError(f"the MQTT broker confirmed {confirmed:,} of {load.count:,} events")
            _serve(client, 0.1)
        _leave(client)
        return late

    def receive(
        self, ready: Callable[[], None], take: Callable[[int, bytes], None], is_done: Callable[[], bool]
    ) -> None:
        """Subscribe to enriched events, report that, and pass on events with their arrival times."""
        client = self._connected("receiver")
        client.on_subscribe = lambda *_: ready()
        client.on_message = lambda _client, _data, message: take(time.monotonic_ns(), bytes(message.payload))
        client.subscribe(f"{ENRICHED}/+", qos=1)
        while not is_done():
            _serve(client, 0.1)
        _leave(client)

    def _connected(self, client_id: str) -> paho.Client:
        """A client without a thread: two threads of one interpreter would delay each other."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        # Otherwise paho would hold back all but 20 unconfirmed events.
        client.max_inflight_messages_set(0)
        client.connect(self.host, self.port)
        deadline = time.monotonic() + TIME_TO_CONNECT
        while not client.is_connected():
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"expected the MQTT broker at {self.host}:{self.port} to answer, it does not"
                )
            _serve(client, 0.1)
        return client


@contextmanager
def mqtt_broker(_directory: Path) -> Iterator[MqttWire]:
    """A broker of our own.

    Raises:
        FleetError: mosquitto is not installed, or does not start.
    """
    with mosquitto() as port:
        yield MqttWire(LOCALHOST, port)


def _serve(client: paho.Client, seconds: float) -> None:
    """Read what arrives within `seconds`; returns after the first read."""
    connection = client.socket()
    if connection is None:
        raise BrokerError("the connection to the MQTT broker was closed in the middle of a measurement")
    if select.select([connection], [], [], seconds)[0]:
        client.loop_read()
    if client.want_write():
        client.loop_write()
    client.loop_misc()


def _leave(client: paho.Client) -> None:
    client.disconnect()
    if client.want_write():
        client.loop_write()
