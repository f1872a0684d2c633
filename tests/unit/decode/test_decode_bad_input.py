"""What cannot be decoded becomes a dead letter that says why, and nothing else is affected."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from config.settings import load
from dataflows.decode import Decoder
from dataflows.decode.bad_values import BadValue
from dataflows.decode.faults import MAX_REASON_CHARACTERS
from dataflows.events import DeadLetter
from tests.support.decoding import decoder, messages

EVENT = b'{"vehicle_id":"VEH-1","ts":"2026-01-31T12:00:00Z","speed":61.5,"rpm":2100}'


def letter(subject: Decoder, payload: bytes) -> DeadLetter:
    """The dead letter that a message becomes between two good ones, which stay good."""
    decoded = subject.decode(messages(EVENT, payload, EVENT))
    assert decoded.bad.tolist() == [False, True, False]
    assert decoded.telemetry.telemetry == [EVENT, EVENT]
    (only,) = decoded.dead_letters
    assert only.payload == payload
    return only


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "expected JSON, got an empty payload"),
        (b" \n ", "expected JSON, got nothing but white space (3 bytes)"),
        (b"speed=5", "expected JSON, got 7 bytes that are not JSON: invalid character (byte 0)"),
        (EVENT[:-1], "expected JSON, got 73 bytes that are not JSON: input data was truncated"),
        (EVENT + EVENT, "expected JSON, got 148 bytes that are not JSON: trailing characters"),
        (EVENT + b"\n" + EVENT, "expected JSON, got 149 bytes that are not JSON: trailing characters"),
        (EVENT.replace(b"61.5", b"nan"), "expected JSON, got 73 bytes that are not JSON: invalid character"),
        (EVENT.replace(b"61.5", b"061"), "expected JSON, got 73 bytes that are not JSON: invalid number"),
        (
            b"\xef\xbb\xbf" + EVENT,
            "expected JSON, got 77 bytes that are not JSON: invalid character (byte 0)",
        ),
        (b"\x00\xff", "expected JSON in UTF-8, got the byte 0xff at position 1"),
        (EVENT.replace(b"VEH", b"V\xe9H"), "expected JSON in UTF-8, got the byte 0xe9 at position 16"),
        (EVENT[:-1] + b',"other":"\xc3"}', "expected JSON in UTF-8, got the byte 0xc3"),
        (b"[1,2]", "expected a JSON object for an event, got an array"),
        (b"x", "expected JSON, got 1 byte that is not JSON: invalid character (byte 0)"),
        (b"17", "expected a JSON object for an event, got the number 17"),
        (b"null", "expected a JSON object for an event, got null"),
        (b'"{}"', "expected a JSON object for an event, got the string '{}'"),
        (b"true", "expected a JSON object for an event, got the boolean true"),
        (b"NaN", "expected a JSON object for an event, got null"),
    ],
)
def test_a_message_that_is_not_an_object_in_json_becomes_a_dead_letter(payload: bytes, reason: str) -> None:
    assert letter(decoder(), payload).reason.startswith(reason)


def test_a_dead_letter_says_where_its_message_came_from() -> None:
    decoded = decoder().decode(messages(EVENT, b"x", offsets=[7, 9], topic="cars/a"))
    assert decoded.dead_letters[0].topic == "cars/a"
    assert decoded.dead_letters[0].partition == "origin"
    assert decoded.dead_letters[0].offset == 9
    assert decoded.dead_letters[0].arrived_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_message_from_an_origin_without_offsets_becomes_a_dead_letter_without_one() -> None:
    assert decoder().decode(messages(b"x")).dead_letters[0].offset is None


def test_every_message_can_be_bad() -> None:
    decoded = decoder().decode(messages(b"x", b"", b"{}"))
    assert len(decoded.telemetry) == 0
    assert decoded.telemetry.values.shape == (0, 2)
    assert decoded.bad.tolist() == [True] * 3
    assert [dead.payload for dead in decoded.dead_letters] == [b"x", b"", b"{}"]


# Vehicle ids


@pytest.mark.parametrize(
    "fields", [b"", b'"vehicle_id":null,', b'"vehicle_id":"",', b'"vehicle_id":NaN,', b'"VEHICLE_ID":"a",']
)
def test_a_message_without_vehicle_id_becomes_a_dead_letter(fields: bytes) -> None:
    payload = EVENT.replace(b'"vehicle_id":"VEH-1",', fields)
    expected = "expected the vehicle id at /vehicle_id, got none: it is missing, null or empty"
    assert letter(decoder(), payload).reason == expected


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (b"true", "the boolean true"),
        (b"1.5", "the number 1.5"),
        (b"2.0", "the number 2.0"),
        (b'["VEH-1"]', "an array"),
        (b"{}", "an object"),
    ],
)
def test_a_vehicle_id_of_another_type_becomes_a_dead_letter(value: bytes, got: str) -> None:
    reason = letter(decoder(), EVENT.replace(b'"VEH-1"', value)).reason
    assert reason == f"expected the vehicle id at /vehicle_id to be a string or an integer, got {got}"


def test_a_vehicle_id_has_at_most_256_characters() -> None:
    subject = decoder()
    longest = messages(EVENT.replace(b"VEH-1", b"a" * 256), EVENT.replace(b"VEH-1", "ü".encode() * 256))
    assert not subject.decode(longest).dead_letters
    for too_long in (b'"' + b"a" * 257 + b'"', b"1" * 257):
        reason = letter(subject, EVENT.replace(b'"VEH-1"', too_long)).reason
        assert reason == "expected the vehicle id at /vehicle_id to have at most 256 characters, got 257"


@pytest.mark.parametrize("character", ["\\u0000", "\\n", "\\u001f", "\\u007f", "\\u0085"])
def test_a_vehicle_id_with_a_control_character_becomes_a_dead_letter(character: str) -> None:
    reason = letter(decoder(), EVENT.replace(b"VEH-1", b"VEH" + character.encode())).reason
    assert reason.startswith("expected the vehicle id at /vehicle_id without control characters, got 'VEH\\")


def test_a_vehicle_id_may_hold_any_other_character() -> None:
    for name in ("a b", "Ω☃", "\u00a0", "\u2028", "../+#", "😀"):
        decoded = decoder().decode(messages(EVENT.replace(b"VEH-1", name.encode())))
        assert decoded.telemetry.vehicle_ids == [name]


@pytest.mark.parametrize("topic", ["cars/", ""])
def test_a_topic_without_a_last_level_becomes_a_dead_letter(topic: str) -> None:
    decoded = decoder(vehicle_id="topic").decode(messages(EVENT, topic=topic))
    expected = "expected the vehicle id as the last level of the topic, got none"
    assert decoded.dead_letters[0].reason.startswith(expected)


def test_a_message_without_a_key_becomes_a_dead_letter_if_the_key_is_the_vehicle_id() -> None:
    decoded = decoder(vehicle_id="key").decode(messages(EVENT))
    expected = "expected the vehicle id as the key of the message, got none"
    assert decoded.dead_letters[0].reason.startswith(expected)


# Event times


@pytest.mark.parametrize("fields", [b"", b',"ts":null', b',"ts":NaN'])
@pytest.mark.parametrize("time_format", ["iso8601", "epoch_s", "epoch_ms"])
def test_a_message_without_its_time_becomes_a_dead_letter(fields: bytes, time_format: str) -> None:
    subject = decoder(time_format=time_format)
    decoded = subject.decode(messages(EVENT.replace(b',"ts":"2026-01-31T12:00:00Z"', fields)))
    assert decoded.dead_letters[0].reason == "expected the event time at /ts, got none: it is missing or null"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"2026-01-31T12:00:00", "got '2026-01-31T12:00:00', which has no time zone"),
        (b"2026-01-31 12:00", "got '2026-01-31 12:00', which has no time zone"),
        (b"2026-01-31", "got '2026-01-31', which has no time zone"),
        (b"", "got '', which is not ISO 8601"),
        (b"noon", "got 'noon', which is not ISO 8601"),
        (b"2026-02-30T12:00:00Z", "got '2026-02-30T12:00:00Z', which is not ISO 8601"),
        (b"2026-01-31T12:00:00+24:00", "got '2026-01-31T12:00:00+24:00', which is not ISO 8601"),
    ],
)
def test_a_time_that_is_not_iso8601_with_a_zone_becomes_a_dead_letter(text: bytes, problem: str) -> None:
    reason = letter(decoder(), EVENT.replace(b"2026-01-31T12:00:00Z", text)).reason
    assert reason == (
        "expected the event time at /ts to be an ISO 8601 time with a zone, "
        f"such as '2026-01-31T12:00:00Z', {problem}"
    )


@pytest.mark.parametrize(
    ("time_format", "value", "got"),
    [
        ("iso8601", b"1769860800", "the number 1769860800"),
        ("iso8601", b"true", "the boolean true"),
        ("epoch_s", b"true", "the boolean true"),
        ("epoch_s", b'"noon"', "the string 'noon'"),
        ("epoch_s", b'"1_769_860_800"', "the string '1_769_860_800'"),
        ("epoch_ms", b"[0]", "an array"),
    ],
)
def test_a_time_of_another_type_becomes_a_dead_letter(time_format: str, value: bytes, got: str) -> None:
    subject = decoder(time_format=time_format)
    decoded = subject.decode(messages(EVENT.replace(b'"2026-01-31T12:00:00Z"', value)))
    expected = {
        "iso8601": "an ISO 8601 time with a zone, such as '2026-01-31T12:00:00Z'",
        "epoch_s": "a number of seconds since 1970",
        "epoch_ms": "a number of milliseconds since 1970",
    }[time_format]
    assert decoded.dead_letters[0].reason == f"expected the event time at /ts to be {expected}, got {got}"


@pytest.mark.parametrize(
    ("time_format", "value"),
    [
        ("iso8601", b'"1899-12-31T23:59:59.999999Z"'),
        ("iso8601", b'"2200-01-01T00:00:00Z"'),
        ("iso8601", b'"0001-01-01T00:00:00+23:59"'),
        ("iso8601", b'"9999-12-31T23:59:59-23:59"'),
        ("epoch_s", b"1769860800000"),
        ("epoch_s", b"7258118400"),
        ("epoch_s", b"-2208988801"),
        ("epoch_s", b"1e300"),
        ("epoch_s", b"1" + b"0" * 400),
        ("epoch_ms", b"-1e308"),
        ("epoch_ms", b"7258118400000"),
    ],
)
def test_a_time_outside_1900_to_2199_becomes_a_dead_letter(time_format: str, value: bytes) -> None:
    subject = decoder(time_format=time_format)
    decoded = subject.decode(messages(EVENT.replace(b'"2026-01-31T12:00:00Z"', value)))
    expected = "expected the event time at /ts to be in the years 1900 to 2199, got "
    assert decoded.dead_letters[0].reason.startswith(expected)
    assert "; if many are not, check payload.time_format" in decoded.dead_letters[0].reason


# Sequences and signals


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"1.5", "expected the sequence at /n to be a string or an integer, got the number 1.5"),
        (b"[]", "expected the sequence at /n to be a string or an integer, got an array"),
        (b'"\\t"', "expected the sequence at /n without control characters, got '\\t'"),
        (b"1" * 300, "expected the sequence at /n to have at most 256 characters, got 300"),
    ],
)
def test_a_sequence_that_cannot_be_part_of_an_id_becomes_a_dead_letter(value: bytes, reason: str) -> None:
    assert letter(decoder(sequence="/n"), EVENT[:-1] + b',"n":' + value + b"}").reason == reason


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (b'"fast"', "the string 'fast'"),
        (b'"2026-01-31"', "the string '2026-01-31'"),
        (b"[61.5]", "an array"),
        (b"{}", "an object"),
    ],
)
def test_a_signal_of_another_type_is_missing_and_counted_with_the_reason(value: bytes, got: str) -> None:
    bad = EVENT.replace(b"61.5", value)
    decoded = decoder().decode(messages(EVENT, bad, bad))
    assert not decoded.dead_letters
    np.testing.assert_array_equal(decoded.telemetry.values, [[61.5, 2100], [np.nan, 2100], [np.nan, 2100]])
    assert decoded.telemetry.telemetry == [EVENT, bad, bad]
    reason = f"expected signal 'speed' at /speed to be a number, a boolean or null, got {got}"
    assert decoded.bad_values == {"speed": BadValue(2, reason)}


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        (b'{"temp":["hot"]}', " to be a number, a boolean or null, got the string 'hot'"),
        (b'{"temp":"hot"}', ", got the string 'hot' at /engine/temp"),
        (b"5", ", got the number 5 at /engine"),
        (b'"x"', ", got the string 'x' at /engine"),
        (b"[5]", ", got an array at /engine"),
    ],
)
def test_a_nested_signal_behind_another_type_is_missing_and_counted(engine: bytes, reason: str) -> None:
    subject = decoder({"temperature": "/engine/temp/0", "speed": "/speed"})
    decoded = subject.decode(messages(EVENT[:-1] + b',"engine":' + engine + b"}"))
    np.testing.assert_array_equal(decoded.telemetry.values, [[np.nan, 61.5]])
    expected = f"expected signal 'temperature' at /engine/temp/0{reason}"
    assert decoded.bad_values == {"temperature": BadValue(1, expected)}


def test_a_bad_value_in_a_dead_letter_is_not_counted_beside_it() -> None:
    decoded = decoder().decode(messages(EVENT.replace(b"61.5", b'"fast"').replace(b"VEH-1", b"")))
    assert decoded.bad.tolist() == [True]
    assert decoded.bad_values == {}


def test_a_bad_value_beside_a_number_beyond_float64_is_counted_once() -> None:
    payload = EVENT.replace(b"61.5", b'"fast"').replace(b"2100", b"1" + b"0" * 400)
    decoded = decoder().decode(messages(payload))
    assert decoded.bad_values["speed"].count == 1
    assert np.isnan(decoded.telemetry.values).all()


# Lists and maps


@pytest.mark.parametrize(
    ("layout", "payload", "reason"),
    [
        ("list", EVENT, "expected a JSON array of events, as payload.layout is 'list', got an object"),
        ("list", b"17", "expected a JSON array of events, as payload.layout is 'list', got a number"),
        ("list", b"1e999", "expected a JSON array of events, as payload.layout is 'list', got a number"),
        ("list", b'"[]"', "expected a JSON array of events, as payload.layout is 'list', got a string"),
        ("map", b" [1]", "expected a JSON object of events, as payload.layout is 'map', got an array"),
        ("map", b"null", "expected a JSON object of events, as payload.layout is 'map', got null"),
        ("map", b"false", "expected a JSON object of events, as payload.layout is 'map', got a boolean"),
        ("map", b"", "expected JSON, got an empty payload"),
        ("list", b"[" + EVENT, "expected JSON, got 75 bytes that are not JSON: input data was truncated"),
        ("list", b'["\xff"]', "expected JSON in UTF-8, got the byte 0xff at position 2"),
        ("map", b"{NaN:" + EVENT + b"}", "expected JSON"),
        (
            "list",
            b"[" * 10_000 + b"]" * 10_000,
            "expected JSON, got 20000 bytes that are nested too deeply to be read",
        ),
    ],
)
def test_a_message_that_is_not_the_list_or_map_expected_becomes_one_dead_letter(
    layout: str, payload: bytes, reason: str
) -> None:
    good = b"[" + EVENT + b"]" if layout == "list" else b'{"a":' + EVENT + b"}"
    decoded = decoder(layout=layout).decode(messages(good, payload, good))
    assert decoded.bad.tolist() == [False, True, False]
    assert decoded.dead_letters[0].payload == payload
    assert decoded.dead_letters[0].reason.startswith(reason)


@pytest.mark.parametrize("layout", ["list", "map"])
@pytest.mark.parametrize("bad", [b"17", b'{"speed": NaN}', EVENT.replace(b"12:00:00Z", b"noon"), b"NaN"])
def test_a_bad_event_in_a_list_or_map_becomes_a_dead_letter_of_its_own_bytes(layout: str, bad: bytes) -> None:
    other = EVENT.replace(b"VEH-1", b"VEH-2")
    outer = b"[%b, %b, %b]" if layout == "list" else b'{"a": %b, "b": %b, "c": %b}'
    message = outer % (EVENT, bad, other)
    decoded = decoder(layout=layout).decode(messages(message, offsets=[4]))
    assert decoded.bad.tolist() == [False, True, False]
    assert decoded.dead_letters[0].payload == bad
    assert decoded.dead_letters[0].offset == 4
    assert decoded.telemetry.event_ids == ["origin:4:0", "origin:4:2"]
    assert decoded.telemetry.vehicle_ids == ["VEH-1", "VEH-2"]


def test_an_empty_key_in_a_map_becomes_a_dead_letter() -> None:
    subject = decoder(layout="map", vehicle_id="key")
    decoded = subject.decode(messages(b'{"":' + EVENT + b',"a":' + EVENT + b"}"))
    assert decoded.bad.tolist() == [True, False]
    assert decoded.telemetry.vehicle_ids == ["a"]


# Hostile input


@pytest.mark.parametrize("layout", ["event", "list", "map"])
def test_a_message_longer_than_max_bytes_becomes_a_dead_letter_that_is_cut_to_it(layout: str) -> None:
    subject = decoder(layout=layout, max_bytes=1000)
    fits, too_long = EVENT.ljust(1000), EVENT.ljust(1001)
    if layout != "event":
        fits, too_long = b"{}".ljust(1000) if layout == "map" else b"[]".ljust(1000), b"[]".ljust(1001)
    decoded = subject.decode(messages(fits, too_long))
    (only,) = decoded.dead_letters
    assert only.payload == too_long[:1000]
    assert only.length == 1001
    assert only.reason == (
        "expected a message of at most 1000 bytes, got 1001; "
        "if senders do send such messages, raise payload.max_bytes"
    )


@pytest.mark.parametrize("pointer", ["/speed", "/deep/0", "/deep/0/0"])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_nested_10000_deep_becomes_a_dead_letter(pointer: str, opening: bytes, closing: bytes) -> None:
    payload = EVENT[:-1] + b',"deep":' + opening * 10_000 + b"1" + closing * 10_000 + b"}"
    reason = letter(decoder({"signal": pointer}), payload).reason
    assert reason == f"expected JSON, got {len(payload)} bytes that are nested too deeply to be read"


def test_a_reason_is_one_bounded_line_whatever_the_payload_holds() -> None:
    subject = decoder({"s" * 500: "/" + "p" * 500})
    payloads = [
        EVENT[:-1] + b',"' + b"p" * 500 + b'":"x"}',
        EVENT.replace(b"2026-01-31T12:00:00Z", b"\\n" * 5000),
        EVENT.replace(b"VEH-1", b"\\n" * 200),
        b"\n" * 5000,
    ]
    for dead in subject.decode(messages(*payloads)).dead_letters:
        assert 0 < len(dead.reason) <= MAX_REASON_CHARACTERS
        assert "\n" not in dead.reason


def test_half_an_event_and_two_events_in_one_message_do_not_add_up_to_good_events() -> None:
    tails = [EVENT + b" " + EVENT, EVENT[:-1], b',"x":1}', b'{"x":"}', b'{"}']
    for first in tails:
        for second in tails:
            for third in tails:
                decoded = decoder().decode(messages(EVENT, first, second, third, EVENT))
                assert decoded.bad.tolist() == [False, True, True, True, False]


def test_the_default_settings_decode_what_they_describe() -> None:
    settings = load()
    subject = Decoder(settings.payload, settings.signals)
    decoded = subject.decode(messages(EVENT, b"{}"))
    assert decoded.telemetry.vehicle_ids == ["VEH-1"]
    assert decoded.telemetry.values.shape == (1, len(settings.signals))
    assert decoded.bad.tolist() == [False, True]
