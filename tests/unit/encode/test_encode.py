"""Messages on the enriched topic."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import DEFAULT_FILE, Settings, SignalSettings, load
from dataflows.decode import Decoder
from dataflows.detector import Status
from dataflows.encode import Encoder
from dataflows.encode.json_kernel import shortened
from dataflows.events import STATUS_NAMES, Enriched
from dataflows.messages import MessageBatch
from dataflows.score.scorer import ScoredBatch, ShardScorer
from tests.support.telemetry import batches, quick, telemetry


@pytest.fixture
def settings() -> Settings:
    return quick(load(DEFAULT_FILE))


def scored(settings: Settings, batch: MessageBatch) -> ScoredBatch:
    decoded = Decoder(settings.payload, settings.signals).decode(batch)
    return ShardScorer(settings).score(decoded.telemetry)


def encoded(settings: Settings, payloads: list[bytes]) -> list[dict[str, object]]:
    outgoing = Encoder(settings).encode(scored(settings, batches(payloads, len(payloads))[0]))
    return [json.loads(payload) for payload in outgoing.payloads]


def test_an_event_has_every_field_of_the_contract_and_only_those(settings: Settings) -> None:
    (event,) = encoded(settings, telemetry(1))
    assert list(event) == [
        "event_id",
        "vehicle_id",
        "ts",
        "reconstruction_error",
        "reconstruction_error_smoothed",
        "anomaly_threshold",
        "is_anomaly",
        "severity",
        "status",
        "values",
        "expected",
        "band",
        "contributions",
        "implausible",
        "model_version",
        "processed_at",
        "telemetry",
    ]


def test_the_original_event_is_passed_through_byte_for_byte(settings: Settings) -> None:
    payload = (
        b'{ "vehicle_id": "VEH-1","ts":"2026-01-01T00:00:00Z",\t"speed":1.50, "unknown":[1,{"a":null}] }'
    )
    batch = scored(settings, batches([payload], 1)[0])
    (message,) = Encoder(settings).encode(batch).payloads
    assert message.endswith(b'"telemetry":' + payload + b"}")


def test_messages_are_keyed_by_vehicle(settings: Settings) -> None:
    batch = scored(settings, batches(telemetry(8), 8)[0])
    assert Encoder(settings).encode(batch).keys == [f"VEH-{number % 4}" for number in range(8)]


def test_without_a_verdict_the_threshold_is_null(settings: Settings) -> None:
    (event,) = encoded(settings, telemetry(1))
    assert event["anomaly_threshold"] is None
    assert event["is_anomaly"] is False
    assert (event["severity"], event["status"]) == (0.0, "warming_up")


def test_the_values_of_all_signals_are_repeated_as_they_were_decoded(settings: Settings) -> None:
    payloads = [
        b'{"vehicle_id":"V","ts":"2026-01-01T00:00:00Z","speed":61.5,"rpm":true,"latitude":48.13712345678}',
        b'{"vehicle_id":"V","ts":"2026-01-01T00:00:01Z","speed":null,"rpm":NaN,"latitude":-0.5,"other":1}',
        b'{"vehicle_id":"V","ts":"2026-01-01T00:00:02Z","rpm":1e999}',
    ]
    assert [event["values"] for event in encoded(settings, payloads)] == [
        {"speed": 61.5, "rpm": 1.0, "latitude": 48.1371235},
        {"speed": None, "rpm": None, "latitude": -0.5},
        {"speed": None, "rpm": None, "latitude": None},
    ]


def test_an_event_of_a_version_without_values_can_still_be_read(settings: Settings) -> None:
    (event,) = encoded(settings, telemetry(1))
    del event["values"]
    assert msgspec.json.decode(msgspec.json.encode(event), type=Enriched).values == {}


def test_an_event_of_a_version_without_bands_can_still_be_read(settings: Settings) -> None:
    (event,) = encoded(settings, telemetry(1))
    del event["band"]
    assert msgspec.json.decode(msgspec.json.encode(event), type=Enriched).band == {}


def test_a_band_has_three_digits_and_is_null_where_it_is_unknown(settings: Settings) -> None:
    batch = scored(settings, batches(telemetry(3), 3)[0])
    batch.scores.band[:] = [[1.23456, np.nan], [98765.4, 0.000999951], [np.inf, 0.0]]
    payloads = Encoder(settings).encode(batch).payloads
    assert b'"band":{"speed":1.23,"rpm":null}' in payloads[0]
    assert [msgspec.json.decode(payload, type=Enriched).band for payload in payloads] == [
        {"speed": 1.23, "rpm": None},
        {"speed": 98_800.0, "rpm": 0.001},
        {"speed": None, "rpm": 0.0},
    ]


@given(st.floats(1e-298, 1e307), st.integers(1, 9), st.booleans())
def test_a_shortened_number_is_the_nearest_one_with_so_few_digits(
    size: float, digits: int, negative: bool
) -> None:
    number = -size if negative else size
    short = float(shortened(np.array([[number]]), digits)[0, 0])
    assert short == pytest.approx(float(f"{number:.{digits - 1}e}"), rel=10.0 ** (1 - digits) + 1e-12)
    assert abs(short - number) <= 0.5000001 * 10.0 ** (math.floor(math.log10(size) + 1e-9) + 1 - digits)


def test_the_names_of_the_status_are_those_of_the_contract() -> None:
    assert [status.name.lower() for status in Status] == list(STATUS_NAMES)
    assert [status.value for status in Status] == list(range(len(STATUS_NAMES)))


def test_an_event_has_the_fields_of_its_struct_in_that_order(settings: Settings) -> None:
    (event,) = encoded(settings, telemetry(1))
    assert list(event) == [field.encode_name for field in msgspec.structs.fields(Enriched)]


@pytest.mark.parametrize("threshold", [0.0, 5e-324, 1.0, 1.00000000049, 9.99999999951, 0.123456789123])
def test_an_anomaly_is_above_the_threshold_after_rounding_too(settings: Settings, threshold: float) -> None:
    batch = scored(settings, batches(telemetry(3), 3)[0])
    batch.scores.threshold[:] = threshold
    batch.scores.error[:] = [threshold, np.nextafter(threshold, 10.0), threshold * (1.0 + 1e-8) + 1e-300]
    batch.scores.anomaly[:] = batch.scores.error > threshold
    events = [
        msgspec.json.decode(message, type=Enriched) for message in Encoder(settings).encode(batch).payloads
    ]
    assert [event.is_anomaly for event in events] == [False, True, True]
    for event in events:
        assert event.anomaly_threshold is not None
        assert event.is_anomaly == (event.reconstruction_error > event.anomaly_threshold)


def test_signals_outside_their_plausible_range_are_named(settings: Settings) -> None:
    sent = telemetry(5)
    signals = {
        **settings.signals,
        "latitude": SignalSettings(pointer="/latitude", min=-90.0, max=90.0, role="position"),
    }
    settings = settings.model_copy(update={"signals": signals})
    places = [b"48.1", b"90.0", b"90.1", b"-90.0", b"-90.1"]
    events = encoded(
        settings, [event.replace(b"48.1", place) for event, place in zip(sent, places, strict=True)]
    )
    assert [event["implausible"] for event in events] == [[], [], ["latitude"], [], ["latitude"]]


def test_a_model_that_expects_nothing_explains_nothing(settings: Settings) -> None:
    batch = scored(settings, batches(telemetry(2), 2)[0])
    batch.scores.expected[:] = np.nan
    events = [json.loads(payload) for payload in Encoder(settings).encode(batch).payloads]
    for event in events:
        assert (event["expected"], event["band"], event["contributions"]) == ({}, {}, {})
    assert [event["reconstruction_error"] for event in events] == pytest.approx(batch.scores.error, rel=1e-8)


def test_a_batch_of_nothing_but_duplicates_gives_no_messages(settings: Settings) -> None:
    batch = scored(settings, batches(telemetry(1), 1)[0])
    nothing = np.zeros(0, np.intp)
    empty = ScoredBatch(batch.telemetry.take(nothing), batch.scores.take(nothing), nothing)
    assert Encoder(settings).encode(empty).payloads == []


def test_times_are_utc_to_the_microsecond(settings: Settings) -> None:
    payload = telemetry(1)[0].replace(b"2026-01-01T00:00:00+00:00", b"2026-01-01T02:00:00.123457+02:00")
    before = datetime.now(UTC)
    (event,) = encoded(settings, [payload])
    assert event["ts"] == "2026-01-01T00:00:00.123457Z"
    assert before <= datetime.fromisoformat(str(event["processed_at"])) <= datetime.now(UTC)


def test_duplicates_are_dropped_and_the_rest_stays_aligned(settings: Settings) -> None:
    payloads = telemetry(40)
    (sent,) = batches([*payloads[:20], payloads[19], *payloads[20:]], 41)
    batch = scored(settings, replace(sent, offsets=None))
    assert len(batch.telemetry) == 40
    assert batch.rows.tolist() == [row for row in range(41) if row != 20]
    assert batch.telemetry.telemetry == payloads
    whole = scored(settings, batches(payloads, 40)[0])
    np.testing.assert_array_equal(batch.scores.error, whole.scores.error)


def test_signals_that_are_not_scored_are_checked_for_plausibility_but_not_explained(
    settings: Settings,
) -> None:
    payload = telemetry(1)[0].replace(b'"latitude":48.1', b'"latitude":48.1,"x":0')
    (event,) = encoded(settings, [payload])
    assert set(event["expected"]) == {"speed", "rpm"}  # type: ignore[call-overload]
    assert event["implausible"] == []
