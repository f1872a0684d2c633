"""Topic templates over a real broker: what is subscribed to, received, and read from the topic."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from bytewax.testing import run_main

from config.settings import Settings, load
from dataflows.connectors.endpoints import telemetry_source
from dataflows.connectors.mqtt.source import MqttSource
from dataflows.decode import Decoder
from dataflows.events import Enriched
from dataflows.fleet import build
from scripts.brokers.process import Broker
from tests.support.mqtt_clients import create_session, publish
from tests.support.mqtt_source import take_batches
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"


def with_topic(settings: Settings, telemetry: str, **payload: object) -> Settings:
    return settings.model_copy(
        update={
            "topics": settings.topics.model_copy(update={"telemetry": telemetry}),
            "payload": settings.payload.model_copy(update={"vehicle_id": "topic", "time": None, **payload}),
        }
    )


def test_vehicles_and_signals_are_read_from_the_topics_that_a_template_subscribes_to(
    durable_broker: Broker, settings: Settings, topic: str
) -> None:
    mine = with_topic(settings, f"{topic}/{{vehicle}}/{{signal}}")
    create_session(mine.mqtt, f"{mine.mqtt.client_id}-source", f"{topic}/+/+")
    sent = [
        ("van-1/speed", b"61.5"),
        ("van-2/rpm", b"2100 rpm"),
        ("van-1/x/speed", b"5"),
        ("van-2/vin", b"W1"),
    ]
    publish(mine.mqtt, [(f"{topic}/{levels}", payload) for levels, payload in sent])
    source = telemetry_source(mine)
    assert isinstance(source, MqttSource)
    partition = source.build_part("telemetry", "mqtt", None)
    try:
        batches = take_batches(partition, 3)
    finally:
        partition.close()
    decoder = Decoder.of(mine)
    decoded = [decoder.decode(batch) for batch in batches]
    assert [vehicle for part in decoded for vehicle in part.telemetry.vehicle_ids] == ["van-1", "van-2"]
    values = np.concatenate([part.telemetry.values for part in decoded])
    columns = [list(mine.signals).index(name) for name in ("speed", "rpm")]
    np.testing.assert_array_equal(values[:, columns], [[61.5, np.nan], [np.nan, 2100.0]])
    assert [name for part in decoded for name in part.ignored] == ["vin"]


def test_the_job_scores_booleans_of_a_table_as_one_and_zero(tmp_path: Path) -> None:
    case = CASES / "true_and_false_in_a_table"
    settings = load(case / "config.toml")
    files = {"input": case / "booleans.csv.gz", "results": tmp_path}
    settings = settings.model_copy(
        update={
            "recording": settings.recording.model_copy(update=files),
            "detector": settings.detector.model_copy(update={"shards": 1}),
        }
    )
    run_main(build(settings, telemetry_source(settings)))
    lines = (tmp_path / "enriched.jsonl").read_bytes().splitlines()
    events = [msgspec.json.decode(line, type=Enriched) for line in lines]
    assert len(events) == 900
    assert {event.values["brake"] for event in events} == {0.0, 1.0}
    assert not (tmp_path / "dead-letter.jsonl").exists() or not (tmp_path / "dead-letter.jsonl").read_bytes()
