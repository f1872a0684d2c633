"""The MQTT source against a real broker: order, acknowledgement, redelivery, back-pressure."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from config.broker_settings import MqttSettings
from dataflows.connectors.mqtt.source import MqttSource
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.mqtt_clients import create_session, publish
from tests.support.mqtt_source import Open, confirm, leave, numbers, send, start_session, take, take_batches
from tests.support.needs import need_mqtt_5


@pytest.fixture(params=["5", "3.1.1"])
def mqtt(request: pytest.FixtureRequest, durable_broker: Broker, topic: str) -> MqttSettings:
    """Both protocol versions; the source's session exists, so nothing published is missed."""
    settings = durable_broker.settings(protocol=request.param)
    start_session(settings, topic)
    return settings


def test_published_messages_arrive_once_and_in_order(
    mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 3000))
    source = open_source(mqtt)
    assert take(source, 3000) == numbers(0, 3000)
    send(mqtt, topic, [b"last"])
    assert take(source, 1) == [b"last"]


def test_a_batch_has_topic_time_of_arrival_and_origin(
    mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    before = time.time_ns() // 1000
    publish(mqtt, [(f"{topic}/a", b"1"), (f"{topic}/b", b"")])
    batches = take_batches(open_source(mqtt), 2)
    after = time.time_ns() // 1000
    assert [topic for batch in batches for topic in batch.topics] == [f"{topic}/a", f"{topic}/b"]
    assert [payload for batch in batches for payload in batch.payloads] == [b"1", b""]
    assert all(before <= arrived <= after for batch in batches for arrived in batch.arrived)
    assert all((batch.origin, batch.offsets) == ("mqtt", None) for batch in batches)


def test_no_two_messages_have_the_same_time_of_arrival(
    mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 3000))
    arrived = [moment for batch in take_batches(open_source(mqtt), 3000) for moment in batch.arrived]
    assert all(earlier < later for earlier, later in pairwise(arrived))


def test_a_batch_holds_at_most_batch_size_messages(mqtt: MqttSettings, topic: str, open_source: Open) -> None:
    send(mqtt, topic, numbers(0, 100))
    batches = take_batches(open_source(mqtt.model_copy(update={"batch_size": 7})), 100)
    assert max(map(len, batches)) <= 7
    assert [payload for batch in batches for payload in batch.payloads] == numbers(0, 100)


def test_messages_that_no_snapshot_covers_are_redelivered(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 50))
    source = open_source(mqtt)
    assert take(source, 50) == numbers(0, 50)
    source.next_batch()
    leave(source, broker, mqtt)
    assert take(open_source(mqtt), 50) == numbers(0, 50)


def test_a_snapshot_alone_acknowledges_nothing(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 50))
    source = open_source(mqtt)
    take(source, 50)
    source.snapshot()
    leave(source, broker, mqtt)
    assert take(open_source(mqtt), 50) == numbers(0, 50)


def test_the_first_batch_after_a_snapshot_acknowledges_what_the_snapshot_covers(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 50))
    source = open_source(mqtt)
    take(source, 50)
    confirm(source)
    leave(source, broker, mqtt)
    send(mqtt, topic, [b"later"])
    assert take(open_source(mqtt), 1) == [b"later"]


def test_more_than_batch_size_are_acknowledged_over_several_batches(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 50))
    source = open_source(mqtt.model_copy(update={"batch_size": 10}))
    take(source, 50)
    source.snapshot()
    assert [source.next_batch() for _ in range(5)] == [[]] * 5
    leave(source, broker, mqtt)
    send(mqtt, topic, [b"later"])
    assert take(open_source(mqtt), 1) == [b"later"]


def test_messages_emitted_after_a_snapshot_wait_for_the_next_one(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 50))
    source = open_source(mqtt)
    take(source, 50)
    source.snapshot()
    send(mqtt, topic, numbers(50, 60))
    assert take(source, 10) == numbers(50, 60)
    leave(source, broker, mqtt)
    assert take(open_source(mqtt), 10) == numbers(50, 60)


def test_messages_that_are_queued_but_not_emitted_are_not_covered(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    send(mqtt, topic, numbers(0, 50))
    source = open_source(mqtt.model_copy(update={"batch_size": 10}))
    taken = len(take(source, 10))
    source.snapshot()
    source.next_batch()
    leave(source, broker, mqtt)
    again: list[bytes] = []
    source = open_source(mqtt)
    while numbers(49, 50)[0] not in again:
        again += take(source, 1)
    assert set(again) >= set(numbers(taken, 50))


def test_a_subscription_of_an_earlier_configuration_is_acknowledged_and_dropped(
    broker: Broker, mqtt: MqttSettings, topic: str, open_source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    create_session(mqtt, f"{mqtt.client_id}-source", f"{topic}-before/#")
    publish(
        mqtt, [(f"{topic}-before/a", b"old"), (topic, b"1"), (f"{topic}-before/b", b"old"), (topic, b"2")]
    )
    source = open_source(mqtt)
    assert take(source, 2) == [b"1", b"2"]
    assert caplog.text.count(f"'{topic}-before/a'") == 1
    confirm(source)
    leave(source, broker, mqtt)
    send(mqtt, f"{topic}-before/a", [b"old"])
    send(mqtt, topic, [b"later"])
    assert take(open_source(mqtt.model_copy(update={"batch_size": 1})), 1) == [b"later"]


def test_a_shared_subscription_delivers(durable_broker: Broker, topic: str) -> None:
    mqtt = durable_broker.settings()
    source = MqttSource(mqtt, [f"$share/jobs/{topic}/+"]).build_part("input", "mqtt", None)

    def delivered() -> bool:
        send(mqtt, f"{topic}/a", [b"1"])
        return any(b"1" in batch.payloads for batch in source.next_batch())

    wait_until(delivered, "a message over a shared subscription")
    source.close()


def test_messages_of_qos_0_arrive_and_need_no_acknowledgement(
    mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    source = open_source(mqtt)
    send(mqtt, topic, [b"subscribed"])
    take(source, 1)
    send(mqtt, topic, numbers(0, 10), qos=0)
    assert take(source, 10) == numbers(0, 10)
    confirm(source)
    send(mqtt, topic, [b"later"])
    assert take(source, 1) == [b"later"]


def test_a_full_queue_applies_back_pressure_and_loses_nothing(
    mqtt: MqttSettings, topic: str, open_source: Open
) -> None:
    source = open_source(mqtt.model_copy(update={"queue_size": 10}))
    send(mqtt, topic, numbers(0, 500))
    payloads: list[bytes] = []

    def all_came() -> bool:
        for batch in source.next_batch():
            assert len(batch) <= 10
            payloads.extend(batch.payloads)
        source.snapshot()
        return len(payloads) >= 500

    wait_until(all_came, "500 messages through a queue of 10")
    assert payloads == numbers(0, 500)


def test_with_mqtt_5_at_most_queue_size_messages_are_unacknowledged(
    broker: Broker, topic: str, open_source: Open
) -> None:
    need_mqtt_5(broker)
    mqtt = broker.settings(queue_size=10)
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 20))
    source = open_source(mqtt)
    assert take(source, 10) == numbers(0, 10)
    with pytest.raises(AssertionError, match="not within"):
        wait_until(source.next_batch, "an eleventh message", deadline=0.2)
    source.snapshot()
    assert take(source, 10) == numbers(10, 20)


def test_a_full_queue_does_not_block_closing(mqtt: MqttSettings, topic: str, open_source: Open) -> None:
    send(mqtt, topic, numbers(0, 500))
    source = open_source(mqtt.model_copy(update={"queue_size": 10}))
    wait_until(lambda: source.queued == 10, "full queue")
    source.close()
