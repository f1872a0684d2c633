"""Which MQTT broker of a Python package can carry the demo: ``python -m benchmarks.embedded_brokers``.

Prints a Markdown table: amqtt as the demo embeds it, iotcore (rumqttd in a wheel) once per protocol version,
because each of its ports speaks only one, and mosquitto as the reference. What is not installed is left out;
iotcore is no dependency, --iotcore names the Python interpreter of an environment that has it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.broker_settings import MqttSettings
from scripts.brokers.embedded import EmbeddedBroker
from scripts.brokers.mosquitto import Mosquitto, mosquitto_is_installed
from scripts.brokers.ports import LOCALHOST
from scripts.brokers.process import Broker

ANSWER_TIMEOUT = 60.0
"""Seconds to wait for an acknowledgement or for the broker to exit."""

SILENCE = 10.0
"""Seconds without a message after which a broker is assumed to have sent everything."""

PAYLOAD = bytes(400)
"""About the size of an enriched event with few signals."""

IOTCORE = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 65535
max_segment_size = 104857600
max_segment_count = 10
[{version}.1]
name = "listener"
listen = "{address}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 65535
dynamic_filters = true
"""
"""Every limit that has an influence is as high as iotcore accepts."""


class Iotcore(Broker):
    """iotcore with its own command line.

    Args:
        directory: an empty one, for this broker alone.
        python: the interpreter that has the package.
        protocol: the one version that it is to speak.
    """

    def __init__(self, directory: Path, python: str, protocol: Literal["5", "3.1.1"]) -> None:
        super().__init__(directory, protocol)
        self._python = python

    def command(self) -> list[str]:
        file = self._directory / "iotcore.toml"
        version = "v5" if self.protocol == "5" else "v4"
        file.write_text(IOTCORE.format(version=version, address=f"{LOCALHOST}:{self.port}"))
        return [self._python, "-m", "iotcore", "--log-level", "CRITICAL", "--config", str(file)]


class Session:
    """A connected client that keeps what it receives.

    Args:
        mqtt: the broker.
        client_id: of a persistent session; without one the session ends with the connection.
        subscribe: topic filter, with QoS 1.
        acknowledge: whether to acknowledge what is received.

    Attributes:
        messages: in order of arrival.
        present: whether the broker still had the session.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        client_id: str = "",
        *,
        subscribe: str | None = None,
        acknowledge: bool = True,
    ) -> None:
        version_5, persistent = mqtt.protocol == "5", client_id != ""
        self.messages: list[paho.MQTTMessage] = []
        self.present = False
        self._ready = threading.Event()
        self._filter = subscribe
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if version_5 else not persistent,
            protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
            manual_ack=not acknowledge,
        )
        client.max_inflight_messages_set(0)
        client.on_message = lambda _, __, message: self.messages.append(message)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._ready.set()
        options: dict[str, Any] = {}
        if version_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 3600 if persistent else 0
            options = {"clean_start": not persistent, "properties": properties}
        client.connect(mqtt.host, mqtt.port, **options)
        client.loop_start()
        if not self._ready.wait(ANSWER_TIMEOUT):
            raise TimeoutError(f"no answer from the broker on port {mqtt.port} within {ANSWER_TIMEOUT:g} s")

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, *__: Any) -> None:
        self.present = flags.session_present
        if self._filter is None:
            self._ready.set()
        else:
            client.subscribe(self._filter, 1)

    def receive(self, count: int) -> int:
        """How many messages came: returns at ``count``, or when no more come."""
        seen, since = -1, time.monotonic()
        while len(self.messages) < count and time.monotonic() - since < SILENCE:
            if len(self.messages) != seen:
                seen, since = len(self.messages), time.monotonic()
            time.sleep(0.005)
        return len(self.messages)

    def publish(self, messages: Sequence[tuple[str, bytes]], *, retain: bool = False) -> None:
        """Publish (topic, payload) pairs with QoS 1 and return when all are confirmed."""
        for sent in [self._client.publish(topic, payload, 1, retain) for topic, payload in messages]:
            sent.wait_for_publish(ANSWER_TIMEOUT)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def crash(self) -> None:
        """Lose the connection without a DISCONNECT."""
        self._client.loop_stop()
        if (connection := self._client.socket()) is not None:
            connection.close()


def publish(mqtt: MqttSettings, messages: Sequence[tuple[str, bytes]], *, retain: bool = False) -> None:
    """Connect, publish with QoS 1, disconnect."""
    session = Session(mqtt)
    session.publish(messages, retain=retain)
    session.close()


def numbered(count: int) -> list[tuple[str, bytes]]:
    """``count`` different messages on one topic."""
    return [("queue/one", b"%d" % number + PAYLOAD) for number in range(count)]


def absent_client(broker: Broker, count: int = 20_000) -> str:
    """Messages that are published while the subscriber is away."""
    mqtt = broker.settings()
    Session(mqtt, "absent", subscribe="queue/+").close()
    publish(mqtt, numbered(count))
    back = Session(mqtt, "absent")
    received = back.receive(count)
    in_order = [message.payload for message in back.messages] == [payload for _, payload in numbered(count)]
    back.close()
    return f"{received:,} of {count:,}" + ", in order" * in_order


def unacknowledged(broker: Broker, count: int = 2_000) -> str:
    """Messages that a client is sent before it acknowledges any; the job acknowledges once per snapshot."""
    slow = Session(broker.settings(), "slow", subscribe="queue/+", acknowledge=False)
    publish(broker.settings(), numbered(count))
    received = slow.receive(count)
    slow.close()
    return f"{received:,} of {count:,}"


def redelivered(broker: Broker, count: int = 50) -> str:
    """Messages that come again after a client crashed without acknowledging them."""
    mqtt = broker.settings()
    first = Session(mqtt, "crashing", subscribe="queue/+", acknowledge=False)
    publish(mqtt, numbered(count))
    first.receive(count)
    first.crash()
    again = Session(mqtt, "crashing")
    received = again.receive(count)
    again.close()
    return f"{received} of {count}, {sum(message.dup for message in again.messages)} with DUP"


def retained(broker: Broker, count: int = 10_000) -> str:
    """Retained messages that a new subscriber is sent, with QoS 1."""
    publish(broker.settings(), [(f"retained/{number}", PAYLOAD) for number in range(count)], retain=True)
    started = time.monotonic()
    reader = Session(broker.settings(), subscribe="retained/+")
    received = reader.receive(count)
    seconds = time.monotonic() - started
    reader.close()
    return f"{received:,} of {count:,}" + (f" in {seconds:.1f} s" if received == count else "")


def restarted(broker: Broker) -> str:
    """What is still there after the broker was restarted."""
    mqtt = broker.settings()
    Session(mqtt, "patient", subscribe="queue/+").close()
    publish(mqtt, numbered(1))
    publish(mqtt, [("retained/one", b"1")], retain=True)
    broker.stop()
    broker.start()
    back, reader = Session(mqtt, "patient"), Session(mqtt, subscribe="retained/+")
    kept = [name for name, session in (("session", back), ("retained", reader)) if session.receive(1)]
    back.close()
    reader.close()
    return ", ".join(kept) or "nothing"


def throughput(broker: Broker, count: int = 20_000) -> str:
    """QoS 1 messages per second from one paho client to another in another process."""
    reader = Session(broker.settings(), subscribe="queue/+")
    publisher = get_context("spawn").Process(target=publish, args=(broker.settings(), numbered(count)))
    publisher.start()
    while not reader.messages:
        time.sleep(0.001)
    started, before = time.monotonic(), len(reader.messages)
    received = reader.receive(count)
    seconds = time.monotonic() - started
    publisher.join(ANSWER_TIMEOUT)
    reader.close()
    return f"{(received - before) / seconds:,.0f}/s" + f", {count - received:,} lost" * (received < count)


class Column(NamedTuple):
    """A broker of the table: its title, and what creates it in an empty directory."""

    title: str
    create: Callable[[Path], Broker]


ROWS: tuple[tuple[str, Callable[[Broker], str]], ...] = (
    ("20,000 messages for an absent client", absent_client),
    ("sent before the first acknowledgement", unacknowledged),
    ("redelivered after a crash of the client", redelivered),
    ("10,000 retained topics, new subscriber", retained),
    ("kept over a restart of the broker", restarted),
    ("QoS 1, one publisher, one subscriber", throughput),
)


def measure(column: Column, question: Callable[[Broker], str]) -> str:
    """The answer of a freshly started broker; a failure is an answer, too."""
    with tempfile.TemporaryDirectory() as directory:
        broker = column.create(Path(directory))
        try:
            broker.start()
            return question(broker)
        except (AssertionError, OSError, ValueError) as error:
            return f"fails: {error}"
        finally:
            broker.kill()


def start_time(column: Column) -> str:
    """Seconds from the start to the first connection of a client, the median of five."""
    seconds = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as directory:
            broker, started = column.create(Path(directory)), time.monotonic()
            broker.start()
            Session(broker.settings()).close()
            seconds.append(time.monotonic() - started)
            broker.kill()
    return f"{sorted(seconds)[2]:.2f} s"


def columns(iotcore: str) -> list[Column]:
    """The brokers that are installed."""
    found = [Column("amqtt, MQTT 3.1.1", EmbeddedBroker)]
    with suppress(OSError):
        if not subprocess.run([iotcore, "-c", "import iotcore"], capture_output=True, check=False).returncode:
            found.append(Column("iotcore, MQTT 3.1.1", lambda at: Iotcore(at, iotcore, "3.1.1")))
            found.append(Column("iotcore, MQTT 5", lambda at: Iotcore(at, iotcore, "5")))
    if mosquitto_is_installed():
        found.append(Column("mosquitto, MQTT 5", Mosquitto))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.embedded_brokers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--iotcore", default=sys.executable, metavar="PYTHON", help="interpreter with iotcore"
    )
    brokers = columns(parser.parse_args(arguments).iotcore)
    print("| |", *(f" {column.title} |" for column in brokers), sep="")
    print("|---|", *("---|" for _ in brokers), sep="")
    print("| start to first connection |", *(f" {start_time(column)} |" for column in brokers), sep="")
    for title, question in ROWS:
        print(f"| {title} |", *(f" {measure(column, question)} |" for column in brokers), sep="", flush=True)


if __name__ == "__main__":
    main()
