"""Derived signals: signals like any other once an event is decoded, and nowhere looked for in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from config.settings import DEFAULT_FILE, Settings, SignalSettings, load
from config.topic_template import TopicTemplate
from dataflows.decode import Decoded, Decoder
from dataflows.decode.signal_watch import SignalWatch
from dataflows.decode.unknown_fields import UnknownFields
from dataflows.encode import Encoder
from dataflows.score.scorer import ShardScorer
from tests.support.decoding import messages, on_topics
from tests.support.telemetry import batches, quick, telemetry

NAN = float("nan")
SPEED, LIMIT = SignalSettings(pointer="/speed", scale=3.6), SignalSettings(pointer="/limit")
OVER = SignalSettings(expression="speed - limit")


def decoder(signals: Mapping[str, SignalSettings], topic: str = "+", **payload: Any) -> Decoder:
    plain = {"vehicle_id": "topic", "time": None, "sequence": None}
    settings = load(DEFAULT_FILE).payload.model_copy(update=plain | payload)
    return Decoder(settings, signals, TopicTemplate(topic))


def decoded(signals: Mapping[str, SignalSettings], *events: dict[str, Any], **payload: Any) -> Decoded:
    return decoder(signals, **payload).decode(messages(*(json.dumps(event).encode() for event in events)))


@pytest.mark.parametrize(
    "order", [["over", "speed", "limit"], ["speed", "over", "limit"], ["speed", "limit", "over"]]
)
def test_a_derived_signal_has_its_column_in_the_order_of_the_catalogue(order: list[str]) -> None:
    catalogue = {"speed": SPEED, "limit": LIMIT, "over": OVER}
    found = decoded({name: catalogue[name] for name in order}, {"speed": 20, "limit": "50"}, {"speed": 10})
    expected = {"speed": [72.0, 36.0], "limit": [50.0, NAN], "over": [22.0, NAN]}
    np.testing.assert_array_equal(found.telemetry.values, np.column_stack([expected[name] for name in order]))


def test_a_derived_signal_may_use_derived_ones_that_come_later() -> None:
    signals = {
        "risk": SignalSettings(expression="where(over > 0, over ** 2, 0)"),
        "over": OVER,
        "speed": SPEED,
        "limit": LIMIT,
    }
    assert decoded(signals, {"speed": 15, "limit": 50}).telemetry.values.tolist() == [[16.0, 4.0, 54.0, 50.0]]


def test_an_event_holds_no_derived_signal_even_if_it_has_a_member_of_that_name() -> None:
    found = decoded({"speed": SPEED, "limit": LIMIT, "over": OVER}, {"speed": 10, "limit": 6, "over": "x"})
    assert found.telemetry.values.tolist() == [[36.0, 6.0, 30.0]]
    assert found.bad_values == {}


def test_bad_values_are_those_of_the_measured_signals_and_a_watch_of_all_takes_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signals = {"over": OVER, "speed": SPEED, "limit": LIMIT}
    found = decoded(signals, *[{"speed": "fast", "limit": 50}] * 300)
    assert set(found.bad_values) == {"speed"}
    SignalWatch(signals).count(found)
    (warning,) = caplog.messages
    assert warning.startswith("300 of the last 300 values of signal 'speed' cannot be read")


def test_where_each_event_holds_one_value_a_derived_signal_is_missing_and_cannot_be_sent() -> None:
    signals = {"speed": SignalSettings(pointer="/speed"), "limit": LIMIT, "over": OVER}
    subject = decoder(signals, topic="{vehicle}/{signal}")
    found = subject.decode(on_topics(("a/speed", b"60"), ("a/over", b"3"), ("a/limit", b"50")))
    np.testing.assert_array_equal(found.telemetry.values, [[60.0, NAN, NAN], [NAN, 50.0, NAN]])
    assert found.ignored == {"over": 1}


def test_an_object_that_holds_all_of_its_signals_gives_a_derived_one() -> None:
    signals = {
        "over": OVER,
        "speed": SignalSettings(pointer="/can/speed"),
        "limit": SignalSettings(pointer="/can/limit"),
    }
    payloads = [b'{"s":"can/speed","v":60}', b'{"s":"can","v":{"speed":60,"limit":50}}']
    found = decoder(signals, signal="/s", value="/v").decode(messages(*payloads))
    np.testing.assert_array_equal(found.telemetry.values, [[NAN, 60.0, NAN], [10.0, 60.0, 50.0]])


def test_a_series_gives_a_derived_signal_at_the_times_of_all_its_signals() -> None:
    signals = {"over": OVER, "speed": SignalSettings(pointer="/speed"), "limit": LIMIT}
    message = {"speed": [[1, 60], [2, 70]], "limit": [[2, 50]]}
    found = decoded(signals, message, layout="series", time_format="epoch_s")
    np.testing.assert_array_equal(found.telemetry.values, [[NAN, 60.0, NAN], [20.0, 70.0, 50.0]])


def test_decoding_in_batches_of_any_size_gives_the_same_values() -> None:
    signals = {"speed": SPEED, "ratio": SignalSettings(expression="sin(speed) / (limit - 3)"), "limit": LIMIT}
    subject = decoder(signals)
    events = [json.dumps({"speed": n / 7, "limit": n % 5}).encode() for n in range(50)]
    batch = messages(*events)
    whole = subject.decode(batch)
    for size in (1, 3, 49):
        parts = [subject.decode(batch.take(list(range(n, min(n + size, 50))))) for n in range(0, 50, size)]
        values = np.concatenate([part.telemetry.values for part in parts])
        assert values.tobytes() == whole.telemetry.values.tobytes()


def test_measured_signals_are_decoded_as_without_derived_ones() -> None:
    events = ({"speed": 1, "limit": 2}, {"speed": None}, {"limit": "x"})
    plain = decoded({"speed": SPEED, "limit": LIMIT}, *events)
    derived = decoded({"speed": SPEED, "limit": LIMIT, "over": OVER}, *events)
    np.testing.assert_array_equal(plain.telemetry.values, derived.telemetry.values[:, :2])
    assert plain.telemetry.event_ids == derived.telemetry.event_ids
    assert plain.bad_values == derived.bad_values


def test_numbers_that_no_setting_points_to_are_named_beside_derived_signals() -> None:
    settings = load(DEFAULT_FILE)
    fields = UnknownFields.of(settings)
    events = [b'{"vehicle_id":"a","speed":%d,"speed_over_limit":%d,"oil":%d}' % (n, n, n) for n in range(500)]
    assert str(fields.look_at(events)).startswith("/speed_over_limit, /oil: numbers that look like signals")


@pytest.fixture
def settings() -> Settings:
    settings = quick(load(DEFAULT_FILE))
    gap = SignalSettings(expression="rpm - 30 * speed", min=-1.0, role="target")
    return settings.model_copy(update={"signals": {**settings.signals, "gap": gap}})


def test_a_derived_target_is_scored_checked_and_published_like_any_other(settings: Settings) -> None:
    scorer, subject, encoder = ShardScorer(settings), Decoder.of(settings), Encoder(settings)
    for batch in batches(telemetry(200), 50):
        scored = scorer.score(subject.decode(batch).telemetry)
        events = [json.loads(payload) for payload in encoder.encode(scored).payloads]
    assert list(events[-1]["values"]) == ["speed", "rpm", "latitude", "gap"]
    assert list(events[-1]["expected"]) == list(events[-1]["contributions"]) == ["speed", "rpm", "gap"]
    for event in events:
        values = event["values"]
        assert values["gap"] == pytest.approx(values["rpm"] - 30 * values["speed"], abs=1e-5)
        assert ("gap" in event["implausible"]) == (values["gap"] < -1.0)
    assert {bool(event["implausible"]) for event in events} == {False, True}


def test_the_shipped_catalogue_computes_the_speed_over_the_limit() -> None:
    settings = load(DEFAULT_FILE)
    event = b'{"vehicle_id":"a","ts":"2026-01-31T12:00:00Z","sequence":1,"speed":61.5,"speed_limit":50}'
    values = Decoder.of(settings).decode(messages(event)).telemetry.values
    assert list(settings.signals)[-1] == "speed_over_limit"
    assert values[0, -1] == 11.5
    assert "speed_over_limit" not in settings.scored_signals
