"""Describing what a broker delivers now, over real connections."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from kafka import TopicPartition

from config.broker_settings import MqttSettings
from config.errors import BrokerError
from config.settings import Settings, load
from dataflows.describe import propose, toml_of
from dataflows.describe.live import broker_settings, from_broker
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.process import Broker
from tests.support import kafka_clients, mqtt_clients
from tests.support.described import drive


@contextmanager
def driving(settings: MqttSettings, topic: str) -> Iterator[None]:
    """Two vehicles publish meanwhile, each on its own topic."""
    stopped = threading.Event()

    def publish() -> None:
        while not stopped.wait(0.1):
            mqtt_clients.publish(
                settings,
                [
                    (f"{topic}/v{vehicle}/telemetry", json.dumps(record).encode())
                    for record in drive(50)
                    for vehicle in (1, 2)
                ],
            )

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@pytest.mark.mqtt
def test_an_mqtt_topic_is_described(settings: Settings, broker: Broker, topic: str) -> None:
    with driving(settings.mqtt, topic):
        sample = from_broker(settings, f"{topic}/{{vehicle}}/telemetry", 30.0, 200)
    assert len(sample) == 200
    proposed = tomllib.loads(toml_of(propose(sample, broker_settings(settings))))
    assert proposed["topics"]["telemetry"] == f"{topic}/{{vehicle}}/telemetry"
    assert proposed["payload"]["vehicle_id"] == "topic"
    assert list(proposed["signals"]) == ["speed", "rpm", "coolant"]
    assert proposed["mqtt"]["port"] == settings.mqtt.port


@pytest.mark.mqtt
def test_a_silent_topic_is_an_error_of_one_line(settings: Settings, broker: Broker, topic: str) -> None:
    with pytest.raises(BrokerError, match=r"expected messages on .* within 0.5 s, got none") as silent:
        from_broker(settings, f"{topic}/#", 0.5, 10)
    assert "\n" not in str(silent.value)


@pytest.fixture
def on_kafka(kafka_cluster: Cluster) -> Settings:
    """All settings, with ``[kafka]`` pointing to the shared cluster."""
    settings = load()
    source = settings.source.model_copy(update={"kind": "kafka"})
    return settings.model_copy(update={"source": source, "kafka": kafka_cluster.settings()})


def test_a_kafka_topic_is_described_from_its_beginning_and_nothing_is_committed(
    on_kafka: Settings, kafka_cluster: Cluster
) -> None:
    topic = f"test-{uuid4().hex[:12]}"
    kafka_clients.create_topic(kafka_cluster, topic)
    messages = [(f"V{number % 3}", json.dumps(record).encode()) for number, record in enumerate(drive())]
    kafka_clients.publish(kafka_cluster, topic, messages)
    sample = from_broker(on_kafka, topic, 30.0, 200)
    assert sample.payloads == [payload for _, payload in messages]
    proposed = tomllib.loads(toml_of(propose(sample, broker_settings(on_kafka))))
    assert proposed["source"] == proposed["sink"] == {"kind": "kafka"}
    assert proposed["topics"]["telemetry"] == topic
    assert proposed["payload"]["vehicle_id"] == "key"
    assert proposed["kafka"]["bootstrap"] == kafka_cluster.bootstrap
    group = f"{on_kafka.kafka.group}-describe"
    with kafka_clients.administration(kafka_cluster) as admin:
        offsets = admin.list_group_offsets(group)
        position = offsets.get(group, offsets).get(TopicPartition(topic, 0))
    assert position is None or position.offset < 0


def test_a_kafka_topic_that_is_not_there_is_not_created(on_kafka: Settings) -> None:
    with pytest.raises(BrokerError, match="has no topic"):
        from_broker(on_kafka, f"test-{uuid4().hex[:12]}", 5.0, 10)
