"""Plain Kafka clients that play vehicles and consumers: kafka-python, which is not what we publish with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from scripts.brokers.kafka_process import Cluster
from scripts.waiting import DEADLINE, wait_until


@contextmanager
def administration(cluster: Cluster) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    try:
        yield admin
    finally:
        admin.close()


def create_topic(
    cluster: Cluster, topic: str, partitions: int = 1, configs: dict[str, str] | None = None
) -> None:
    """Make a topic, and return when it can be used."""
    with administration(cluster) as admin:
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": configs or {}}
        admin.create_topics({topic: options}, wait_for_metadata=True)


AUTHORIZER = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=true",
]
"""Properties of a broker that heeds `allow_only`."""


def allow_only(cluster: Cluster, topic: str, operation: ACLOperation) -> None:
    """Let everybody do this to a topic, and what was allowed before, and nothing else."""
    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    with administration(cluster) as admin:
        done = admin.create_acls([ACL("User:ANONYMOUS", "*", operation, ACLPermissionType.ALLOW, pattern)])
    assert not done["failed"], done


def partitions_of(cluster: Cluster, topic: str) -> int:
    """Number of partitions of a topic; 0 if there is none."""
    with administration(cluster) as admin:
        [description] = admin.describe_topics([topic])
        return len(description["partitions"])


def publish(
    cluster: Cluster, topic: str, messages: Iterable[tuple[str, bytes | None]], **arguments: Any
) -> None:
    """Publish (key, payload) pairs, and return when the broker has all of them."""
    producer = KafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", linger_ms=5)
    futures = [
        producer.send(topic, payload, key=key.encode() if key else None, **arguments)
        for key, payload in messages
    ]
    for future in futures:
        future.get(DEADLINE)
    producer.close()


class Reader:
    """Reads a topic from its beginning, from all its partitions."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.records: list[Any] = []
        self._topic = topic
        self._consumer = KafkaConsumer(bootstrap_servers=cluster.bootstrap, enable_auto_commit=False)
        partitions = [TopicPartition(topic, number) for number in range(partitions_of(cluster, topic))]
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning(*partitions)

    def read(self) -> list[Any]:
        """All records so far: ``key``, ``value``, ``partition``, ``offset``, ``timestamp``."""
        for records in self._consumer.poll(timeout_ms=100, max_records=10_000).values():
            self.records += records
        return self.records

    def wait_for(self, count: int, deadline: float = DEADLINE) -> list[bytes]:
        """The payloads, as soon as there are ``count`` of them."""
        wait_until(lambda: len(self.read()) >= count, f"{count} messages of {self._topic}", deadline)
        return [record.value for record in self.records]

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
