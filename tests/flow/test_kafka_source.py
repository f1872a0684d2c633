"""The Kafka source: order, offsets, resuming, commits, and its errors when messages are gone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from kafka import TopicPartition
from prometheus_client import REGISTRY

from config.broker_settings import KafkaSettings
from config.errors import BrokerError, SettingsError
from dataflows.connectors.kafka import source as kafka_source
from dataflows.connectors.kafka.source import KafkaSource, KafkaSourcePartition
from dataflows.connectors.kafka.topics import ensure_topics
from dataflows.messages import MessageBatch
from dataflows.stored_state import KAFKA, Stored
from scripts.brokers.kafka_process import Cluster, KafkaBroker
from scripts.brokers.ports import free_port
from scripts.waiting import wait_until
from tests.support.kafka_clients import administration, create_topic, partitions_of, publish

Open = Callable[..., KafkaSourcePartition]


@pytest.fixture
def topic() -> str:
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture
def open_partition(topic: str) -> Iterator[Open]:
    """Opens a partition of the topic as Bytewax would; what a test leaves open is closed."""
    opened: list[KafkaSourcePartition] = []

    def open_it(
        settings: KafkaSettings, partition: int = 0, position: Stored | int | None = None
    ) -> KafkaSourcePartition:
        """`position` may be a mere offset in the topic as it is."""
        source = KafkaSource(settings, topic, role="source")
        if isinstance(position, int):
            position = KAFKA.wrap((position, ensure_topics(settings, [topic])[topic]))
        opened.append(source.build_part("in", source.list_parts()[partition], position))
        return opened[-1]

    yield open_it
    for partition in opened:
        partition.close()


def read(partition: KafkaSourcePartition, count: int) -> list[MessageBatch]:
    """Batches with as many messages, and not one more."""
    batches: list[MessageBatch] = []

    def enough() -> bool:
        batches.extend(partition.next_batch())
        return sum(map(len, batches)) >= count

    wait_until(enough, f"{count} messages")
    assert sum(map(len, batches)) == count
    return batches


def payloads(batches: list[MessageBatch]) -> list[bytes]:
    return [payload for batch in batches for payload in batch.payloads]


def numbered(start: int, end: int) -> list[tuple[str, bytes]]:
    return [(f"VEH-{n % 3}", b"%d" % n) for n in range(start, end)]


def committed(cluster: Cluster, group: str, topic: str) -> int | None:
    """What ordinary tools see of the group's position."""
    with administration(cluster) as admin:
        offsets: dict[Any, Any] = admin.list_group_offsets(group)
        position = offsets.get(group, offsets).get(TopicPartition(topic, 0))
    return None if position is None else int(position.offset)


def commit(partition: KafkaSourcePartition, cluster: Cluster, group: str, topic: str) -> int:
    """Ask for batches until the first commit is there; returns what is committed."""
    positions: list[int] = []

    def is_committed() -> bool:
        partition.next_batch()
        position = committed(cluster, group, topic)
        positions.extend([] if position is None else [position])
        return bool(positions)

    wait_until(is_committed, "the commit")
    return positions[-1]


def test_a_partition_is_read_in_order_with_keys_offsets_and_origin(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic, partitions=2)
    publish(kafka_cluster, topic, numbered(0, 1000), partition=1)
    batches = read(open_partition(kafka_cluster.settings(), 1), 1000)
    assert payloads(batches) == [b"%d" % n for n in range(1000)]
    assert [offset for batch in batches for offset in batch.offsets or []] == list(range(1000))
    assert [key for batch in batches for key in batch.keys or []] == [key for key, _ in numbered(0, 1000)]
    assert {(batch.origin, batch.partition) for batch in batches} == {(f"{topic}/1", 1)}
    assert {name for batch in batches for name in batch.topics} == {topic}


def test_keys_are_text_whatever_bytes_they_are(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic, partitions=1)
    producer = Producer({"bootstrap.servers": kafka_cluster.bootstrap})
    sent = [None, b"VEH-1", b"\xff\xe9", "ä".encode(), b"VEH-1", b"x" * 1000, None]
    for key in sent:
        producer.produce(topic, b"{}", key)
    producer.flush()
    batches = read(open_partition(kafka_cluster.settings(), 0), len(sent))
    keys = [key for batch in batches for key in batch.keys or []]
    assert keys == ["", "VEH-1", "\\xff\\xe9", "ä", "VEH-1", "x" * 1000, ""]


def test_the_time_of_arrival_is_that_of_the_message_so_that_it_is_the_same_when_read_again(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, [("a", b"x")], timestamp_ms=1_767_225_600_123)
    for _ in range(2):
        [batch] = read(open_partition(kafka_cluster.settings()), 1)
        assert batch.arrived == [1_767_225_600_123_000]


def test_no_batch_is_longer_than_the_settings_say(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 500))
    batches = read(open_partition(kafka_cluster.settings(batch_size=100)), 500)
    assert max(map(len, batches)) <= 100


def test_parts_are_listed_in_the_order_of_their_numbers_also_beyond_ten(
    kafka_cluster: Cluster, topic: str
) -> None:
    create_topic(kafka_cluster, topic, partitions=12)
    parts = KafkaSource(kafka_cluster.settings(), topic, role="source").list_parts()
    assert [int(part.rpartition("/")[2]) for part in sorted(parts)] == list(range(12))


def test_a_job_resumes_at_the_offset_of_its_snapshot(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 100))
    settings = kafka_cluster.settings(batch_size=40)
    first = open_partition(settings)
    wait_until(first.next_batch, "the first batch")
    state = first.snapshot()
    first.close()
    offset, _ = KAFKA.unwrap(state)
    rest = read(open_partition(settings, 0, state), 100 - offset)
    assert payloads(rest) == [b"%d" % n for n in range(offset, 100)]


def test_exactly_what_a_snapshot_covers_is_committed_to_the_group_at_the_next_batch(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 10))
    settings = kafka_cluster.settings()
    partition = open_partition(settings)
    read(partition, 10)
    assert KAFKA.unwrap(partition.snapshot())[0] == 10
    publish(kafka_cluster, topic, numbered(10, 15))
    assert committed(kafka_cluster, settings.group, topic) is None
    read(partition, 5)
    assert commit(partition, kafka_cluster, settings.group, topic) == 10


def test_without_recovery_state_a_job_resumes_where_its_group_has_committed(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 10))
    settings = kafka_cluster.settings()
    first = open_partition(settings)
    read(first, 10)
    first.snapshot()
    commit(first, kafka_cluster, settings.group, topic)
    publish(kafka_cluster, topic, numbered(10, 12))
    assert payloads(read(open_partition(settings), 2)) == [b"10", b"11"]


@pytest.mark.parametrize(("start", "expected"), [("beginning", [b"0", b"1", b"2"]), ("end", [b"2"])])
def test_a_job_starts_where_the_settings_say(
    kafka_cluster: Cluster, topic: str, open_partition: Open, start: str, expected: list[bytes]
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 2))
    partition = open_partition(kafka_cluster.settings(start=start))
    publish(kafka_cluster, topic, numbered(2, 3))
    assert payloads(read(partition, len(expected))) == expected


def test_the_end_is_fixed_by_the_first_snapshot_even_if_nothing_has_arrived(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 2))
    settings = kafka_cluster.settings(start="end")
    state = open_partition(settings).snapshot()
    publish(kafka_cluster, topic, numbered(2, 3))
    assert payloads(read(open_partition(settings, 0, state), 1)) == [b"2"]


def test_the_lag_is_a_metric(kafka_cluster: Cluster, topic: str, open_partition: Open) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 100))
    partition = open_partition(kafka_cluster.settings(batch_size=30))

    def lag() -> float | None:
        labels = {"topic": topic, "partition": "0"}
        return REGISTRY.get_sample_value("fleet_kafka_consumer_lag_messages", labels)

    assert math.isnan(lag() or 0.0)
    [first] = wait_for_batch(partition)
    assert lag() == 100 - len(first)
    read(partition, 100 - len(first))
    assert lag() == 0


def wait_for_batch(partition: KafkaSourcePartition) -> list[MessageBatch]:
    batches: list[MessageBatch] = []

    def something() -> bool:
        batches.extend(partition.next_batch())
        return bool(batches)

    wait_until(something, "a batch")
    return batches


def test_messages_without_a_value_are_emitted_too(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, [("a", None), ("b", b"1")])
    assert payloads(read(open_partition(kafka_cluster.settings()), 2)) == [b"", b"1"]


def test_messages_that_were_deleted_unread_are_counted_and_reported(
    kafka_cluster: Cluster, topic: str, open_partition: Open, caplog: pytest.LogCaptureFixture
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 50))
    with administration(kafka_cluster) as admin:
        admin.delete_records({TopicPartition(topic, 0): 20})
    batches = read(open_partition(kafka_cluster.settings(), 0, 5), 30)
    assert payloads(batches) == [b"%d" % n for n in range(20, 50)]
    assert f"partition 0 of the topic {topic}: 15 messages (offsets 5 to 19) were deleted" in caplog.text


def test_a_topic_that_was_created_again_is_not_read_as_if_it_were_the_old_one(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 5))
    first = open_partition(kafka_cluster.settings())
    read(first, 5)
    state = first.snapshot()
    with administration(kafka_cluster) as admin:
        admin.delete_topics([topic])
    wait_until(lambda: partitions_of(kafka_cluster, topic) == 0, "the end of the topic")
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 50))
    with pytest.raises(BrokerError, match="is not the one that was read before"):
        open_partition(kafka_cluster.settings(), 0, state)


def test_a_topic_that_is_deleted_while_it_is_read_is_an_error_and_not_silence(
    kafka_cluster: Cluster, topic: str, open_partition: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_source, "GRACE", 1.0)
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 5))
    soon = {"topic.metadata.refresh.interval.ms": 500, "topic.metadata.propagation.max.ms": 500}
    partition = open_partition(kafka_cluster.settings(librdkafka=soon))
    read(partition, 5)
    with administration(kafka_cluster) as admin:
        admin.delete_topics([topic])

    def is_reported() -> bool:
        try:
            partition.next_batch()
        except BrokerError as error:
            return f"partition 0 of the topic {topic} cannot be read" in str(error)
        return False

    wait_until(is_reported, "the error")


def test_a_partition_that_was_added_is_read_from_its_beginning_even_if_the_job_started_at_the_end(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 5))
    settings = kafka_cluster.settings(start="end")
    first = open_partition(settings)
    publish(kafka_cluster, topic, numbered(5, 6))
    read(first, 1)
    first.snapshot()
    commit(first, kafka_cluster, settings.group, topic)
    with administration(kafka_cluster) as admin:
        admin.create_partitions({topic: 2})
    wait_until(lambda: partitions_of(kafka_cluster, topic) == 2, "the second partition")
    publish(kafka_cluster, topic, numbered(6, 9), partition=1)
    assert payloads(read(open_partition(settings, 1), 3)) == [b"6", b"7", b"8"]


def test_a_time_beyond_the_calendar_is_cut_to_it(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic, configs={"message.timestamp.after.max.ms": str(2**62)})
    publish(kafka_cluster, topic, [("a", b"x")], timestamp_ms=1_767_225_600_123_000)
    [batch] = read(open_partition(kafka_cluster.settings()), 1)
    assert batch.arrived == [kafka_source.LATEST * 1000]


def test_a_position_beyond_the_end_of_the_topic_is_an_error(
    kafka_cluster: Cluster, topic: str, open_partition: Open
) -> None:
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, numbered(0, 5))
    partition = open_partition(kafka_cluster.settings(), 0, 100)

    def says_so() -> bool:
        try:
            partition.next_batch()
        except BrokerError as error:
            text = "ends at offset 5, expected at least 100: the topic was deleted and created again"
            return text in str(error)
        return False

    wait_until(says_so, "the error")


@pytest.mark.long
def test_a_broker_that_is_restarted_is_waited_for(
    restartable_kafka: KafkaBroker, topic: str, open_partition: Open
) -> None:
    broker = restartable_kafka
    create_topic(broker.cluster, topic)
    publish(broker.cluster, topic, numbered(0, 10))
    partition = open_partition(broker.cluster.settings())
    read(partition, 10)
    broker.stop()
    gone = time.monotonic() + 1.0
    while time.monotonic() < gone:
        assert partition.next_batch() == []
    broker.start()
    publish(broker.cluster, topic, numbered(10, 20))
    assert payloads(read(partition, 10)) == [b"%d" % n for n in range(10, 20)]


def test_a_cluster_that_does_not_answer_is_waited_for_and_reported(
    kafka_cluster: Cluster, topic: str
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    settings = kafka_cluster.settings(bootstrap=nowhere, connect_timeout=0.5)
    with pytest.raises(BrokerError, match=f"at {nowhere} did not answer within 0.5 s"):
        KafkaSource(settings, topic, role="source")


def test_a_missing_topic_is_created_with_the_partitions_of_the_settings(
    kafka_cluster: Cluster, topic: str
) -> None:
    assert len(KafkaSource(kafka_cluster.settings(partitions=3), topic, role="source").list_parts()) == 3


@pytest.mark.parametrize("option", ["enable.auto.commit", "auto.offset.reset", "group.id"])
def test_options_that_the_guarantee_depends_on_cannot_be_changed(
    kafka_cluster: Cluster, topic: str, option: str
) -> None:
    with pytest.raises(SettingsError, match=f"kafka.librdkafka.{option}: the delivery guarantee depends on"):
        KafkaSource(kafka_cluster.settings(librdkafka={option: "x"}), topic, role="source")
