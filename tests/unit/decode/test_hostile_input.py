"""What comes from outside stays data: on its way to topics, keys and files, whatever it says."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from bytewax.testing import TestingSource, run_main
from paho.mqtt.client import topic_matches_sub

from config.settings import DEFAULT_FILE, Settings, SinkSettings, load
from dataflows.connectors.mqtt.sink import keyed_topic
from dataflows.events import DeadLetter, Enriched
from dataflows.fleet import build
from dataflows.messages import MessageBatch
from tests.support.decoding import decoder, messages
from tests.support.hostile import HOSTILE_IDS, REFUSED_IDS
from tests.support.telemetry import quick


def event(vehicle_id: str, second: int = 0) -> bytes:
    at = f"2026-01-01T00:00:{second:02d}Z"
    return json.dumps({"vehicle_id": vehicle_id, "ts": at, "speed": 50.0, "rpm": 2000.0}).encode()


def test_a_hostile_id_is_decoded_as_it_is_from_the_payload_the_map_and_the_key_of_a_message() -> None:
    in_payload = decoder().decode(messages(*map(event, HOSTILE_IDS)))
    assert in_payload.telemetry.vehicle_ids == HOSTILE_IDS
    fleet = json.dumps({vehicle: {"ts": "2026-01-01T00:00:00Z", "speed": 1.0} for vehicle in HOSTILE_IDS})
    in_map = decoder(layout="map", vehicle_id="key").decode(messages(fleet.encode()))
    assert in_map.telemetry.vehicle_ids == HOSTILE_IDS
    keyed = messages(*map(event, HOSTILE_IDS))
    keyed = MessageBatch(keyed.payloads, keyed.topics, keyed.arrived, "kafka", keys=HOSTILE_IDS)
    assert decoder(vehicle_id="key").decode(keyed).telemetry.vehicle_ids == HOSTILE_IDS


def test_an_id_from_a_topic_is_its_last_level_and_nothing_is_unquoted_or_resolved() -> None:
    topics = ["cars/..", "cars/%2e%2e%2f", "cars/$SYS", "$SYS/broker/<b>", "a/../b"]
    batch = messages(*[event("claimed")] * len(topics))
    batch = MessageBatch(batch.payloads, topics, batch.arrived, "origin")
    decoded = decoder(vehicle_id="topic").decode(batch)
    assert decoded.telemetry.vehicle_ids == ["..", "%2e%2e%2f", "$SYS", "<b>", "b"]


@pytest.mark.parametrize("vehicle", REFUSED_IDS, ids=ascii)
def test_an_id_that_is_none_makes_a_dead_letter_on_one_line(vehicle: str) -> None:
    decoded = decoder().decode(messages(event(vehicle)))
    (letter,) = decoded.dead_letters
    assert letter.payload == event(vehicle)
    assert letter.reason.isprintable()


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udc00x", rb"\udfff\ud800"])
def test_half_of_a_surrogate_pair_cannot_become_an_id(escape: bytes) -> None:
    payload = event("XX").replace(b"XX", escape)
    decoded = decoder().decode(messages(payload))
    assert [letter.payload for letter in decoded.dead_letters] == [payload]
    msgspec.json.encode(decoded.dead_letters)


def test_no_id_reaches_another_topic_than_its_own() -> None:
    topics = [keyed_topic("fleet/enriched", vehicle) for vehicle in HOSTILE_IDS]
    assert len(set(topics)) == len(HOSTILE_IDS)
    for vehicle, topic in zip(HOSTILE_IDS, topics, strict=True):
        assert topic_matches_sub("fleet/enriched/+", topic)
        assert not set(topic) & set("#+$\0")
        if "~" not in topic:
            assert unquote(topic.removeprefix("fleet/enriched/")) == vehicle


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    base = load(DEFAULT_FILE)
    recording = base.recording.model_copy(update={"results": tmp_path / "results"})
    return quick(base, sink=SinkSettings(kind="recording"), recording=recording)


def test_the_job_scores_hostile_vehicles_as_themselves_and_writes_no_file_but_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    good = [event(vehicle, second) for second in range(5) for vehicle in HOSTILE_IDS]
    bad = [event(vehicle) for vehicle in REFUSED_IDS]
    run_main(build(settings, TestingSource([messages(*good, *bad, topic="../../<b>+#")])))
    results = tmp_path / "results"
    lines = (results / "enriched.jsonl").read_bytes().splitlines()
    scored = [msgspec.json.decode(line, type=Enriched) for line in lines]
    assert sorted(bytes(one.telemetry) for one in scored) == sorted(good)
    for one in scored:
        assert json.loads(bytes(one.telemetry))["vehicle_id"] == one.vehicle_id
    letters = (results / "dead-letter.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=DeadLetter).payload for line in letters] == bad
    written = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")}
    files = {f"results/{name}.jsonl" for name in ("enriched", "dead-letter", "rollups")}
    assert written == {"work", "results"} | files


def test_names_of_signals_are_only_names() -> None:
    hostile = {"<b>speed</b>": "/speed", "__class__": "/rpm", "import os": "/a~1b", "lambda: 0": "/class"}
    payload = json.dumps(
        {"vehicle_id": "v", "ts": "2026-01-01T00:00:00Z", "speed": 1, "rpm": 2, "a/b": 3, "class": 4}
    )
    decoded = decoder(hostile).decode(messages(payload.encode()))
    assert decoded.telemetry.values.tolist() == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize(
    "name", ["__class__", "__dict__", "__init__", "__reduce__", "class", "None", "a b", "é"]
)
def test_a_pointer_of_the_settings_leads_into_the_payload_and_nowhere_else(name: str) -> None:
    here = json.dumps({"vehicle_id": "v", "ts": "2026-01-01T00:00:00Z", name: {name: 7.0}})
    missing = json.dumps({"vehicle_id": "v", "ts": "2026-01-01T00:00:00Z"})
    decoded = decoder({"signal": f"/{name}/{name}"}).decode(messages(here.encode(), missing.encode()))
    assert decoded.telemetry.values[0].tolist() == [7.0]
    assert decoded.telemetry.values[1].tolist() != [7.0]
    assert len(decoded.telemetry) == 2
