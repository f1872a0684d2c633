"""The Kafka sink and its producer: confirmed, keyed, in order, and what happens otherwise."""

from __future__ import annotations

import gc
import os
import weakref
from uuid import uuid4

import pytest

from config.broker_settings import KafkaSettings
from config.errors import BrokerError, DeliveryError, SettingsError
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.connectors.kafka.sink import KafkaSink, KafkaSinkPartition
from dataflows.messages import OutgoingBatch
from scripts.brokers.kafka_process import Cluster, KafkaBroker
from scripts.brokers.ports import free_port
from tests.support.kafka_clients import Reader, create_topic, partitions_of, publish


@pytest.fixture
def topic() -> str:
    return f"test-{uuid4().hex[:12]}"


def sink(settings: KafkaSettings, topic: str) -> KafkaSinkPartition:
    return KafkaSink(settings, topic, role="sink").build("out", 0, 1)


def outgoing(count: int, keys: int = 5) -> OutgoingBatch:
    return OutgoingBatch([f"VEH-{n % keys}" for n in range(count)], [b"%d" % n for n in range(count)])


def test_every_message_has_arrived_when_the_call_returns(kafka_cluster: Cluster, topic: str) -> None:
    out = sink(kafka_cluster.settings(), topic)
    out.write_batch([outgoing(3000), outgoing(10)])
    with Reader(kafka_cluster, topic) as reader:
        assert sorted(map(int, reader.wait_for(3010))) == sorted([*range(3000), *range(10)])
    out.close()


def test_messages_of_a_key_are_in_one_partition_and_in_order(kafka_cluster: Cluster, topic: str) -> None:
    out = sink(kafka_cluster.settings(partitions=3), topic)
    out.write_batch([outgoing(1000, keys=20)])
    out.close()
    with Reader(kafka_cluster, topic) as reader:
        reader.wait_for(1000)
        assert {record.partition for record in reader.records} == {0, 1, 2}
        for key in {record.key for record in reader.records}:
            mine = [record for record in reader.records if record.key == key]
            assert len({record.partition for record in mine}) == 1
            assert [int(record.value) for record in mine] == sorted(int(record.value) for record in mine)


def test_keys_go_where_the_hash_of_other_clients_sends_them(kafka_cluster: Cluster, topic: str) -> None:
    create_topic(kafka_cluster, topic, partitions=7)
    out = sink(kafka_cluster.settings(), topic)
    out.write_batch([outgoing(50, keys=50)])
    out.close()
    publish(kafka_cluster, topic, [(f"VEH-{n}", b"other") for n in range(50)])
    with Reader(kafka_cluster, topic) as reader:
        reader.wait_for(100)
        places = {(record.key, record.partition) for record in reader.records}
    assert len(places) == 50


def test_keys_of_any_script_are_sent_in_utf8(kafka_cluster: Cluster, topic: str) -> None:
    keys = ["VEH-ä", "\N{DELIVERY TRUCK}", "a\x00b", "x" * 256]
    out = sink(kafka_cluster.settings(partitions=1), topic)
    out.write_batch([OutgoingBatch(keys, [b""] * len(keys))])
    out.close()
    with Reader(kafka_cluster, topic) as reader:
        reader.wait_for(len(keys))
        assert [record.key for record in reader.records] == [key.encode() for key in keys]


def test_a_closed_producer_does_not_live_until_garbage_is_collected(kafka_cluster: Cluster) -> None:
    gc.disable()
    try:
        producer = ConfirmedProducer(kafka_cluster.settings(), "short-lived")
        here = weakref.ref(producer)
        producer.close()
        del producer
        assert here() is None
    finally:
        gc.enable()


def test_a_message_without_a_key_has_none(kafka_cluster: Cluster, topic: str) -> None:
    out = sink(kafka_cluster.settings(), topic)
    out.write_batch([OutgoingBatch([""], [b"dead letter"])])
    out.close()
    with Reader(kafka_cluster, topic) as reader:
        reader.wait_for(1)
        assert reader.records[0].key is None


@pytest.mark.parametrize("queue", [{"queue.buffering.max.messages": 20}, {"queue.buffering.max.kbytes": 2}])
def test_more_than_the_client_queues_is_sent_in_portions(
    kafka_cluster: Cluster, topic: str, queue: dict[str, int]
) -> None:
    out = sink(kafka_cluster.settings(librdkafka=queue), topic)
    out.write_batch([OutgoingBatch([""] * 100, [b"x" * 400] * 99 + [b"y" * 1500])])
    out.close()
    with Reader(kafka_cluster, topic) as reader:
        assert len(reader.wait_for(100)) == 100


def test_a_missing_topic_is_created_with_the_partitions_of_the_settings(
    kafka_cluster: Cluster, topic: str
) -> None:
    sink(kafka_cluster.settings(partitions=6), topic).close()
    assert partitions_of(kafka_cluster, topic) == 6


def test_a_topic_that_exists_stays_as_it_is(kafka_cluster: Cluster, topic: str) -> None:
    create_topic(kafka_cluster, topic, partitions=2)
    sink(kafka_cluster.settings(partitions=6), topic).close()
    assert partitions_of(kafka_cluster, topic) == 2


def test_a_missing_topic_is_reported_if_it_may_not_be_created(kafka_cluster: Cluster, topic: str) -> None:
    with pytest.raises(BrokerError, match=f"has no topic {topic}; create it"):
        sink(kafka_cluster.settings(create_topics=False), topic)
    assert partitions_of(kafka_cluster, topic) == 0


def test_a_topic_that_the_cluster_cannot_create_is_an_error_of_one_line(
    kafka_cluster: Cluster, topic: str
) -> None:
    with pytest.raises(BrokerError, match="replication") as raised:
        sink(kafka_cluster.settings(replication=9), topic)
    assert "\n" not in str(raised.value)


def test_a_cluster_that_does_not_answer_is_waited_for_and_reported(
    kafka_cluster: Cluster, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerError, match=f"at {nowhere} did not answer within 3 s"):
        sink(kafka_cluster.settings(bootstrap=nowhere, connect_timeout=3.0), topic)
    assert f"waiting up to 3 s for the Kafka cluster at {nowhere}" in caplog.text


def test_a_message_that_is_too_long_is_an_error_and_not_dropped(kafka_cluster: Cluster, topic: str) -> None:
    out = sink(kafka_cluster.settings(max_message_bytes=10_000), topic)
    with pytest.raises(DeliveryError, match=r"did not take 1 messages .* max_message_bytes"):
        out.write_batch([OutgoingBatch(["a", "b"], [b"short", b"x" * 20_000])])
    out.close()


def test_a_message_that_the_topic_refuses_is_an_error(kafka_cluster: Cluster, topic: str) -> None:
    create_topic(kafka_cluster, topic, configs={"max.message.bytes": "1000"})
    out = sink(kafka_cluster.settings(), topic)
    with pytest.raises(DeliveryError, match="too large"):
        out.write_batch([OutgoingBatch(["a"], [os.urandom(5000)])])
    out.close()


@pytest.mark.long
def test_a_broker_that_is_away_for_less_than_the_limit_costs_nothing(
    restartable_kafka: KafkaBroker, topic: str
) -> None:
    broker = restartable_kafka
    out = sink(broker.cluster.settings(), topic)
    out.write_batch([outgoing(100)])
    broker.stop()
    broker.start()
    out.write_batch([outgoing(100)])
    out.close()
    with Reader(broker.cluster, topic) as reader:
        assert len(reader.wait_for(200)) == 200


@pytest.mark.long
def test_a_broker_that_stays_away_is_an_error_that_says_how_many_were_not_confirmed(
    restartable_kafka: KafkaBroker, topic: str
) -> None:
    broker = restartable_kafka
    out = sink(broker.cluster.settings(delivery_timeout=2.0), topic)
    out.write_batch([outgoing(100)])
    broker.stop()
    with pytest.raises(DeliveryError, match=r"did not take 50 messages to .*"):
        out.write_batch([outgoing(50)])
    out.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"no.such.option": 1}, "kafka.librdkafka: No such configuration property"),
        ({"enable.idempotence": False}, "librdkafka.enable.idempotence: the delivery guarantee depends on"),
    ],
)
def test_a_wrong_option_of_librdkafka_is_reported_in_one_line(
    kafka_cluster: Cluster, topic: str, options: dict[str, bool | int], expected: str
) -> None:
    with pytest.raises(SettingsError, match=expected):
        sink(kafka_cluster.settings(librdkafka=options), topic)
