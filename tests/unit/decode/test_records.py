"""Events inside envelopes: where they are found, what the envelope adds to them, and what is no record."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decoding import ARRIVED, decoder, messages

RECORD = b'{"ts":"2026-01-01T00:00:00Z","speed":1,"rpm":2}'


def test_what_a_record_lacks_is_looked_up_in_its_envelope() -> None:
    subject = decoder(records="/data", sequence="/n")
    text = b'{"vehicle_id":"outer","ts":"2026-01-02T00:00:00Z","n":7,"data":[%b,{"vehicle_id":"inner"}]}'
    telemetry = subject.decode(messages(text % RECORD)).telemetry
    assert telemetry.vehicle_ids == ["outer", "inner"]
    assert (np.diff(telemetry.timestamps) == 86_400_000_000).all()
    assert telemetry.event_ids == [f"outer@{ARRIVED}#7", f"inner@{ARRIVED + 86_400_000_000}#7"]


def test_the_values_of_signals_are_not_taken_from_the_envelope() -> None:
    text = b'{"vehicle_id":"a","ts":"2026-01-01T00:00:00Z","rpm":9,"data":[{"speed":1}]}'
    telemetry = decoder(records="/data").decode(messages(text)).telemetry
    np.testing.assert_array_equal(telemetry.values, [[1.0, np.nan]])


def test_records_keep_their_bytes_and_ids_of_their_own() -> None:
    text = b'{"vehicle_id":"a", "x":[{"data": [%b , %b]}]}'
    odd = RECORD.replace(b"1,", b"NaN,").replace(b":2", b" : 2")
    decoded = decoder(records="/x/0/data").decode(messages(text % (RECORD, odd), offsets=[7]))
    assert decoded.telemetry.event_ids == ["origin:7:0", "origin:7:1"]
    assert decoded.telemetry.telemetry == [RECORD, odd.replace(b"NaN", b"null")]


def test_the_vehicle_can_be_the_key_of_a_map_of_records() -> None:
    text = b'{"fleet":{"V1":%b,"V2":%b}}' % (RECORD, RECORD)
    assert decoder(records="/fleet", vehicle_id="key").decode(messages(text)).telemetry.vehicle_ids == [
        "V1",
        "V2",
    ]


@pytest.mark.parametrize("none", [b"[]", b"null"])
def test_an_envelope_without_records_holds_no_event(none: bytes) -> None:
    decoded = decoder(records="/data").decode(messages(b'{"data":%b}' % none))
    assert len(decoded.bad) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{}", "expected an array or an object of events at /data, as payload.records says, got none"),
        (b"[]", "expected an array or an object of events at /data, as payload.records says, got none"),
        (b'{"data":5}', "expected an array or an object of events at /data, as payload.records says, got a"),
        (b'{"data":[1', "expected JSON, got 10 bytes that are not JSON: input data was truncated"),
        (b"", "expected JSON, got an empty payload"),
        (b'{"data":["\xff"]}', "expected JSON in UTF-8"),
    ],
)
def test_a_message_without_the_envelope_is_one_dead_letter(text: bytes, reason: str) -> None:
    decoded = decoder(records="/data").decode(messages(text))
    assert [letter.payload for letter in decoded.dead_letters] == [text]
    assert decoded.dead_letters[0].reason.startswith(reason)


def test_a_bad_record_is_a_dead_letter_of_its_own_bytes() -> None:
    text = b'{"vehicle_id":"a","data":[%b, 5, {"speed":3}, %b]}' % (RECORD, RECORD)
    decoded = decoder(records="/data").decode(messages(text))
    assert decoded.bad.tolist() == [False, True, True, False]
    assert [letter.payload for letter in decoded.dead_letters] == [b"5", b'{"speed":3}']


def test_a_wrong_type_in_the_envelope_rules_out_the_records_that_need_it() -> None:
    text = b'{"vehicle_id":[1],"data":[%b,{"vehicle_id":"a","ts":"2026-01-01T00:00:00Z"}]}' % RECORD
    decoded = decoder(records="/data").decode(messages(text))
    assert decoded.bad.tolist() == [True, False]
    assert decoded.dead_letters[0].reason.endswith("to be a string or an integer, got an array")
