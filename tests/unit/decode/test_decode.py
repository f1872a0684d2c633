"""Good telemetry in every layout: ids, times, signals and the original bytes."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.decode import Decoder, TelemetryBatch
from tests.support.decoding import ARRIVED, decoder, messages

NAN = float("nan")
EVENT = b'{"vehicle_id":"VEH-1","ts":"2026-01-31T12:00:00Z","speed":61.5,"rpm":2100}'


def event(**changes: Any) -> bytes:
    fields = {"vehicle_id": "VEH-1", "ts": "2026-01-31T12:00:00Z", "speed": 61.5, "rpm": 2100}
    return json.dumps(
        {name: value for name, value in (fields | changes).items() if value != "absent"}
    ).encode()


def good(subject: Decoder, *payloads: bytes, **batch: Any) -> TelemetryBatch:
    decoded = subject.decode(messages(*payloads, **batch))
    assert not decoded.dead_letters
    assert decoded.bad.tolist() == [False] * len(decoded.telemetry)
    return decoded.telemetry


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_an_event_becomes_a_row_of_every_column() -> None:
    batch = good(decoder(), EVENT)
    assert len(batch) == 1
    assert batch.vehicle_ids == ["VEH-1"]
    assert batch.timestamps.tolist() == [microseconds(datetime(2026, 1, 31, 12, tzinfo=UTC))]
    assert batch.values.tolist() == [[61.5, 2100.0]]
    assert list(map(bytes, batch.telemetry)) == [EVENT]
    assert batch.timestamps.dtype == np.dtype(np.int64)
    assert batch.values.dtype == np.dtype(np.float64)


def test_no_messages_become_an_empty_batch() -> None:
    batch = good(decoder())
    assert len(batch) == 0
    assert batch.values.shape == (0, 2)
    assert batch.timestamps.shape == (0,)


def test_taking_rows_takes_them_from_every_column_in_the_order_asked_for() -> None:
    batch = good(decoder(), *(event(vehicle_id=name, speed=index) for index, name in enumerate("abc")))
    taken = batch.take(np.array([2, 0], dtype=np.intp))
    assert taken.vehicle_ids == ["c", "a"]
    assert [event_id[0] for event_id in taken.event_ids] == ["c", "a"]
    assert taken.values[:, 0].tolist() == [2.0, 0.0]
    assert taken.timestamps.tolist() == batch.timestamps[[2, 0]].tolist()
    assert [json.loads(bytes(text))["vehicle_id"] for text in taken.telemetry] == ["c", "a"]


def test_a_batch_can_travel_between_processes() -> None:
    batch = good(decoder(), EVENT)
    copy = pickle.loads(pickle.dumps(batch))  # noqa: S301 - our own bytes
    assert copy.event_ids == batch.event_ids
    assert bytes(copy.telemetry[0]) == EVENT


@pytest.mark.parametrize(
    ("signal", "value"),
    [("0", 0.0), ("-0.5e3", -500.0), ("true", 1.0), ("false", 0.0), ("9007199254740993", 2.0**53)],
)
def test_a_signal_is_a_number_or_a_boolean(signal: str, value: float) -> None:
    batch = good(decoder(), EVENT.replace(b"61.5", signal.encode()))
    assert batch.values[0, 0] == value


@pytest.mark.parametrize("speed", [None, "absent"], ids=["null", "missing"])
def test_a_signal_that_is_null_or_missing_is_nan_and_the_others_are_kept(speed: object) -> None:
    batch = good(decoder(), EVENT, event(speed=speed))
    np.testing.assert_array_equal(batch.values, [[61.5, 2100.0], [NAN, 2100.0]])


@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1E+400", b"1" + b"0" * 400, b"1" * 5000]
)
def test_a_number_that_json_or_float64_lacks_is_data_and_becomes_null(number: bytes) -> None:
    batch = good(decoder(), EVENT, EVENT.replace(b"61.5", number))
    np.testing.assert_array_equal(batch.values, [[61.5, 2100.0], [NAN, 2100.0]])
    assert bytes(batch.telemetry[1]) == EVENT.replace(b"61.5", b"null")


def test_nan_in_a_field_that_no_setting_points_to_becomes_null() -> None:
    text = b'{ "vehicle_id":"a", "ts":"2026-01-31T12:00:00Z", "note": "NaN \\" NaN", "x": [NaN] }'
    batch = good(decoder(), text)
    assert bytes(batch.telemetry[0]) == text.replace(b"[NaN]", b"[null]")


def test_the_original_bytes_stay_as_they_are() -> None:
    texts = [
        b' {"speed":1,\r\n\t"ts":"2026-01-31T12:00:00Z" , "vehicle_id":"a"}\n',
        '{"ts":"2026-01-31T12:00:00Z","vehicle_id":"Zoë","weather":"Schneefall ☃"}'.encode(),
        b'{"ts":"2026-01-31T12:00:00Z","vehicle_id":"a","speed":1.000,"x":1e999}',
    ]
    batch = good(decoder(), *texts)
    assert list(map(bytes, batch.telemetry)) == texts
    assert batch.vehicle_ids == ["a", "Zoë", "a"]


def test_of_a_key_that_occurs_twice_the_last_value_counts() -> None:
    twice = [
        EVENT.replace(b"61.5", b'1,"speed":2'),
        EVENT.replace(b"61.5", b'"no number","speed":2'),
    ]
    assert good(decoder(), *twice).values[:, 0].tolist() == [2.0, 2.0]


def test_pointers_lead_into_objects_and_arrays() -> None:
    subject = decoder(
        {"temperature": "/engine/temp", "latitude": "/location/0", "longitude": "/location/1"},
        vehicle_id="/vehicle/id",
        time="/meta/times/2",
        sequence="/meta/n",
    )
    text = json.dumps(
        {
            "vehicle": {"id": "VEH-1"},
            "engine": {"temp": 90.5, "other": {}},
            "location": [48.1, 11.5, 500],
            "meta": {"times": [None, "x", "2026-01-31T12:00:00Z"], "n": 7},
        }
    ).encode()
    batch = good(subject, text)
    assert batch.values.tolist() == [[90.5, 48.1, 11.5]]
    assert batch.event_ids == [f"VEH-1@{microseconds(datetime(2026, 1, 31, 12, tzinfo=UTC))}#7"]


@pytest.mark.parametrize(
    "location", [b"null", b"[]", b"{}", b'{"x":5}', b"[48.5]", b"[48.5,null]", b"[0,{}]"]
)
def test_a_pointer_that_leads_to_nothing_finds_nothing(location: bytes) -> None:
    subject = decoder({"longitude": "/location/1/x", "speed": "/speed"})
    batch = good(subject, EVENT[:-1] + b',"location":' + location + b"}")
    np.testing.assert_array_equal(batch.values, [[NAN, 61.5]])


def test_a_digit_in_a_pointer_is_a_key_of_an_object_as_well() -> None:
    subject = decoder({"first": "/axles/0"})
    texts = [EVENT[:-1] + b',"axles":' + axles + b"}" for axles in (b"[7]", b'{"0":8}')]
    assert good(subject, *texts).values[:, 0].tolist() == [7.0, 8.0]


def test_one_value_can_be_vehicle_id_sequence_and_signal_at_once() -> None:
    subject = decoder({"number": "/n", "again": "/n"}, vehicle_id="/n", sequence="/n", time=None)
    batch = good(subject, b'{"n":12}')
    assert batch.values.tolist() == [[12.0, 12.0]]
    assert batch.event_ids == [f"12@{ARRIVED}#12"]


def test_a_single_nested_signal_is_enough_for_a_catalogue() -> None:
    subject = decoder({"speed": "/a/speed"}, vehicle_id="topic", time=None)
    assert good(subject, b'{"a":{"speed":3}}').values.tolist() == [[3.0]]


@pytest.mark.parametrize("key", ["a/b", "m~n", 'q"uote', "back\\slash", "ü", "~1", "-", "0", ""])
def test_pointers_escape_whatever_a_key_holds(key: str) -> None:
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    assert good(decoder({"signal": pointer}), event(**{key: 4.5})).values.tolist() == [[4.5]]


# Vehicle ids


def test_an_integer_is_a_vehicle_id_by_its_digits() -> None:
    assert good(decoder(), event(vehicle_id=42), EVENT).vehicle_ids == ["42", "VEH-1"]


def test_the_vehicle_id_can_be_the_last_level_of_the_topic_as_it_is() -> None:
    subject = decoder(vehicle_id="topic")
    assert good(subject, EVENT, topic="fleet/telemetry/VEH%2F7 ü").vehicle_ids == ["VEH%2F7 ü"]
    assert good(subject, EVENT, topic="flat").vehicle_ids == ["flat"]


# Event times


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00.123456Z",
        "2026-01-31t12:00:00.123456z",
        "2026-01-31 12:00:00.123456+00:00",
        "2026-01-31T17:30:00.123456+05:30",
        "2026-01-30T20:00:00.123456-1600",
        "20260131T120000.123456Z",
        "2026-W05-6T12:00:00.123456Z",
    ],
)
def test_a_time_in_iso8601_is_read_in_its_zone(text: str) -> None:
    expected = microseconds(datetime(2026, 1, 31, 12, microsecond=123456, tzinfo=UTC))
    assert good(decoder(), event(ts=text)).timestamps.tolist() == [expected]


def test_a_time_in_iso8601_needs_no_seconds() -> None:
    batch = good(decoder(), event(ts="2026-01-31T12:00Z"))
    assert batch.timestamps.tolist() == [microseconds(datetime(2026, 1, 31, 12, tzinfo=UTC))]


@given(
    moment=st.datetimes(
        min_value=datetime(1900, 1, 2),  # noqa: DTZ001 - the zone is given beside it
        max_value=datetime(2199, 12, 30),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_a_time_in_iso8601_is_exact_to_the_microsecond(moment: datetime) -> None:
    batch = good(decoder(), event(ts=moment.isoformat()))
    assert batch.timestamps.tolist() == [microseconds(moment)]


@given(seconds=st.integers(-2_208_988_800, 7_258_118_399))
def test_integer_epochs_are_exact(seconds: int) -> None:
    in_seconds = decoder(time_format="epoch_s")
    assert good(in_seconds, event(ts=seconds)).timestamps.tolist() == [seconds * 1_000_000]
    in_milliseconds = decoder(time_format="epoch_ms")
    batch = good(in_milliseconds, event(ts=seconds * 1000 + 1), event(ts=seconds * 1000 + 999))
    assert batch.timestamps.tolist() == [seconds * 1_000_000 + 1000, seconds * 1_000_000 + 999_000]


def test_fractions_of_epochs_are_rounded_to_the_microsecond() -> None:
    batch = good(decoder(time_format="epoch_s"), event(ts=1769860800.123456), event(ts=-0.5))
    assert batch.timestamps.tolist() == [1_769_860_800_123_456, -500_000]
    batch = good(decoder(time_format="epoch_ms"), event(ts=1769860800123.4564))
    assert batch.timestamps.tolist() == [1_769_860_800_123_456]


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2100-02-28T00:00:00Z", "1900-01-01T00:00:00Z"])
def test_times_of_long_ago_and_far_ahead_are_times(text: str) -> None:
    batch = good(decoder(), event(ts=text))
    assert batch.timestamps.tolist() == [microseconds(datetime.fromisoformat(text))]


def test_without_a_time_in_the_payload_the_arrival_is_the_event_time() -> None:
    batch = good(decoder(time=None), EVENT, EVENT)
    assert batch.timestamps.tolist() == [ARRIVED, ARRIVED + 1_000_000]


# Event ids


def test_where_the_origin_has_offsets_they_are_the_event_ids() -> None:
    batch = good(decoder(), EVENT, EVENT, offsets=[17, 19])
    assert batch.event_ids == ["origin:17", "origin:19"]


def test_without_offsets_vehicle_time_and_sequence_are_the_event_id() -> None:
    noon = microseconds(datetime(2026, 1, 31, 12, tzinfo=UTC))
    numbered = decoder(sequence="/n")
    batch = good(numbered, event(n=0), event(n="x7"))
    assert batch.event_ids == [f"VEH-1@{noon}#0", f"VEH-1@{noon}#x7"]


def test_without_offsets_and_sequence_the_content_is_part_of_the_event_id() -> None:
    noon = microseconds(datetime(2026, 1, 31, 12, tzinfo=UTC))
    numbered = decoder(sequence="/n")
    for subject, contents in (
        (decoder(), [EVENT, event(speed=1), event(speed=2)]),
        (numbered, [EVENT, event(n=None), event(n="")]),
    ):
        batch = good(subject, *contents)
        assert len(set(batch.event_ids)) == len(set(batch.identities.tolist())) == 3
        assert all(re.fullmatch(rf"VEH-1@{noon}#[0-9a-f]{{16}}", text) for text in batch.event_ids)
        again = good(subject, contents[1])
        assert again.event_ids == batch.event_ids[1:2]
        assert again.identities.tolist() == batch.identities[1:2].tolist()


def test_the_same_content_on_another_topic_is_another_event() -> None:
    here, there = (
        decoder().decode(replace(messages(EVENT), topics=[topic])).telemetry
        for topic in ("a/VEH-1", "b/VEH-1")
    )
    assert here.event_ids != there.event_ids
    assert here.identities.tolist() != there.identities.tolist()


def test_events_without_a_time_are_told_apart_by_arrival_and_place_in_the_message() -> None:
    batch = good(decoder(time=None, layout="list"), b"[" + EVENT + b"," + EVENT + b"]", b"[" + EVENT + b"]")
    assert batch.event_ids == [f"VEH-1@{ARRIVED}", f"VEH-1@{ARRIVED}#/1", f"VEH-1@{ARRIVED + 1_000_000}"]
    assert batch.identities[0] != batch.identities[1]


@pytest.mark.parametrize("layout", ["event", "list"])
def test_where_the_origin_has_offsets_the_same_content_twice_is_two_events(layout: str) -> None:
    payload = EVENT if layout == "event" else b"[" + EVENT + b"," + EVENT + b"]"
    batch = good(decoder(layout=layout), payload, payload, offsets=[2**40, 2**40 + 1])
    assert len(set(batch.identities.tolist())) == len(batch)
    assert len(set(batch.event_ids)) == len(batch)


@pytest.mark.parametrize("number", [5, 2**62, 2**64])
def test_a_sequence_of_any_size_tells_events_apart(number: int) -> None:
    batch = good(decoder(sequence="/n"), event(n=number), event(n=number + 1), event(n=number))
    first, second, again = batch.identities.tolist()
    assert first == again != second


def test_an_event_has_the_same_id_when_it_is_delivered_again_in_another_batch() -> None:
    subject = decoder(sequence="/n")
    first = good(subject, event(n=1), event(n=2), event(n=3))
    again = good(subject, event(n=2))
    assert again.event_ids == first.event_ids[1:2]


# Layouts


def test_a_list_holds_events_in_order() -> None:
    subject = decoder(layout="list")
    lists = [b"[" + event(n=1) + b" ,\n" + event(vehicle_id="b") + b"]", b" [] ", b"[" + EVENT + b"]"]
    batch = good(subject, *lists, offsets=[5, 6, 7])
    assert batch.event_ids == ["origin:5:0", "origin:5:1", "origin:7:0"]
    assert batch.vehicle_ids == ["VEH-1", "b", "VEH-1"]
    assert list(map(bytes, batch.telemetry)) == [event(n=1), event(vehicle_id="b"), EVENT]


def test_a_map_holds_an_event_of_each_vehicle_under_its_key() -> None:
    subject = decoder({"latitude": "/location/0"}, layout="map", vehicle_id="key", time=None)
    twin = b'{"VEH-1": {"location": [48.1, 11.5]}, "VEH-2": {"location": [48.2, 11.6]}}'
    batch = good(subject, twin, twin, offsets=[3, 4])
    assert batch.vehicle_ids == ["VEH-1", "VEH-2"] * 2
    assert batch.event_ids == ["origin:3:0", "origin:3:1", "origin:4:0", "origin:4:1"]
    assert batch.values[:, 0].tolist() == [48.1, 48.2] * 2
    assert batch.timestamps.tolist() == [ARRIVED] * 2 + [ARRIVED + 1_000_000] * 2
    assert bytes(batch.telemetry[0]) == b'{"location": [48.1, 11.5]}'


def test_in_a_map_the_vehicle_id_can_be_within_the_event() -> None:
    subject = decoder(layout="map")
    assert good(subject, b'{"key":' + EVENT + b"}").vehicle_ids == ["VEH-1"]


def test_in_a_list_the_vehicle_id_can_be_in_the_topic() -> None:
    subject = decoder(layout="list", vehicle_id="topic")
    assert good(subject, b"[" + EVENT + b"," + EVENT + b"]").vehicle_ids == ["VEH-9"] * 2


@pytest.mark.parametrize("layout", ["list", "map"])
def test_nan_in_one_event_of_a_message_leaves_the_bytes_of_the_others_alone(layout: str) -> None:
    odd = EVENT.replace(b"61.5", b"-Infinity").replace(b"2100", b"1e999")
    spaced = EVENT.replace(b",", b" , ")
    outer = b'{"a":%b,"b":%b}' if layout == "map" else b"[%b,%b]"
    batch = good(decoder(layout=layout), outer % (odd, spaced))
    assert bytes(batch.telemetry[1]) == spaced
    assert bytes(batch.telemetry[0]) == EVENT.replace(b"61.5", b"null").replace(b"2100", b"null")
    np.testing.assert_array_equal(batch.values, [[NAN, NAN], [61.5, 2100.0]])
