"""Events with one value whose signal is named in the payload or the topic, and scales of signals."""

from __future__ import annotations

import numpy as np
import pytest

from config.settings import DEFAULT_FILE, SignalSettings, load
from dataflows.decode import Decoder
from tests.support.decoding import decoder, messages, on_topics

NAN = float("nan")


def test_a_name_is_that_of_the_pointer_with_or_without_a_slash_in_front() -> None:
    subject = decoder({"a": "/x/y", "b": "/z.w"}, signal="/s", value="/v", vehicle_id="topic", time=None)
    texts = [b'{"s":"x/y","v":1}', b'{"s":"/x/y","v":2}', b'{"s":"z.w","v":3}']
    values = subject.decode(messages(*texts)).telemetry.values
    np.testing.assert_array_equal(values, [[1.0, NAN], [2.0, NAN], [NAN, 3.0]])


def test_a_number_is_a_name_by_its_digits_and_two_signals_may_have_one_name() -> None:
    subject = decoder({"a": "/239", "b": "/239"}, signal="/s", value="/v", vehicle_id="topic", time=None)
    assert subject.decode(messages(b'{"s":239,"v":true}')).telemetry.values.tolist() == [[1.0, 1.0]]


def test_the_name_of_an_object_stands_for_all_signals_in_it() -> None:
    signals = {"latitude": "/location/latitude", "longitude": "/location/longitude", "speed": "/speed"}
    subject = decoder(signals, topic="{vehicle}/{signal}", time=None)
    payloads = [b'{"latitude":48.1,"longitude":"11.5"}', b'{"latitude":[48.1]}', b"null", b"none"]
    decoded = subject.decode(on_topics(*[("car/location", payload) for payload in payloads]))
    nothing = [NAN, NAN, NAN]
    expected = [[48.1, 11.5, NAN], nothing, nothing, nothing]
    np.testing.assert_array_equal(decoded.telemetry.values, expected)
    assert {signal: bad.count for signal, bad in decoded.bad_values.items()} == {"latitude": 1}


@pytest.mark.parametrize("name", [b"null", b'""', b"[]"])
def test_an_event_that_names_no_signal_is_a_dead_letter(name: bytes) -> None:
    subject = decoder(signal="/s", value="/v", vehicle_id="topic", time=None)
    decoded = subject.decode(messages(b'{"s":' + name + b',"v":1}'))
    assert decoded.dead_letters[0].reason.startswith("expected the name of the signal at /s")


def test_a_signal_that_is_called_none_is_not_one_without_a_name() -> None:
    subject = decoder(signal="/s", value="/v", vehicle_id="topic", time=None)
    decoded = subject.decode(messages(b'{"s":"None","v":1}', b'{"s":null,"v":1}', b'{"s":7,"v":1}'))
    assert decoded.ignored == {"None": 1, "7": 1}
    assert decoded.bad.tolist() == [True]


def test_an_ignored_event_needs_neither_a_vehicle_nor_a_time() -> None:
    subject = decoder(signal="/s", value="/v")
    decoded = subject.decode(messages(b'{"s":"odometer","v":1}', b'{"s":"speed","v":1}'))
    assert decoded.ignored == {"odometer": 1}
    assert decoded.bad.tolist() == [True]


def test_a_bad_value_of_a_named_signal_is_counted_for_it() -> None:
    subject = decoder(signal="/s", value="/v", vehicle_id="topic", time=None)
    decoded = subject.decode(messages(b'{"s":"rpm","v":"fast"}', b'{"s":"rpm","v":[1]}', b'{"s":"rpm"}'))
    assert np.isnan(decoded.telemetry.values).all()
    assert decoded.bad_values["rpm"].count == 2
    expected = "expected signal 'rpm' to be a number, a boolean or null, got the string 'fast'"
    assert decoded.bad_values["rpm"].example == expected


def test_the_signal_in_the_topic_may_have_its_value_within_a_list() -> None:
    subject = decoder(topic="{vehicle}/{signal}", layout="list", value="/v", time="/t", time_format="epoch_s")
    decoded = subject.decode(on_topics(("car/rpm", b'[{"t":1,"v":5},{"t":2,"v":6}]')))
    assert decoded.telemetry.vehicle_ids == ["car", "car"]
    np.testing.assert_array_equal(decoded.telemetry.values, [[NAN, 5.0], [NAN, 6.0]])


def test_a_payload_that_is_the_value_may_be_any_scalar_or_text() -> None:
    subject = decoder(topic="{vehicle}/{signal}", time=None)
    texts = [
        b"5",
        b" 5.5 ",
        b"true",
        b"null",
        b"",
        b" ",
        b'"7 km/h"',
        b"8 km/h",
        b"OFF",
        b"-",
        b"NaN",
        b"1e999",
    ]
    decoded = subject.decode(on_topics(*[("car/speed", text) for text in texts]))
    expected = [5.0, 5.5, 1.0, NAN, NAN, NAN, 7.0, 8.0, 0.0, NAN, NAN, NAN]
    np.testing.assert_array_equal(decoded.telemetry.values[:, 0], expected)
    assert not decoded.dead_letters


def test_a_payload_that_is_the_value_may_be_bad_or_no_text_at_all() -> None:
    subject = decoder(topic="{vehicle}/{signal}", time=None)
    decoded = subject.decode(on_topics(("car/speed", b"fast"), ("car/speed", b"[1]"), ("car/speed", b"\xff")))
    assert decoded.bad_values["speed"].count == 2
    assert decoded.bad.tolist() == [False, False, True]


def test_a_message_on_a_topic_that_the_template_does_not_fit_is_a_dead_letter() -> None:
    subject = decoder(topic="{vehicle}/{signal}", time=None)
    (letter,) = subject.decode(on_topics(("recording", b"5"))).dead_letters
    assert letter.reason.startswith("expected a signal in the topic, as in {vehicle}/{signal}, got none")


def test_the_topic_names_the_vehicle_of_payloads_that_do_not() -> None:
    subject = decoder(topic="cars/{vehicle}/x", time=None)
    batch = on_topics(
        ("cars/a/x", b'{"vehicle_id":"b"}'), ("cars/a/x", b"{}"), ("cars/a/x", b'{"vehicle_id":0}')
    )
    assert subject.decode(batch).telemetry.vehicle_ids == ["b", "a", "0"]


def test_a_topic_without_its_vehicle_is_a_dead_letter_that_shows_the_template() -> None:
    subject = decoder(topic="cars/{vehicle}/x", vehicle_id="topic", time=None)
    (letter,) = subject.decode(on_topics(("vans/a/x", b"{}"))).dead_letters
    assert letter.reason.startswith("expected the vehicle id in the topic, as in cars/{vehicle}/x, got none")


def test_a_value_is_what_was_sent_times_its_scale_plus_its_offset() -> None:
    signals = {
        "temperature": SignalSettings(pointer="/t", offset=-40.0),
        "rpm": SignalSettings(pointer="/rpm", scale=0.25),
        "huge": SignalSettings(pointer="/huge", scale=1e300),
    }
    payload = load(DEFAULT_FILE).payload.model_copy(update={"vehicle_id": "topic", "time": None})
    decoded = Decoder(payload, signals).decode(messages(b'{"t":"58","rpm":3200,"huge":1e300}', b'{"t":true}'))
    np.testing.assert_array_equal(decoded.telemetry.values, [[18.0, 800.0, NAN], [-39.0, NAN, NAN]])
