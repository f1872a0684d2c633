"""The broker that ``make kafka`` starts, and that the tests of Kafka run on."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from scripts.brokers.kafka_process import Cluster, KafkaBroker

pytestmark = pytest.mark.long


def broker_of(cluster: Cluster) -> tuple[str | None, int]:
    [broker] = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(timeout=10).brokers.values()
    return broker.host, broker.port


def test_two_brokers_run_side_by_side_on_different_ports(
    kafka_cluster: Cluster, restartable_kafka: KafkaBroker
) -> None:
    for each in (kafka_cluster, restartable_kafka.cluster):
        host, port = broker_of(each)
        assert each.bootstrap == f"{host}:{port}"
    assert kafka_cluster != restartable_kafka.cluster


def test_a_restarted_broker_keeps_its_port_and_its_identity(restartable_kafka: KafkaBroker) -> None:
    broker = restartable_kafka
    before = AdminClient({"bootstrap.servers": broker.cluster.bootstrap}).list_topics(timeout=10).cluster_id
    broker.stop()
    broker.start()
    after = AdminClient({"bootstrap.servers": broker.cluster.bootstrap}).list_topics(timeout=10).cluster_id
    assert before == after
