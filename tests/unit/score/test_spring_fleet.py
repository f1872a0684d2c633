"""The configuration for a Spring fleet platform: its messages are read as they are, and its faults found."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from config.settings import DEFAULT_FILE, Settings, load
from dataflows.decode import Decoder, TelemetryBatch
from dataflows.messages import MessageBatch
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import rows_by_shard
from tests.support.decoding import whole
from tests.support.spring_fleet import (
    CONFIGURATION,
    FAULTS,
    SAMPLE,
    SAMPLE_EVENTS,
    TOPIC,
    VEHICLES,
    LabelledEvent,
    events,
)

SIGNALS = [
    "latitude",
    "longitude",
    "speed",
    "previousSpeed",
    "acceleration",
    "temperature",
    "battery",
    "fuelLevel",
    "speedLimit",
    "trafficLevel",
]
GROUND_TRUTH = {"anomaly", "anomalyType"}
FIELDS = [
    "vehicleId",
    "timestamp",
    *SIGNALS[:8],
    "weather",
    "roadType",
    "speedLimit",
    "night",
    "trafficLevel",
    "anomaly",
    "anomalyType",
]
LEARNING, JUDGED = 2_000, 20_000
BATCH = 1_000


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(CONFIGURATION)


@pytest.fixture(scope="module")
def recorded() -> MessageBatch:
    """The sample as one batch, as a partition of the topic would hand it over."""
    batch = whole(SAMPLE)
    return replace(batch, origin=f"{TOPIC}/0")


@lru_cache
def generated(seed: int) -> list[LabelledEvent]:
    return list(events(LEARNING + JUDGED, seed))


def decoded(settings: Settings, batch: MessageBatch) -> TelemetryBatch:
    result = Decoder(settings.payload, settings.signals).decode(batch)
    assert not result.dead_letters
    return result.telemetry


def verdicts(settings: Settings, stream: list[LabelledEvent], shards: int) -> NDArray[np.bool_]:
    """Whether each event is an anomaly, by a detector for each shard."""
    scorers: dict[int, ShardScorer] = {}
    anomaly = np.zeros(len(stream), dtype=np.bool_)
    for start in range(0, len(stream), BATCH):
        part = stream[start : start + BATCH]
        payloads, arrived = [event.payload for event in part], [event.arrived for event in part]
        offsets = list(range(start, start + len(part)))
        batch = MessageBatch(payloads, [TOPIC] * len(part), arrived, f"{TOPIC}/0", offsets)
        telemetry = decoded(settings, batch)
        for shard, rows in rows_by_shard(telemetry.vehicle_ids, shards).items():
            if shard not in scorers:
                scorers[shard] = ShardScorer(settings)
            scored = scorers[shard].score(telemetry.take(rows))
            anomaly[start + rows[scored.rows]] = scored.scores.anomaly
    return anomaly


def test_the_sample_has_the_fields_of_the_platform_in_their_order(recorded: MessageBatch) -> None:
    parsed = [json.loads(payload) for payload in recorded.payloads]
    assert len(parsed) == SAMPLE_EVENTS
    assert set(recorded.topics) == {TOPIC}
    assert all(list(event) == FIELDS for event in parsed)
    kinds = Counter(event["anomalyType"] for event in parsed)
    assert set(kinds) == {None, *FAULTS}
    assert all(event["anomaly"] == (event["anomalyType"] is not None) for event in parsed)


def test_the_sample_decodes_by_configuration_alone(settings: Settings, recorded: MessageBatch) -> None:
    telemetry = decoded(settings, recorded)
    assert len(telemetry) == SAMPLE_EVENTS
    parsed = [json.loads(payload) for payload in recorded.payloads]
    assert telemetry.vehicle_ids == [event["vehicleId"] for event in parsed]
    assert len(set(telemetry.vehicle_ids)) == VEHICLES
    assert telemetry.values.tolist() == [[event[name] for name in SIGNALS] for event in parsed]
    assert telemetry.telemetry == recorded.payloads
    assert telemetry.event_ids[:2] == [f"{TOPIC}/0:0", f"{TOPIC}/0:1"]


def test_a_time_with_nanoseconds_is_kept_to_the_microsecond(
    settings: Settings, recorded: MessageBatch
) -> None:
    telemetry = decoded(settings, recorded)
    for payload, timestamp in zip(recorded.payloads, telemetry.timestamps.tolist(), strict=True):
        sent = json.loads(payload, parse_float=Decimal)["timestamp"]
        assert abs(sent * 1_000_000 - timestamp) < 1
        assert sent.as_tuple().exponent == -9
    assert np.count_nonzero(telemetry.timestamps % 1_000) > 0.99 * SAMPLE_EVENTS


@pytest.mark.parametrize("microseconds", [0, 1, 123_456, 500_000, 999_999])
def test_a_time_of_whole_microseconds_is_kept_exactly(
    settings: Settings, recorded: MessageBatch, microseconds: int
) -> None:
    event = json.loads(recorded.payloads[0], parse_float=Decimal)
    old, new = str(event["timestamp"]).encode(), f"1763712000.{microseconds:06d}000".encode()
    payload = recorded.payloads[0].replace(old, new)
    telemetry = decoded(settings, MessageBatch([payload], [TOPIC], [0], f"{TOPIC}/0", [0]))
    assert telemetry.timestamps.tolist() == [1_763_712_000_000_000 + microseconds]


def test_the_model_sees_exactly_the_ten_signals(settings: Settings) -> None:
    assert list(settings.signals) == SIGNALS
    assert settings.scored_signals == SIGNALS
    assert [signal.pointer for signal in settings.signals.values()] == [f"/{name}" for name in SIGNALS]
    assert all(signal.unit for signal in settings.signals.values())
    assert all(signal.min is not None and signal.max is not None for signal in settings.signals.values())


def test_the_ground_truth_never_reaches_the_model(settings: Settings, recorded: MessageBatch) -> None:
    def without_truth(payload: bytes) -> bytes:
        event: dict[str, Any] = json.loads(payload, parse_float=Decimal)
        kind = json.dumps(event["anomalyType"]).encode()
        truth = b'"anomaly":%s,"anomalyType":%s' % (json.dumps(event["anomaly"]).encode(), kind)
        assert payload.endswith(b"," + truth + b"}")
        return payload.removesuffix(b"," + truth + b"}") + b"}"

    blind = [without_truth(payload) for payload in recorded.payloads]
    assert not any(field.encode() in payload for payload in blind for field in GROUND_TRUTH)
    untold = MessageBatch(blind, recorded.topics, recorded.arrived, recorded.origin, recorded.offsets)
    told, not_told = decoded(settings, recorded), decoded(settings, untold)
    np.testing.assert_array_equal(told.values, not_told.values)
    assert told.event_ids == not_told.event_ids
    one, other = ShardScorer(settings).score(told), ShardScorer(settings).score(not_told)
    np.testing.assert_array_equal(one.scores.error, other.scores.error)


def test_only_the_percentile_of_the_detector_differs_from_the_default(settings: Settings) -> None:
    percentile = settings.detector.percentile
    assert settings.detector == load(DEFAULT_FILE).detector.model_copy(update={"percentile": percentile})


@pytest.mark.parametrize("shards", [1, 4], ids=["one-shard", "four-shards"])
@pytest.mark.parametrize(
    ("seed", "least"),
    [(1, 0.99), pytest.param(2, 0.99, marks=pytest.mark.slow), pytest.param(3, 0.95, marks=pytest.mark.slow)],
)
@pytest.mark.long
def test_nearly_all_faults_are_found_and_nearly_all_that_is_found_is_a_fault(
    settings: Settings, seed: int, least: float, shards: int
) -> None:
    stream = generated(seed)
    with threadpool_limits(limits=1, user_api="blas"):
        found = verdicts(settings, stream, shards)[LEARNING:]
    faulty = np.array([event.fault is not None for event in stream])[LEARNING:]
    assert len(faulty) == JUDGED
    hits = int(np.sum(found & faulty))
    recall, precision = hits / int(np.sum(faulty)), hits / max(int(np.sum(found)), 1)
    missed = Counter(event.fault for event, hit in zip(stream[LEARNING:], found, strict=True) if not hit)
    del missed[None]
    assert min(recall, precision) >= least, f"{recall=:.4f} {precision=:.4f} {missed=}"
