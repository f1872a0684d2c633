"""The upper limit of the MQTT part, paho alone: ``python -m benchmarks.throughput.paho``.

One client receives the messages of a persistent session with QoS 1, and publishes as many as there are events
in them, with QoS 1 and retained, to the topics that the job would publish to, with the same window. It
decodes and computes nothing: every payload is the same filler.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.throughput.stream import vehicle_name
from dataflows.connectors.mqtt.publisher import WINDOW
from scripts.brokers.ports import LOCALHOST

SESSION_EXPIRY = 3_600
"""Seconds."""


def session(client_id: str, queue_size: int) -> tuple[paho.Client, Properties]:
    """A client with a persistent session, and the properties to connect it with."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_EXPIRY
    properties.ReceiveMaximum = queue_size
    return client, properties


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput.paho", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of the broker on this machine")
    parser.add_argument("--client-id", required=True, help="client id of the session")
    parser.add_argument("--topic", required=True, help="prefix of the topics to publish to")
    parser.add_argument("--vehicles", type=int, required=True, help="number of vehicles, which take turns")
    parser.add_argument("--events", type=int, required=True, help="messages to publish per message received")
    parser.add_argument("--bytes", type=int, required=True, help="size of each payload published")
    parser.add_argument("--queue-size", type=int, required=True, help="the session's receive maximum")
    options = parser.parse_args(arguments)
    client, properties = session(options.client_id, options.queue_size)
    # With any limit, paho iterates over all messages in flight at every PUBACK.
    client.max_inflight_messages_set(0)
    client.max_queued_messages_set(0)
    topics = cycle([f"{options.topic}/{vehicle_name(number)}" for number in range(options.vehicles)])
    payload = b"x" * options.bytes
    to_publish = in_flight = 0

    # Both callbacks run in the only thread, so no lock is needed.
    def publish() -> None:
        nonlocal to_publish, in_flight
        portion = min(to_publish, WINDOW - in_flight)
        to_publish -= portion
        in_flight += portion
        for topic in islice(topics, portion):
            client.publish(topic, payload, qos=1, retain=True)

    def on_message(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        nonlocal to_publish
        to_publish += options.events
        publish()

    def on_publish(*_: Any) -> None:
        nonlocal in_flight
        in_flight -= 1
        if to_publish:
            publish()

    client.on_publish = on_publish
    client.on_message = on_message
    client.connect(LOCALHOST, options.port, clean_start=False, properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    main()
