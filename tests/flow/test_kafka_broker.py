"""The broker that ``make kafka`` starts, and that the tests of Kafka run on."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from scripts.brokers.kafka_process import Cluster, StartKafka

pytestmark = pytest.mark.long


def broker_of(cluster: Cluster) -> tuple[str | None, int]:
    [broker] = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(timeout=10).brokers.values()
    return broker.host, broker.port


def test_two_brokers_run_side_by_side_on_different_ports(kafka: StartKafka) -> None:
    one, other = kafka(), kafka()
    assert broker_of(one.cluster) == (one.host, one.port)
    assert broker_of(other.cluster) == (other.host, other.port)


def test_a_restarted_broker_keeps_its_port_and_its_identity(kafka: StartKafka) -> None:
    broker = kafka()
    before = AdminClient({"bootstrap.servers": broker.cluster.bootstrap}).list_topics(timeout=10).cluster_id
    broker.stop()
    broker.start()
    after = AdminClient({"bootstrap.servers": broker.cluster.bootstrap}).list_topics(timeout=10).cluster_id
    assert before == after
