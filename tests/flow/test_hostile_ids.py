"""Hostile vehicle ids on real brokers: each has its own topic or key and reaches no other."""

from __future__ import annotations

import json
from urllib.parse import unquote
from uuid import uuid4

import msgspec
from bytewax.testing import TestingSource, run_main

from config.settings import DEFAULT_FILE, Settings, SinkSettings, load
from dataflows.connectors.kafka.sink import KafkaSink
from dataflows.events import DeadLetter, Enriched
from dataflows.fleet import build
from dataflows.messages import MessageBatch, OutgoingBatch
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.mosquitto import StartMosquitto
from scripts.waiting import wait_until
from tests.support.hostile import HOSTILE_IDS, REFUSED_IDS
from tests.support.kafka_clients import Reader
from tests.support.mqtt_clients import Inbox
from tests.support.telemetry import quick
from ui.live.mqtt_feed import MqttFeed


def events(vehicles: list[str]) -> list[bytes]:
    return [
        json.dumps(
            {"vehicle_id": vehicle, "ts": "2026-01-01T00:00:00Z", "speed": 50.0, "rpm": 2000.0}
        ).encode()
        for vehicle in vehicles
    ]


def as_batch(payloads: list[bytes]) -> MessageBatch:
    return MessageBatch(payloads, ["fleet/telemetry/any"] * len(payloads), [0] * len(payloads), "test")


def test_every_hostile_vehicle_has_its_own_topic_and_the_page_shows_all_of_them(
    mosquitto: StartMosquitto,
) -> None:
    mqtt = mosquitto().settings()
    settings: Settings = quick(load(DEFAULT_FILE), sink=SinkSettings(kind="mqtt"), mqtt=mqtt)
    feed = MqttFeed(settings)
    with Inbox(mqtt, "#") as everything:
        feed.start()
        wait_until(lambda: feed.connection.phase == "connected", "the page")
        payloads = events([*HOSTILE_IDS, *REFUSED_IDS])
        run_main(build(settings, TestingSource([as_batch(payloads)])))
        everything.wait_for(len(payloads))
        with Inbox(mqtt, "fleet/enriched/+") as twins:
            retained = twins.wait_for(len(HOSTILE_IDS))
        wait_until(
            lambda: len(feed.state.snapshot().vehicles) == len(HOSTILE_IDS), "all vehicles on the page"
        )
        feed.stop()
    letters = [payload for topic, payload in everything.messages if topic == "fleet/dead-letter"]
    enriched = {topic: payload for topic, payload in everything.messages if "/enriched/" in topic}
    assert sorted(msgspec.json.decode(letter, type=DeadLetter).payload for letter in letters) == sorted(
        events(REFUSED_IDS)
    )
    assert sorted(enriched.values()) == sorted(retained)
    for topic, payload in enriched.items():
        vehicle = msgspec.json.decode(payload, type=Enriched).vehicle_id
        *base, level = topic.split("/")
        assert base == ["fleet", "enriched"]
        assert unquote(level) == vehicle or len(level) == 255
    assert set(feed.state.snapshot().vehicles) == set(HOSTILE_IDS)


def test_a_hostile_id_is_a_key_of_kafka_byte_for_byte(kafka_cluster: Cluster) -> None:
    topic = f"test-{uuid4().hex[:12]}"
    sink = KafkaSink(kafka_cluster.settings(partitions=2), topic, role="sink").build("out", 0, 1)
    sink.write_batch([OutgoingBatch(HOSTILE_IDS, events(HOSTILE_IDS))])
    sink.close()
    with Reader(kafka_cluster, topic) as reader:
        reader.wait_for(len(HOSTILE_IDS))
        keyed = {record.key.decode(): json.loads(record.value)["vehicle_id"] for record in reader.records}
    assert keyed == {vehicle: vehicle for vehicle in HOSTILE_IDS}
