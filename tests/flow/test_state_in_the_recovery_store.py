"""What each kind of step stores for recovery: plain data under a known layout.

An object of one of our classes would be stored under its import path, and could not be read any more once the
class is moved or renamed.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from config.settings import Settings, load
from dataflows.connectors.files import JsonLinesSink, RecordingSink, RecordingSource
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.decode.batch import TelemetryBatch
from dataflows.messages import OutgoingBatch
from dataflows.score.river.kinds import river_kinds
from dataflows.score.scorer import ShardScorer
from dataflows.stored_state import (
    FILE,
    KAFKA,
    MQTT,
    RECORDING,
    SHARD,
    StateLayout,
    check_layout,
    layout_of,
    unpickle,
)
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.kafka_clients import create_topic, publish
from tests.support.mqtt_source import Open, numbers, send, start_session, take
from tests.support.pickle_names import named_by
from tests.support.telemetry import batches, telemetry

EVENTS = 700
SIGNALS = len(load().signals)
RIVER = sorted(river_kinds())


def assert_is_plain(stored: Any, layout: StateLayout) -> None:
    """State that the engine unpickles names nothing but NumPy's arrays, and comes back through the check."""
    pickled = pickle.dumps(stored)
    assert {module.split(".")[0] for module, _ in named_by(pickled)} <= {"numpy"}
    found = unpickle(pickled)
    check_layout(found)
    assert layout_of(found) == layout


def test_a_recording_stores_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    path.write_bytes(b"\n".join(telemetry(40)) + b"\n")
    source = RecordingSource(path, batch_size=10)
    part = source.build_part("in", source.list_parts()[0], None)
    part.next_batch()
    assert_is_plain(part.snapshot(), RECORDING)
    [rest] = source.build_part("in", source.list_parts()[0], part.snapshot()).next_batch()
    assert rest.offsets is not None
    assert rest.offsets[0] == 10


def test_the_mqtt_source_stores_which_messages_it_has_read(
    durable_broker: Broker, topic: str, open_source: Open
) -> None:
    mqtt = durable_broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 20))
    source = open_source(mqtt)
    take(source, 20)
    state = source.snapshot()
    assert_is_plain(state, MQTT)
    assert MQTT.unwrap(state)


def test_the_kafka_source_stores_its_offset_and_the_id_of_the_topic(kafka_cluster: Cluster) -> None:
    topic = f"test-{uuid4().hex[:12]}"
    create_topic(kafka_cluster, topic)
    publish(kafka_cluster, topic, [("a", b"1"), ("a", b"2")])
    source = KafkaSource(kafka_cluster.settings(), topic, role="source")
    part = source.build_part("in", source.list_parts()[0], None)
    try:
        wait_until(part.next_batch, "a batch")
        state = part.snapshot()
    finally:
        part.close()
    assert_is_plain(state, KAFKA)
    offset, topic_id = KAFKA.unwrap(state)
    assert (type(offset), type(topic_id)) == (int, str)


def test_the_sinks_store_how_far_their_file_is_complete(tmp_path: Path) -> None:
    recording = RecordingSink(tmp_path / "trip.jsonl").build_part("out", "trip.jsonl", None)
    recording.write_batch(batches(telemetry(10), 10))
    results = JsonLinesSink(tmp_path / "results.jsonl", keep=False).build_part("out", "results.jsonl", None)
    results.write_batch([OutgoingBatch([""], [b"{}"])])
    for part in (recording, results):
        state = part.snapshot()
        part.close()
        assert_is_plain(state, FILE)
        assert FILE.unwrap(state) > 0


def settings_of(**detector: Any) -> Settings:
    settings = load()
    return settings.model_copy(update={"detector": settings.detector.model_copy(update=detector)})


def drive(first: int, rows: int) -> TelemetryBatch:
    """Two vehicles, each an event a second; every signal follows the first, and some are missing."""
    random = np.random.default_rng(first)
    values = random.normal(size=(rows, 1)) + random.normal(scale=0.1, size=(rows, SIGNALS))
    values[random.random((rows, SIGNALS)) < 0.01] = np.nan
    at = np.arange(first, first + rows, dtype=np.int64)
    vehicles = [f"VEH-{number % 2}" for number in at.tolist()]
    return TelemetryBatch([""] * rows, vehicles, at // 2 * 1_000_000, values, [b"{}"] * rows, np.arange(rows))


def fed(settings: Settings) -> ShardScorer:
    scorer = ShardScorer(settings)
    scorer.score(drive(0, EVENTS))
    return scorer


@pytest.fixture(params=["linear", "mlp", *RIVER])
def scoring(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Every model that can score."""
    if request.param in RIVER:
        yield settings_of(kind=request.param, river={})
    else:
        yield settings_of(reconstructor=request.param)


def test_a_shard_stores_plain_data_and_scores_on_bit_for_bit(scoring: Settings) -> None:
    scorer = fed(scoring)
    pickled = pickle.dumps(scorer.snapshot())
    named = {module.split(".")[0] for module, _ in named_by(pickled)}
    assert not named & {"config", "dataflows", "sim", "ui"}
    found = unpickle(pickled)
    assert layout_of(found) == SHARD
    check_layout(found)
    resumed = ShardScorer(scoring, found)
    expected, scores = (one.score(drive(EVENTS, 200)).scores for one in (scorer, resumed))
    assert scores.error.tobytes() == expected.error.tobytes()
    assert scores.threshold.tobytes() == expected.threshold.tobytes()
