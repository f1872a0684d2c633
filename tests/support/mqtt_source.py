"""Drives the partition of the MQTT source as Bytewax would."""

from __future__ import annotations

from typing import Protocol

from config.broker_settings import MqttSettings
from dataflows.connectors.mqtt.source import MqttSourcePartition
from dataflows.messages import MessageBatch
from dataflows.stored_state import Stored
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.mqtt_clients import create_session, publish


class Open(Protocol):
    """Opens the source, with the state of an earlier one or without."""

    def __call__(self, settings: MqttSettings, state: Stored | None = None) -> MqttSourcePartition: ...


def start_session(settings: MqttSettings, topic: str) -> None:
    create_session(settings, f"{settings.client_id}-source", f"{topic}/#")


def numbers(start: int, stop: int) -> list[bytes]:
    return [b"%d" % n for n in range(start, stop)]


def send(settings: MqttSettings, topic: str, payloads: list[bytes], qos: int = 1) -> None:
    publish(settings, [(topic, payload) for payload in payloads], qos)


def take_batches(partition: MqttSourcePartition, count: int) -> list[MessageBatch]:
    """The next batches, until they hold at least ``count`` messages."""
    batches: list[MessageBatch] = []

    def enough() -> bool:
        batches.extend(partition.next_batch())
        return sum(map(len, batches)) >= count

    wait_until(enough, f"{count} messages")
    return batches


def take(partition: MqttSourcePartition, count: int) -> list[bytes]:
    """The payloads of the next batches, until there are at least ``count``."""
    return [payload for batch in take_batches(partition, count) for payload in batch.payloads]


def confirm(partition: MqttSourcePartition) -> None:
    """What Bytewax does at the end of an epoch: a snapshot, and the next batch once that is committed."""
    partition.snapshot()
    assert partition.next_batch() == []


def leave(source: MqttSourcePartition, broker: Broker, settings: MqttSettings) -> None:
    """Close the source, and return when the broker has read its acknowledgements."""
    source.close()
    broker.wait_until_left(f"{settings.client_id}-source")
