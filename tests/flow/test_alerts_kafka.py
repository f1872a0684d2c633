"""Alerts over a real Kafka: on a compacted topic, keyed, and reached by actions from any partition."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from scripts.brokers.kafka_process import Cluster
from tests.support.alerting_job import SETTINGS, acknowledgement, decoded, drive, latest
from tests.support.fleet_processes import FleetJob
from tests.support.kafka_clients import Reader, administration, create_topic, partitions_of, publish
from tests.support.kafka_fleet import SETTINGS as CONNECTION

PARTITIONS = 4
VEHICLES = [f"VEH-{number}" for number in range(PARTITIONS)]


def policy(cluster: Cluster, topic: str) -> str:
    with administration(cluster) as admin:
        return str(admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))


@pytest.mark.long
def test_actions_reach_the_alerts_of_every_shard_whatever_partition_they_are_in(
    kafka_cluster: Cluster, tmp_path: Path
) -> None:
    """Each vehicle is in a partition of its own; all actions are in one partition of theirs."""
    name = f"test-{uuid4().hex[:12]}"
    telemetry, enriched = f"{name}.telemetry", f"{name}.enriched"
    create_topic(kafka_cluster, telemetry, PARTITIONS)
    for number, vehicle in enumerate(VEHICLES):
        events = drive(range(20), fast=range(10, 20), vehicles=[vehicle])
        publish(kafka_cluster, telemetry, [(vehicle, event) for event in events], partition=number)
    kafka = kafka_cluster.settings(client_id=name)
    connection = CONNECTION.format(telemetry=telemetry, enriched=enriched, kafka=kafka)
    job = FleetJob(tmp_path / "job", connection + SETTINGS)
    job.start_processes()
    try:
        alerts, actions = f"{enriched}.alerts", f"{enriched}.alert-actions"
        job.wait(
            lambda: partitions_of(kafka_cluster, alerts) and partitions_of(kafka_cluster, actions), "topics"
        )
        assert "compact" in policy(kafka_cluster, alerts)
        assert "compact" not in policy(kafka_cluster, actions)
        with Reader(kafka_cluster, alerts) as reader:
            job.wait(lambda: len(reader.read()) >= PARTITIONS, "an alert of each vehicle")
            assert {record.key.decode() for record in reader.records} == {
                f"{vehicle}/limit/speed" for vehicle in VEHICLES
            }
            opened = decoded(record.value for record in reader.records)
            assert {alert.state for alert in opened} == {"open"}
            publish(
                kafka_cluster,
                actions,
                [("", acknowledgement(alert.alert_id)) for alert in opened],
                partition=1,
            )
            job.wait(lambda: len(reader.read()) >= 2 * PARTITIONS, "what was done about each")
            final = latest(decoded(record.value for record in reader.records))
    finally:
        job.kill()
    assert set(final) == {alert.alert_id for alert in opened}
    assert {(alert.acknowledged_by, alert.revision) for alert in final.values()} == {("Kim", 2)}
