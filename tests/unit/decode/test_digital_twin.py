"""The configuration for an MQTT digital twin, the whole fleet in every message and no time in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from config.settings import DEFAULT_FILE, Settings, load
from dataflows.decode import Decoder, TelemetryBatch
from dataflows.detector import Scores, Status
from dataflows.messages import MessageBatch
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import rows_by_shard
from tests.support.decoding import whole
from tests.support.paths import REPOSITORY

CONFIGURATION = REPOSITORY / "config" / "digital-twin.toml"
SAMPLE = REPOSITORY / "tests" / "data" / "digital-twin.jsonl.gz"
MESSAGES, VEHICLES = 300, 5
EVENTS = MESSAGES * VEHICLES
NAMES = [f"VEH-{number}" for number in range(1, VEHICLES + 1)]
LATE = 280

Fleet = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(CONFIGURATION)


@pytest.fixture(scope="module")
def recorded() -> MessageBatch:
    """The sample as one batch, as MQTT would hand it over: without offsets."""
    batch = whole(SAMPLE)
    return replace(batch, origin="mqtt", offsets=None)


def decoded(settings: Settings, batch: MessageBatch) -> TelemetryBatch:
    result = Decoder(settings.payload, settings.signals).decode(batch)
    assert not result.dead_letters
    return result.telemetry


def scored(settings: Settings, telemetry: TelemetryBatch) -> list[tuple[str, int, Scores]]:
    """Of each event its vehicle, its time and its scores, by a detector for each shard."""
    events = []
    for rows in rows_by_shard(telemetry.vehicle_ids, settings.detector.shards).values():
        result = ShardScorer(settings).score(telemetry.take(rows))
        ids, times = result.telemetry.vehicle_ids, result.telemetry.timestamps.tolist()
        for row, (vehicle, time) in enumerate(zip(ids, times, strict=True)):
            events.append((vehicle, time, result.scores.take(np.array([row]))))
    return events


def changed(batch: MessageBatch, message: int, change: Callable[[Fleet], None]) -> MessageBatch:
    """The batch with one message changed."""
    fleet: Fleet = json.loads(batch.payloads[message])
    change(fleet)
    payloads = [*batch.payloads[:message], json.dumps(fleet).encode(), *batch.payloads[message + 1 :]]
    return MessageBatch(payloads, batch.topics, batch.arrived, batch.origin)


def test_the_sample_is_a_message_a_second_with_the_whole_fleet(recorded: MessageBatch) -> None:
    assert len(recorded) == MESSAGES
    assert set(recorded.topics) == {"fleet/data"}
    assert np.rint(np.diff(recorded.arrived) / 1e6).tolist() == [1.0] * (MESSAGES - 1)
    for payload in recorded.payloads:
        fleet: Fleet = json.loads(payload)
        assert list(fleet) == NAMES
        for name, event in fleet.items():
            assert list(event) == ["vehicle_id", "speed", "battery", "location"]
            assert event["vehicle_id"] == name
            assert 0.0 <= event["speed"] <= 120.0


def test_the_settings_differ_from_the_default_only_in_what_a_message_is(settings: Settings) -> None:
    default = load(DEFAULT_FILE)
    assert settings.topics.telemetry == "fleet/data"
    assert settings.detector == default.detector
    assert settings.mqtt == default.mqtt
    assert list(settings.signals) == ["speed", "battery", "latitude", "longitude"]
    assert settings.scored_signals == ["speed", "battery"]


def test_the_sample_decodes_by_configuration_alone(settings: Settings, recorded: MessageBatch) -> None:
    telemetry = decoded(settings, recorded)
    assert len(telemetry) == EVENTS
    events = [event for payload in recorded.payloads for event in json.loads(payload).values()]
    assert telemetry.vehicle_ids == [event["vehicle_id"] for event in events]
    expected = [[event["speed"], event["battery"], *event["location"]] for event in events]
    assert telemetry.values.tolist() == expected
    assert [json.loads(text) for text in telemetry.telemetry] == events


def test_the_time_of_an_event_is_when_its_message_arrived(settings: Settings, recorded: MessageBatch) -> None:
    telemetry = decoded(settings, recorded)
    assert telemetry.timestamps.tolist() == np.repeat(recorded.arrived, VEHICLES).tolist()
    assert len(set(telemetry.event_ids)) == EVENTS


def test_the_key_of_the_map_names_the_vehicle_as_well(settings: Settings, recorded: MessageBatch) -> None:
    by_key = settings.model_copy(
        update={"payload": settings.payload.model_copy(update={"vehicle_id": "key"})}
    )
    assert decoded(by_key, recorded).vehicle_ids == decoded(settings, recorded).vehicle_ids


def test_every_event_is_scored(settings: Settings, recorded: MessageBatch) -> None:
    events = scored(settings, decoded(settings, recorded))
    assert len(events) == EVENTS
    assert all(np.isfinite(scores.error[0]) for _, _, scores in events)
    late = [scores for _, time, scores in events if time >= recorded.arrived[LATE]]
    assert {scores.status[0] for scores in late} == {Status.OK}


@pytest.mark.parametrize("vehicle", NAMES)
def test_a_speed_of_400_is_flagged(settings: Settings, recorded: MessageBatch, vehicle: str) -> None:
    def speed_up(fleet: Fleet) -> None:
        fleet[vehicle]["speed"] = 400.0

    events = scored(settings, decoded(settings, changed(recorded, LATE, speed_up)))
    at_once = {name: scores for name, time, scores in events if time == recorded.arrived[LATE]}
    assert at_once[vehicle].anomaly[0]
    assert at_once[vehicle].contributions[0].argmax() == settings.scored_signals.index("speed")
    assert at_once[vehicle].severity[0] > max(
        scores.severity[0] for name, scores in at_once.items() if name != vehicle
    )
