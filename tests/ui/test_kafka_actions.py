"""What people do about alerts, published to a real Kafka."""

from __future__ import annotations

import threading
from uuid import uuid4

import msgspec
import pytest

from config.settings import Settings, SinkSettings, load
from dataflows.events import AlertAction
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.ports import free_port
from tests.support.kafka_clients import Reader, create_topic
from ui.actions import kafka_delivery
from ui.actions.kafka_actions import KafkaActions

ACTIONS = [
    (vehicle_id, AlertAction(action="comment", by="Kim", alert_id=f"{vehicle_id}/1", text="seen"))
    for vehicle_id in ("VEH-1", "ключ", "")
]


def settings_of(cluster: Cluster) -> Settings:
    """Settings with a topic that no other test uses; it does not exist yet."""
    base = load()
    topics = base.topics.model_copy(update={"alert_actions": f"test-{uuid4().hex[:12]}/actions"})
    return base.model_copy(
        update={"topics": topics, "kafka": cluster.settings(), "sink": SinkSettings(kind="kafka")}
    )


def test_actions_arrive_as_they_are_in_the_contract_with_the_vehicle_as_key(kafka_cluster: Cluster) -> None:
    settings = settings_of(kafka_cluster)
    create_topic(kafka_cluster, settings.actions_topic, partitions=2)
    before = set(threading.enumerate())
    assert KafkaActions(settings).publish(ACTIONS) == [""] * len(ACTIONS)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
    with Reader(kafka_cluster, settings.actions_topic) as reader:
        reader.wait_for(len(ACTIONS))
        received = {
            (record.key or b"").decode(): msgspec.json.decode(record.value, type=AlertAction)
            for record in reader.records
        }
    assert received == dict(ACTIONS)


def test_a_missing_topic_is_a_failure_in_words(
    kafka_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_delivery, "DEADLINE", 2.0)
    settings = settings_of(kafka_cluster)
    reasons = KafkaActions(settings).publish(ACTIONS[:1])
    assert reasons == [f"there is no topic {settings.actions_topic}, or this page may not see it"]


def test_a_cluster_that_is_away_is_a_failure_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_delivery, "DEADLINE", 0.8)
    before = set(threading.enumerate())
    settings = settings_of(Cluster(f"127.0.0.1:{free_port()}"))
    assert KafkaActions(settings).publish(ACTIONS) == ["Connection refused"] * len(ACTIONS)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
