"""A client of the broker that keeps what is on three topics, and publishes: over MQTT or over Kafka."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from config.broker_settings import MqttSettings
from config.kafka_options import librdkafka_options
from config.mqtt_options import new_client
from config.settings import Settings
from dataflows.connectors.kafka.client import retry

CLIENT = "stack-smoke"


class Topics:
    """What has been published, by topic; filled by another thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._seen: dict[str, list[bytes]] = {name: [] for name in self.names}

    @property
    def names(self) -> tuple[str, str, str]:
        """Those of enriched events, of alerts, and of dead letters."""
        settings = self._settings
        return settings.topics.enriched, settings.alerts_topic, settings.topics.dead_letter

    def take(self, topic: str, payload: bytes) -> None:
        """Keep a message; over MQTT the topic may have further levels."""
        (name,) = [name for name in self.names if topic == name or topic.startswith(f"{name}/")]
        with self._lock:
            self._seen[name].append(payload)

    def of(self, name: str) -> list[bytes]:
        """The messages on a topic so far."""
        with self._lock:
            return list(self._seen[name])


@contextmanager
def followed(settings: Settings) -> Iterator[Topics]:
    """Follow the topics for the duration of the context."""
    topics = Topics(settings)
    with _over_kafka(settings, topics) if settings.sink.kind == "kafka" else _over_mqtt(settings, topics):
        yield topics


def publish(settings: Settings, vehicle: str, payloads: list[bytes], mqtt: MqttSettings) -> None:
    """Publish telemetry of a vehicle, and return when the broker has it.

    Args:
        settings: all settings.
        vehicle: its id.
        payloads: the messages, in order.
        mqtt: with the rights of whom, over MQTT.
    """
    topic = settings.topics.telemetry
    if settings.source.kind == "kafka":
        producer = Producer(librdkafka_options(settings.kafka, CLIENT))
        for payload in payloads:
            producer.produce(topic, payload, vehicle)
        assert not producer.flush(30.0), "Kafka did not confirm the telemetry"
        return
    client = new_client(paho.Client, mqtt, f"{CLIENT}-telemetry", persistent=False)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.loop_start()
    assert connected.wait(30.0), "the MQTT broker did not answer"
    for payload in payloads:
        sent = client.publish(topic.replace("+", vehicle), payload, qos=1)
        sent.wait_for_publish(30.0)
        assert sent.is_published(), "the MQTT broker did not confirm the telemetry"
    client.disconnect()
    client.loop_stop()


@contextmanager
def _over_mqtt(settings: Settings, topics: Topics) -> Iterator[None]:
    enriched, alerts, dead_letters = topics.names

    def subscribe(client: paho.Client, *_: object) -> None:
        client.subscribe([(f"{enriched}/+", 0), (f"{alerts}/#", 1), (dead_letters, 1)])

    client = new_client(paho.Client, settings.mqtt, CLIENT, persistent=False)
    client.on_connect = subscribe
    client.on_message = lambda _client, _data, message: topics.take(message.topic, bytes(message.payload))
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _over_kafka(settings: Settings, topics: Topics) -> Iterator[None]:
    options = librdkafka_options(settings.kafka, CLIENT)
    consumer = Consumer(options | {"group.id": CLIENT, "enable.auto.commit": False})

    def partitions(patience: float) -> list[TopicPartition]:
        return [
            TopicPartition(name, number, OFFSET_BEGINNING)
            for name in topics.names
            for number in consumer.list_topics(name, patience).topics[name].partitions
        ]

    consumer.assign(retry(settings.kafka, partitions))
    ended = threading.Event()

    def follow() -> None:
        while not ended.is_set():
            for message in consumer.consume(1_000, 0.2):
                if not message.error():
                    topics.take(message.topic() or "", message.value() or b"")

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        consumer.close()
