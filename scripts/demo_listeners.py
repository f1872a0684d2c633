"""Subscribes the demo to enriched events, injected faults and alerts, over MQTT or over Kafka."""

from __future__ import annotations

import threading

import paho.mqtt.client as paho
from confluent_kafka import Consumer, TopicPartition
from paho.mqtt.enums import CallbackAPIVersion

from config.kafka_options import librdkafka_options
from config.settings import Settings
from dataflows.connectors.kafka.client import retry
from dataflows.connectors.kafka.topics import ensure_topics
from scripts.demo_watch import Watch

CLIENT = "demo-watch"
POLL = 0.2
"""Seconds to wait for messages."""
POLL_AT_ONCE = 1_000
"""Messages."""


def listen(settings: Settings, watch: Watch) -> None:
    """Pass everything that is published from now on to ``watch``, in the background.

    Raises:
        BrokerError: Kafka cannot be reached, or a topic is missing and cannot be created.
    """
    if settings.sink.kind == "kafka":
        _listen_to_kafka(settings, watch)
    else:
        _listen_to_mqtt(settings, watch)


def _listen_to_mqtt(settings: Settings, watch: Watch) -> None:
    topics, alerts = settings.topics, settings.alerts_topic

    def subscribe(client: paho.Client, *_: object) -> None:
        client.subscribe([(f"{topics.enriched}/+", 0), (topics.ground_truth, 1), (f"{alerts}/#", 0)])

    def receive(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic == topics.ground_truth:
            watch.take_fault(bytes(message.payload))
        elif message.topic.startswith(f"{alerts}/"):
            watch.take_alert(bytes(message.payload))
        else:
            watch.take_event(bytes(message.payload))

    # The embedded broker speaks MQTT 3.1.1 only.
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=CLIENT, protocol=paho.MQTTv311)
    client.on_connect = subscribe
    client.on_message = receive
    client.connect_async(settings.mqtt.host, settings.mqtt.port)
    client.loop_start()


def _listen_to_kafka(settings: Settings, watch: Watch) -> None:
    topics = settings.topics
    takers = {
        topics.ground_truth: watch.take_fault,
        topics.enriched: watch.take_event,
        settings.alerts_topic: watch.take_alert,
    }
    ensure_topics(settings.kafka, [topics.telemetry, topics.enriched, topics.ground_truth])
    ensure_topics(settings.kafka, [settings.alerts_topic], compacted=True)
    options = librdkafka_options(settings.kafka, CLIENT)
    consumer = Consumer(options | {"group.id": CLIENT, "enable.auto.commit": False})

    def ends(patience: float) -> list[TopicPartition]:
        partitions = [
            TopicPartition(topic, number)
            for topic in takers
            for number in consumer.list_topics(topic, patience).topics[topic].partitions
        ]
        for partition in partitions:
            partition.offset = consumer.get_watermark_offsets(partition, patience)[1]
        return partitions

    consumer.assign(retry(settings.kafka, ends))

    def follow() -> None:
        while True:
            received = [message for message in consumer.consume(POLL_AT_ONCE, POLL) if not message.error()]
            # Faults first: an event is matched with those that are known.
            for message in sorted(received, key=lambda message: message.topic() != topics.ground_truth):
                takers[message.topic() or ""](message.value() or b"")

    threading.Thread(target=follow, daemon=True).start()
