"""Subscribes the demo to enriched events and injected faults, over MQTT or over Kafka."""

from __future__ import annotations

import threading

import paho.mqtt.client as paho
from kafka import KafkaConsumer, TopicPartition
from paho.mqtt.enums import CallbackAPIVersion

from config.kafka_options import kafka_python_options
from config.settings import Settings
from dataflows.connectors.kafka.topics import ensure_topics
from scripts.demo_watch import Watch

CLIENT = "demo-watch"
POLL = 200
"""Milliseconds to wait for messages if there are none."""


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
    topics = settings.topics

    def subscribe(client: paho.Client, *_: object) -> None:
        client.subscribe([(f"{topics.enriched}/+", 0), (topics.ground_truth, 1)])

    def receive(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic == topics.ground_truth:
            watch.take_fault(bytes(message.payload))
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
    ensure_topics(settings.kafka, [topics.telemetry, topics.enriched, topics.ground_truth])
    consumer = KafkaConsumer(**kafka_python_options(settings.kafka, CLIENT), enable_auto_commit=False)
    partitions = [
        TopicPartition(topic, number)
        for topic in (topics.enriched, topics.ground_truth)
        for number in consumer.partitions_for_topic(topic)
    ]
    consumer.assign(partitions)
    for partition, end in consumer.end_offsets(partitions).items():
        consumer.seek(partition, end)

    def follow() -> None:
        while True:
            received = consumer.poll(timeout_ms=POLL)
            # Faults first: an event is matched with the faults that are known by then.
            for partition in sorted(received, key=lambda partition: partition.topic != topics.ground_truth):
                take = watch.take_fault if partition.topic == topics.ground_truth else watch.take_event
                for record in received[partition]:
                    take(record.value)

    threading.Thread(target=follow, daemon=True).start()
