"""What holds for any input: batching does not matter, both ways of reading agree, nothing is lost."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.decode import Decoder
from dataflows.decode.event_struct import EventStruct
from dataflows.decode.field_types import IDENTIFIER, signal_type
from dataflows.decode.fields import Field
from dataflows.decode.texts import TextValues
from dataflows.decode.times import EventTimes
from tests.support.decoding import assert_same, decoder, messages

EVENT = b'{"vehicle_id":"a","ts":"2026-01-31T12:00:00Z","speed":1,"rpm":2}'
SUBJECTS = {
    "event": decoder(sequence="/n"),
    "nested": decoder({"speed": "/a/speed", "x": "/a/0", "rpm": "/b/1"}),
    "pointers": decoder({"speed": "/speed", "inside": "/speed/x"}, vehicle_id="topic", time=None),
    "list": decoder(layout="list", time_format="epoch_s"),
    "map": decoder(layout="map", vehicle_id="key", time=None),
    "records": decoder(records="/a", time=["/ts", "/n"], time_format="auto"),
    "series": decoder(layout="series", time_format="auto"),
    "named": decoder(signal="/n", value="/a", vehicle_id="topic", time=None, topic="cars/{vehicle}"),
    "value": decoder(topic="{vehicle}/{signal}", time=None),
}
ONE_EVENT_PER_MESSAGE = ("event", "nested", "pointers")

KEYS = [b'"vehicle_id"', b'"ts"', b'"n"', b'"speed"', b'"rpm"', b'"a"', b'"b"', b'"0"']
VALUES = [
    *[b"null", b"true", b"1", b"-0.5", b"12345678901234567890"],
    *[b"1e999", b"NaN", b"-Infinity", b"1" + b"0" * 320],
    *[b'""', b'"x"', b'"VEH-1"', b'"}"', b'"{"', b'"\\u0000"'],
    *[b'"2026-01-31T12:00:00Z"', b'"2026-01-31T12:00"', b"1769860800"],
]
json_texts = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: b"[" + b",".join(parts) + b"]"),
        st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=6).map(
            lambda parts: b"{" + b",".join(key + b":" + value for key, value in parts) + b"}"
        ),
    ),
    max_leaves=8,
)
events = st.tuples(st.sampled_from(KEYS), json_texts).map(
    lambda part: EVENT[:-1] + b"," + part[0] + b":" + part[1] + b"}"
)
PIECES = [*(bytes([character]) for character in b'{}[]",:\\\n 1\xc3\xa9'), EVENT, EVENT[:-1], b'"x"']
fragments = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
payloads = st.lists(
    st.one_of(st.just(EVENT), events, json_texts, fragments, st.binary(max_size=8)), max_size=8
)


@pytest.mark.parametrize("name", SUBJECTS)
@given(payloads=payloads)
@example(payloads=[b"{} {}", b'{"x":"}', b'{"}'])
@example(payloads=[EVENT + EVENT, EVENT[:-1], b"}"])
@example(payloads=[EVENT + EVENT[:-1] + b',"x":', b'{"y":1}}'])
@example(payloads=[EVENT[:-1] + b',"x":[1', b"]}" + EVENT])
@example(payloads=[b'{"x":{}', b"{}}", b"{}{}"])
@example(payloads=[b'{"x":1}\n{"y":2}', b"", EVENT])
def test_a_batch_decodes_to_what_its_messages_decode_to_one_by_one(name: str, payloads: list[bytes]) -> None:
    subject = SUBJECTS[name]
    batch = messages(*payloads)
    whole = subject.decode(batch)
    singles = []
    for index, payload in enumerate(payloads):
        single = messages(payload)
        single.arrived[0] = batch.arrived[index]
        singles.append(subject.decode(single))
    assert whole.telemetry.event_ids == [key for single in singles for key in single.telemetry.event_ids]
    assert whole.telemetry.vehicle_ids == [key for single in singles for key in single.telemetry.vehicle_ids]
    assert whole.telemetry.telemetry == [text for single in singles for text in single.telemetry.telemetry]
    assert whole.dead_letters == [dead for single in singles for dead in single.dead_letters]
    assert whole.bad.tolist() == [bad for single in singles for bad in single.bad.tolist()]
    for signal in ("speed", "rpm"):
        counts = [single.bad_values[signal].count for single in singles if signal in single.bad_values]
        assert (whole.bad_values[signal].count if counts else 0) == sum(counts)
    assert sum(whole.ignored.values()) == sum(sum(single.ignored.values()) for single in singles)
    if singles:
        timestamps = np.concatenate([single.telemetry.timestamps for single in singles])
        assert whole.telemetry.timestamps.tolist() == timestamps.tolist()
        values = np.concatenate([single.telemetry.values for single in singles])
        np.testing.assert_array_equal(whole.telemetry.values, values)


@pytest.mark.parametrize("name", SUBJECTS)
@given(payloads=payloads)
def test_every_event_is_either_telemetry_or_a_dead_letter(name: str, payloads: list[bytes]) -> None:
    decoded = SUBJECTS[name].decode(messages(*payloads))
    assert len(decoded.bad) == len(decoded.telemetry) + len(decoded.dead_letters)
    assert decoded.bad.sum() == len(decoded.dead_letters)
    if name in ONE_EVENT_PER_MESSAGE:
        assert len(decoded.bad) == len(payloads)
        kept = [payload for payload, bad in zip(payloads, decoded.bad, strict=True) if bad]
        assert [dead.payload for dead in decoded.dead_letters] == kept


@pytest.mark.parametrize("name", SUBJECTS)
@given(payloads=payloads)
def test_what_is_decoded_keeps_its_promises(name: str, payloads: list[bytes]) -> None:
    batch = SUBJECTS[name].decode(messages(*payloads)).telemetry
    assert not np.isinf(batch.values).any()
    assert all(0 < len(vehicle) <= 256 for vehicle in batch.vehicle_ids)
    for text in batch.telemetry:
        json.loads(bytes(text), parse_constant=pytest.fail)


@given(payloads=payloads)
def test_decoding_twice_gives_the_same(payloads: list[bytes]) -> None:
    batch = messages(*payloads, offsets=range(len(payloads)))
    assert_same(decoder().decode(batch), decoder().decode(batch))


@given(payload=st.one_of(events, json_texts))
def test_an_event_in_a_list_decodes_as_it_does_in_a_message_of_its_own(payload: bytes) -> None:
    single = decoder().decode(messages(payload))
    listed = decoder(layout="list").decode(messages(b"[" + payload + b"]"))
    assert_same(single, listed)


# The struct, parsed in C, against following the pointers in Python.

ISO8601 = EventTimes.of("iso8601", None).type
SIGNAL = signal_type(TextValues(missing=[""], true=["on"], false=["off"], decimal="."))
NAMES = {"vehicle": "/vehicle_id", "time": "/ts", "sequence": "/n", "speed": "/speed"}
FLAT = tuple(
    Field.at(pointer, name, {"time": ISO8601, "speed": SIGNAL}.get(name, IDENTIFIER))
    for name, pointer in NAMES.items()
)
DEEP = (
    Field.at("/a/b/x", "x", SIGNAL),
    Field.at("/vehicle_id", "vehicle", IDENTIFIER),
    Field.at("/a/0", "zero", SIGNAL),
    Field.at("/l/3", "three", SIGNAL),
    Field.at("/l/1/y", "y", SIGNAL),
)

numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-(10**308), 10**308),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
moments = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat(" ", "seconds")),
    st.just("2026-01-31T12:00:00.1234567890Z"),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5), moments)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from(["b", "x", "y", "0", "1", "3"]), inner, max_size=4),
    ),
    max_leaves=6,
)
flat_events = st.fixed_dictionaries(
    {},
    optional={
        "vehicle_id": scalars,
        "ts": st.one_of(moments, scalars),
        "n": scalars,
        "speed": numbers,
        "other": trees,
    },
)
deep_events = st.fixed_dictionaries(
    {},
    optional={
        "vehicle_id": scalars,
        "a": st.one_of(
            st.fixed_dictionaries(
                {}, optional={"b": st.fixed_dictionaries({}, optional={"x": numbers}), "0": numbers}
            ),
            trees,
        ),
        "l": st.one_of(st.tuples(trees, st.just({"y": 3.5}), trees, numbers), trees),
    },
)


def assert_struct_and_pointers_agree(fields: tuple[Field, ...], event: dict[str, Any]) -> None:
    struct = EventStruct.of(fields)
    assert struct is not None
    try:
        text = json.dumps(event).encode()
        row = struct.row(struct.decoder.decode(text))
    except ValueError:
        return  # only the pointers can tell
    event = msgspec.json.decode(text)
    for field, value in zip(fields, row, strict=True):
        followed = field.of(event)
        if field.type is SIGNAL:
            value = math.nan if value is None else float(value)
            assert value == followed or (math.isnan(value) and math.isnan(followed))
        else:
            assert (type(value), value) == (type(followed), followed)


@given(event=flat_events)
def test_the_struct_and_the_pointers_agree_on_flat_events(event: dict[str, Any]) -> None:
    assert_struct_and_pointers_agree(FLAT, event)


@given(event=deep_events)
def test_the_struct_and_the_pointers_agree_on_nested_events(event: dict[str, Any]) -> None:
    assert_struct_and_pointers_agree(DEEP, event)


@pytest.mark.parametrize(
    "pointers",
    [("/a", "/a/b"), ("/a/b", "/a"), ('/q"uote',), ("/back\\slash",), ("/l/64",)],
    ids=["above", "below", "quote", "backslash", "far"],
)
def test_fields_that_no_struct_can_hold_are_read_through_their_pointers(pointers: tuple[str, ...]) -> None:
    assert EventStruct.of([Field.at(pointer, pointer, SIGNAL) for pointer in pointers]) is None
    subject: Decoder = decoder({pointer: pointer for pointer in pointers}, vehicle_id="topic", time=None)
    assert len(subject.decode(messages(b"{}")).telemetry) == 1
