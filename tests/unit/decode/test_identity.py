"""What tells an event apart depends on nothing else in its batch, and mistakes no event for another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.decode import TelemetryBatch
from tests.support.decoding import decoder, messages, on_topics

EVENT: dict[str, Any] = {"vehicle_id": "A", "ts": "2026-01-31T12:00:00Z", "speed": 1}
sequences = st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=3), st.none(), st.just("absent"))


def payload(sequence: object) -> bytes:
    return json.dumps(EVENT | ({} if sequence == "absent" else {"n": sequence})).encode()


@given(sent=st.lists(sequences, min_size=1, max_size=6), junk=st.booleans())
def test_an_identity_is_the_same_in_every_batch(sent: list[object], junk: bool) -> None:
    subject = decoder(sequence="/n")
    payloads = [payload(sequence) for sequence in sent]
    together = subject.decode(messages(*payloads, *([b"junk"] if junk else []))).telemetry
    alone = [subject.decode(messages(one)).telemetry for one in payloads]
    assert together.identities.tolist() == [int(one.identities[0]) for one in alone if len(one)]
    assert together.event_ids == [one.event_ids[0] for one in alone if len(one)]


def all_different(telemetry: TelemetryBatch, events: int) -> bool:
    return (
        len(telemetry) == len(set(telemetry.event_ids)) == len(set(telemetry.identities.tolist())) == events
    )


def test_signals_that_share_time_and_sequence_are_events_of_their_own() -> None:
    text = b'{"t":"2026-01-31T12:00:00Z","s":7,"x":0}'
    subject = decoder(topic="v/{vehicle}/{signal}", time="/t", sequence="/s", value="/x")
    telemetry = subject.decode(on_topics(("v/A/speed", text), ("v/A/rpm", text))).telemetry
    assert all_different(telemetry, 2)


def test_the_name_of_a_signal_in_the_envelope_tells_records_apart() -> None:
    subject = decoder(records="/r", signal="/n", value="/x", time="/t", vehicle_id="/v")
    texts = [
        b'{"v":"A","t":"2026-01-31T12:00:00Z","n":"%b","r":[{"x":0}]}' % name for name in (b"speed", b"rpm")
    ]
    assert all_different(subject.decode(messages(*texts)).telemetry, 2)


@pytest.mark.parametrize("bad", [b"", b"junk"])
def test_ids_of_a_stream_with_offsets_stay_with_their_messages_when_signals_are_ignored(bad: bytes) -> None:
    subject = decoder(signal="/n", value="/x", time=None)
    texts = [b'{"vehicle_id":"A","n":"%b","x":1}' % name for name in (b"foo", b"speed", b"rpm")]
    decoded = subject.decode(messages(*texts, bad, offsets=[10, 11, 12, 13]))
    assert decoded.telemetry.event_ids == ["origin:11", "origin:12"]
    assert decoded.ignored == {"foo": 1}
    assert [letter.offset for letter in decoded.dead_letters] == [13]


def test_two_values_of_a_signal_at_one_time_in_a_series_are_two_events() -> None:
    subject = decoder(layout="series", time=None, sequence="/n")
    text = (
        b'{"vehicle_id":"A","n":1,"speed":[{"time":"2026-01-31T12:00:00Z","value":1},'
        b'{"time":"2026-01-31T12:00:00Z","value":99}]}'
    )
    telemetry = subject.decode(messages(text)).telemetry
    assert telemetry.values[:, 0].tolist() == [1.0, 99.0]
    assert all_different(telemetry, 2)


def test_a_record_whose_series_cannot_be_read_costs_only_itself() -> None:
    subject = decoder(layout="series", records="/r", time=None)
    series = b'[{"time":"2026-01-31T12:00:00Z","value":1}]'
    text = b'{"r":[{"vehicle_id":"A","speed":%b,"rpm":5},{"vehicle_id":"A"},{"vehicle_id":"B","speed":%b}]}'
    decoded = subject.decode(messages(text % (series, series)))
    assert decoded.telemetry.vehicle_ids == ["A", "B"]
    assert len(decoded.dead_letters) == 1
    assert decoded.bad_values["rpm"].count == 1
