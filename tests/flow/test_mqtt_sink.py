"""The MQTT sink against a real broker: order, confirmation, reconnection, refusal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.broker_settings import MqttSettings
from config.errors import BrokerError, DeliveryError, FleetError
from dataflows.connectors.mqtt.publisher import ConfirmedPublisher
from dataflows.connectors.mqtt.sink import MqttSink, MqttSinkPartition
from dataflows.connectors.mqtt.source import MqttSource
from dataflows.messages import OutgoingBatch
from scripts.brokers.mosquitto import StartMosquitto
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.mqtt_clients import Inbox, create_session
from tests.support.needs import need_mqtt_5
from tests.support.scripted_broker import (
    CONNACK_OF_MQTT_5,
    CONNECT,
    HANG_UP,
    PUBLISH,
    SUBSCRIBE,
    ScriptedBroker,
    connack,
    packet_identifier,
    puback,
)

Open = Callable[..., MqttSinkPartition]


@pytest.fixture
def open_sink(topic: str) -> Iterator[Open]:
    """Opens the sink on ``topic``; what a test leaves open is closed."""
    opened: list[MqttSinkPartition] = []

    def open_it(settings: MqttSettings, worker: int = 0, **arguments: Any) -> MqttSinkPartition:
        opened.append(MqttSink(settings, topic, role="sink", **arguments).build("output", worker, 2))
        return opened[-1]

    yield open_it
    for partition in opened:
        partition.close()


@pytest.fixture(params=["5", "3.1.1"])
def mqtt(request: pytest.FixtureRequest, broker: Broker) -> MqttSettings:
    """Both protocol versions."""
    if request.param == "5":
        need_mqtt_5(broker)
    return broker.settings(protocol=request.param)


class Writing:
    """A `write_batch` in its own thread."""

    def __init__(self, sink: MqttSinkPartition, batch: OutgoingBatch) -> None:
        self._error: FleetError | None = None
        self._thread = threading.Thread(target=self._write, args=(sink, batch), daemon=True)
        self._thread.start()

    def has_ended(self, within: float = DEADLINE) -> bool:
        self._thread.join(within)
        return not self._thread.is_alive()

    def result(self) -> None:
        """Return when the write has returned, or raise its error."""
        assert self.has_ended(), "the write did not return"
        if self._error is not None:
            raise self._error

    def _write(self, sink: MqttSinkPartition, batch: OutgoingBatch) -> None:
        try:
            sink.write_batch([batch])
        except FleetError as error:
            self._error = error


def batch_of(start: int, stop: int) -> OutgoingBatch:
    return OutgoingBatch(keys=[""] * (stop - start), payloads=numbers(start, stop))


def numbers(start: int, stop: int) -> list[bytes]:
    return [b"%d" % n for n in range(start, stop)]


def test_written_messages_arrive_once_and_in_order(mqtt: MqttSettings, topic: str, open_sink: Open) -> None:
    with Inbox(mqtt, topic) as inbox:
        sink = open_sink(mqtt)
        sink.write_batch([batch_of(0, 10), batch_of(10, 3000)])
        sink.write_batch([])
        sink.write_batch([batch_of(3000, 3001)])
        assert inbox.wait_for(3001) == numbers(0, 3001)


def test_by_key_each_key_has_its_own_topic(mqtt: MqttSettings, topic: str, open_sink: Open) -> None:
    keys = ["VEH-1", "+", "#", "a/b", "$SYS", "nul\0", ""]
    with Inbox(mqtt, f"{topic}/#") as inbox:
        open_sink(mqtt, by_key=True).write_batch(
            [OutgoingBatch(keys=keys, payloads=[key.encode() for key in keys])]
        )
        inbox.wait_for(len(keys))
    levels = ["/VEH-1", "/%2B", "/%23", "/a%2Fb", "/%24SYS", "/nul%00", ""]
    assert inbox.messages == [(topic + level, key.encode()) for level, key in zip(levels, keys, strict=True)]


def test_without_by_key_all_go_to_one_topic(mqtt: MqttSettings, topic: str, open_sink: Open) -> None:
    with Inbox(mqtt, f"{topic}/#") as inbox:
        open_sink(mqtt).write_batch([OutgoingBatch(keys=["a", "b"], payloads=[b"1", b"2"])])
        inbox.wait_for(2)
    assert inbox.messages == [(topic, b"1"), (topic, b"2")]


def test_a_retained_message_is_there_for_a_later_subscriber(
    mqtt: MqttSettings, topic: str, open_sink: Open
) -> None:
    open_sink(mqtt, retain=True).write_batch([batch_of(0, 5)])
    with Inbox(mqtt, topic) as inbox:
        assert inbox.wait_for(1) == [b"4"]


def test_two_workers_write_side_by_side(mqtt: MqttSettings, topic: str, open_sink: Open) -> None:
    with Inbox(mqtt, topic) as inbox:
        first, second = open_sink(mqtt, worker=0), open_sink(mqtt, worker=1)
        for n in range(10):
            first.write_batch([batch_of(n, n + 1)])
            second.write_batch([batch_of(n + 10, n + 11)])
        assert sorted(inbox.wait_for(20)) == sorted(numbers(0, 20))


def test_a_write_returns_only_when_the_broker_has_confirmed_it(broker: Broker, open_sink: Open) -> None:
    confirm = threading.Event()
    received = threading.Event()

    def answer(packet: bytes) -> bytes:
        received.set()
        confirm.wait(DEADLINE)
        return puback(packet_identifier(packet))

    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, PUBLISH: answer}) as scripted:
        sink = open_sink(broker.settings(protocol="5", port=scripted.port))
        writing = Writing(sink, batch_of(0, 1))
        assert received.wait(DEADLINE)
        assert not writing.has_ended(within=0.2)
        confirm.set()
        writing.result()


def test_no_more_messages_are_unconfirmed_than_the_broker_allows(broker: Broker, open_sink: Open) -> None:
    received: list[bytes] = []

    def answer(packet: bytes) -> bytes:
        received.append(packet_identifier(packet))
        return b""

    with ScriptedBroker({CONNECT: connack(receive_maximum=8), PUBLISH: answer}) as scripted:
        writing = Writing(open_sink(broker.settings(protocol="5", port=scripted.port)), batch_of(0, 16))
        for count in (8, 16):
            wait_until(lambda count=count: len(received) >= count, f"{count} messages")  # type: ignore[misc]
            assert not writing.has_ended(within=0.2)
            assert len(received) == count
            scripted.send(b"".join(map(puback, received[-8:])))
        writing.result()


def test_nothing_is_published_before_what_comes_back_would_be_received(broker: Broker) -> None:
    order: list[str] = []
    connected = threading.Event()

    def subscribed(packet: bytes) -> bytes:
        connected.wait(0.3)
        order.append("subscribed")
        return bytes([0x90, 4, *packet[:2], 0, 1])

    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, SUBSCRIBE: subscribed}) as scripted:
        settings = broker.settings(protocol="5", port=scripted.port)
        publisher = ConfirmedPublisher(settings, "both-ways", filters=["answers"], on_message=print)
        try:
            assert publisher.connect()
            order.append("connected")
            connected.set()
        finally:
            publisher.close()

    assert order == ["subscribed", "connected"]


def test_a_broker_that_confirms_nothing_is_an_error_after_delivery_timeout(
    broker: Broker, topic: str, open_sink: Open
) -> None:
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5}) as scripted:
        sink = open_sink(broker.settings(protocol="5", port=scripted.port, delivery_timeout=0.3))
        with pytest.raises(DeliveryError, match=f"confirmed none of 3 messages within 0.3 s, .* to {topic}:"):
            sink.write_batch([batch_of(0, 3)])


def test_a_broker_that_hangs_up_on_every_message_is_an_error_that_says_so(
    broker: Broker, open_sink: Open
) -> None:
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, PUBLISH: HANG_UP}) as scripted:
        sink = open_sink(broker.settings(protocol="5", port=scripted.port, delivery_timeout=0.5))
        with pytest.raises(DeliveryError, match="confirmed none of 1 messages"):
            sink.write_batch([batch_of(0, 1)])


def test_a_frozen_broker_delays_a_write_and_loses_nothing(
    mosquitto: StartMosquitto, topic: str, open_sink: Open
) -> None:
    broker = mosquitto()
    with Inbox(broker.settings(), topic) as inbox:
        sink = open_sink(broker.settings())
        broker.freeze()
        writing = Writing(sink, batch_of(0, 1000))
        assert not writing.has_ended(within=0.2)
        broker.thaw()
        writing.result()
        assert inbox.wait_for(1000) == numbers(0, 1000)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_restart_of_the_broker_during_a_write_loses_nothing_and_keeps_the_order(
    mosquitto: StartMosquitto, topic: str, open_sink: Open, protocol: str
) -> None:
    broker = mosquitto()
    mqtt = broker.settings(protocol=protocol, queue_size=65535)
    create_session(mqtt, f"{mqtt.client_id}-source", topic)
    count = 60_000
    with Inbox(mqtt, topic) as inbox:
        writing = Writing(open_sink(mqtt), batch_of(0, count))
        inbox.wait_for(100)
        assert not writing.has_ended(within=0.0), "the write was over before the broker stopped"
        broker.stop()
    broker.start()
    writing.result()

    source = MqttSource(mqtt, [topic]).build_part("input", "mqtt", None)
    received: list[int] = []

    def all_came() -> bool:
        for batch in source.next_batch():
            received.extend(map(int, batch.payloads))
        return len(set(received)) == count

    wait_until(all_came, f"{count} messages")
    source.close()
    assert list(dict.fromkeys(received)) == list(range(count))


def test_a_message_that_the_broker_refuses_is_an_error(
    mosquitto: StartMosquitto, tmp_path: Any, topic: str, open_sink: Open
) -> None:
    permissions = tmp_path / "rights"
    permissions.write_text("topic write somewhere/else\n", encoding="utf-8")
    broker = mosquitto(lines=[f"acl_file {permissions}"])
    with pytest.raises(DeliveryError, match=f"refused a message to {topic}: Not authorized"):
        open_sink(broker.settings()).write_batch([batch_of(0, 10)])


def test_a_message_that_is_too_large_for_mqtt_is_an_error(broker: Broker, open_sink: Open) -> None:
    with pytest.raises(DeliveryError, match="expected a packet of at most 268435455 bytes"):
        open_sink(broker.settings()).write_batch([OutgoingBatch(keys=[""], payloads=[bytes(2**28)])])


def test_a_broker_that_is_not_there_is_an_error_after_connect_timeout(
    broker: Broker, open_sink: Open
) -> None:
    port = free_port()
    with pytest.raises(BrokerError, match=f"at 127.0.0.1:{port} within 0.3 s: Connection refused"):
        open_sink(broker.settings(port=port, connect_timeout=0.3))


def test_a_wrong_password_is_an_error_at_once(mosquitto: StartMosquitto, open_sink: Open) -> None:
    broker = mosquitto(passwords={"fleet": "right"})
    open_sink(broker.settings(username="fleet", password="right")).write_batch([batch_of(0, 1)])
    with pytest.raises(BrokerError, match=r"refused the client .* Not authorized"):
        open_sink(broker.settings(username="fleet", password="wrong"))


def test_a_broker_that_has_stopped_reading_does_not_block_closing(
    mosquitto: StartMosquitto, open_sink: Open
) -> None:
    broker = mosquitto()
    sink = open_sink(broker.settings(delivery_timeout=0.2))
    broker.freeze()
    with pytest.raises(DeliveryError):
        sink.write_batch([OutgoingBatch(keys=[""] * 100, payloads=[bytes(1_000_000)] * 100)])
    closing = threading.Thread(target=sink.close, daemon=True)
    closing.start()
    closing.join(DEADLINE)
    assert not closing.is_alive()


def test_a_message_that_is_larger_than_the_broker_takes_is_an_error_at_once(
    mosquitto: StartMosquitto, open_sink: Open
) -> None:
    broker = mosquitto(lines=["max_packet_size 5000"])
    sink = open_sink(broker.settings())
    sink.write_batch([OutgoingBatch([""], [bytes(3000)])])
    with pytest.raises(DeliveryError, match=r"cannot publish 6000 bytes to .* takes packets of 5000 bytes"):
        sink.write_batch([OutgoingBatch([""], [bytes(6000)])])
