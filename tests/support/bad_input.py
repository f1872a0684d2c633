"""What senders get wrong: named payloads that are not events, odd ones that are, and ways to spoil good ones.

A good event is ``{"vehicle_id": …, "ts": …, "sequence": …, "speed": …, "rpm": …}``, as in
`tests.support.telemetry`.
"""

from __future__ import annotations

from hypothesis import strategies as st

EVENT = (
    b'{"vehicle_id":"VEH-1","ts":"2026-01-01T00:00:07Z","sequence":7,"speed":61.5,"rpm":2100,"latitude":48}'
)

HUGE = 10_000_000
DEEP = 100_000


def with_value(field: str, value: bytes) -> bytes:
    """`EVENT` with any bytes as the value of one field."""
    name = b'"%b":' % field.encode()
    start = EVENT.index(name) + len(name)
    end = start + min(position for position in map(EVENT[start:].find, (b",", b"}")) if position >= 0)
    return EVENT[:start] + value + EVENT[end:]


def without(field: str) -> bytes:
    """`EVENT` without one field."""
    return EVENT.replace(b'"%b"' % field.encode(), b'"was_%b"' % field.encode())


def with_field(text: bytes) -> bytes:
    """`EVENT` with one more field, given as ``"name":value``."""
    return EVENT[:-1] + b"," + text + b"}"


BROKEN_JSON = {
    "empty": b"",
    "blank": b" \r\n\t ",
    "no json": b"speed=61.5;rpm=2100",
    "cut off": EVENT[: len(EVENT) // 2],
    "without its last byte": EVENT[:-1],
    "without its first byte": EVENT[1:],
    "two events in one": EVENT + EVENT,
    "two lines in one": EVENT + b"\n" + EVENT,
    "single quotes": EVENT.replace(b'"', b"'"),
    "comma at the end": EVENT[:-1] + b",}",
    "comma for a decimal point": with_value("speed", b"61,5"),
    "leading zero": with_value("speed", b"061"),
    "hexadecimal": with_value("rpm", b"0x834"),
    "python's nan": with_value("speed", b"nan"),
    "comment": with_field(b'"a":1 // engine'),
    "byte order mark": b"\xef\xbb\xbf" + EVENT,
    "line break in a string": with_value("vehicle_id", b'"VEH\n1"'),
    "half a surrogate": with_value("vehicle_id", b'"\\ud800"'),
}
NOT_UTF8 = {
    "latin-1": with_value("vehicle_id", b'"V\xe9HICULE"'),
    "latin-1 in a field that nobody reads": with_field(b'"note":"\xe9"'),
    "utf-16": EVENT.decode().encode("utf-16"),
    "cut within a character": with_field(b'"note":"\xe2\x82"'),
    "overlong": with_field(b'"note":"\xc0\xaf"'),
    "all bytes": bytes(range(256)),
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
}
MISSING = {
    "no vehicle id": without("vehicle_id"),
    "vehicle id is null": with_value("vehicle_id", b"null"),
    "vehicle id is empty": with_value("vehicle_id", b'""'),
    "no time": without("ts"),
    "time is null": with_value("ts", b"null"),
    "nothing at all": b"{}",
}
WRONG_TYPES = {
    "vehicle id is a boolean": with_value("vehicle_id", b"true"),
    "vehicle id is a fraction": with_value("vehicle_id", b"1.5"),
    "vehicle id is an array": with_value("vehicle_id", b'["VEH-1"]'),
    "vehicle id is an object": with_value("vehicle_id", b'{"id":"VEH-1"}'),
    "vehicle id is too long": with_value("vehicle_id", b'"' + b"V" * 257 + b'"'),
    "vehicle id is a control character": with_value("vehicle_id", b'"\\u0000"'),
    "time is a number": with_value("ts", b"1767225607"),
    "time is no time": with_value("ts", b'"yesterday"'),
    "time has no zone": with_value("ts", b'"2026-01-01T00:00:07"'),
    "time is the 30th of February": with_value("ts", b'"2026-02-30T00:00:00Z"'),
    "time is in the year 9999": with_value("ts", b'"9999-12-31T23:59:59Z"'),
    "sequence is an array": with_value("sequence", b"[7]"),
}
NUMBERS = {
    "vehicle id is 1e999": with_value("vehicle_id", b"1e999"),
    "time is 1e999": with_value("ts", b"1e999"),
    "time is NaN": with_value("ts", b"NaN"),
    "an event is 1e999": b"1e999",
    "an event is -Infinity": b"-Infinity",
}
DEEPLY_NESTED = {
    "nested arrays": b"[" * DEEP + b"]" * DEEP,
    "nested arrays, never closed": b"[" * DEEP,
    "nested objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "nested in a signal": with_value("speed", b"[" * DEEP + b"]" * DEEP),
    "nested in a field that nobody reads": with_field(b'"deep":' + b"[" * DEEP + b"]" * DEEP),
}
TOO_LONG = {
    "10 MB that would be an event": EVENT.ljust(HUGE),
    "10 MB in one string": with_field(b'"blob":"' + b"x" * HUGE + b'"'),
    "10 MB of digits": with_value("speed", b"9" * HUGE),
    "10 MB of opening brackets": b"[" * HUGE,
    "10 MB that are no text": b"\xff" * HUGE,
}
UNKNOWN_LAYOUT = {
    "a list where an event is expected": b"[" + EVENT + b"]",
    "a map where an event is expected": b'{"VEH-1":' + EVENT + b"}",
    "an event in a string": b'"' + EVENT.replace(b'"', b'\\"') + b'"',
    "an envelope": b'{"payload":' + EVENT + b',"qos":1}',
    "another spelling": EVENT.replace(b"vehicle_id", b"vehicleId").replace(b'"ts"', b'"timestamp"'),
    "csv": b"VEH-1,2026-01-01T00:00:07Z,61.5,2100\n",
    "xml": b'<event vehicle="VEH-1"><speed>61.5</speed></event>',
    "null": b"null",
    "a boolean": b"true",
    "a number": b"17",
}
OTHER_TOPICS = {
    "a dead letter": (
        b'{"reason":"expected JSON, got 1 byte that is not JSON","payload":"eA==","topic":"cars/VEH-1",'
        b'"partition":"mqtt","offset":null,"arrived_at":"2026-01-01T00:00:07Z"}'
    ),
    "a fault of the simulator": (
        b'{"fault_id":"VEH-1-7","vehicle_id":"VEH-1","kind":"overspeed","signals":["speed"],'
        b'"starts_at":"2026-01-01T00:00:07Z","ends_at":"2026-01-01T00:01:07Z"}'
    ),
    "a will": b"offline",
}

BAD: dict[str, bytes] = {
    **BROKEN_JSON,
    **NOT_UTF8,
    **MISSING,
    **WRONG_TYPES,
    **NUMBERS,
    **DEEPLY_NESTED,
    **TOO_LONG,
    **UNKNOWN_LAYOUT,
    **OTHER_TOPICS,
}
"""Payloads that become dead letters where a message is one event."""

ODD: dict[str, tuple[bytes, bytes]] = {
    "a key twice": (
        EVENT.replace(b'"speed":61.5', b'"speed":"fast","speed":61.5'),
        EVENT,
    ),
    "a key twice, spelt differently": (
        EVENT.replace(b'"speed":61.5', b'"speed":1,"sp\\u0065ed":61.5'),
        EVENT,
    ),
    "a vehicle id twice": (
        EVENT.replace(b'"vehicle_id":"VEH-1"', b'"vehicle_id":null,"vehicle_id":"VEH-1"'),
        EVENT,
    ),
    "1e999": (with_value("speed", b"1e999"), with_value("speed", b"null")),
    "-1e999": (with_value("rpm", b"-1e999"), with_value("rpm", b"null")),
    "NaN": (with_value("speed", b"NaN"), with_value("speed", b"null")),
    "a number of 5,000 digits": (with_value("rpm", b"7" * 5000), with_value("rpm", b"null")),
    "1e-999": (with_value("speed", b"1e-999"), with_value("speed", b"0")),
    "1e999 in a field that nobody reads": (with_field(b'"odometer":1e999'), EVENT),
    "a boolean for a signal": (with_value("speed", b"true"), with_value("speed", b"1")),
    "a number as a string": (with_value("speed", b'"61.5 km/h"'), EVENT),
    "a word for nothing": (with_value("speed", b'"N/A"'), with_value("speed", b"null")),
    "a text for a signal": (with_value("speed", b'"fast"'), with_value("speed", b"null")),
    "an array for a signal": (with_value("speed", b"[61.5]"), with_value("speed", b"null")),
    "an object for a signal": (with_value("rpm", b'{"value":2100}'), with_value("rpm", b"null")),
    "a signal is missing": (without("speed"), with_value("speed", b"null")),
}
"""Payloads that are events although they look odd, each with the plain event that is scored the same."""

JSON_VALUES = [
    *[b"null", b"true", b"0", b"-0.0", b"1e999", b"-1e999", b"1e-999", b"NaN", b"Infinity", b"9" * 400],
    *[b'""', b'"x"', b"[]", b"{}", b"[[]]", b'"\\ud800"', b'"\xff"', b"'x'", b"", b",", b"["],
]


@st.composite
def spoilt(draw: st.DrawFn, payload: bytes) -> bytes:
    """A good payload damaged one to three times, as happens in transit; it may still be good."""
    for _ in range(draw(st.integers(1, 3))):
        payload = draw(_spoil_once(payload))
    return payload


def _spoil_once(payload: bytes) -> st.SearchStrategy[bytes]:
    place = st.integers(0, len(payload))
    span = st.tuples(place, place).map(sorted)
    colons = [position + 1 for position, byte in enumerate(payload) if byte == ord(":")] or [len(payload)]
    return st.one_of(
        place.map(lambda end: payload[:end]),
        place.map(lambda start: payload[start:]),
        span.map(lambda ends: payload[: ends[0]] + payload[ends[1] :]),
        span.map(lambda ends: payload[: ends[1]] + payload[ends[0] :]),
        st.tuples(place, st.binary(min_size=1, max_size=4)).map(
            lambda what: payload[: what[0]] + what[1] + payload[what[0] + len(what[1]) :]
        ),
        st.tuples(st.sampled_from(colons), st.sampled_from(JSON_VALUES)).map(
            lambda what: _with_value_at(payload, *what)
        ),
    )


def _with_value_at(payload: bytes, start: int, value: bytes) -> bytes:
    ends = [end for end in (payload.find(b",", start), payload.find(b"}", start)) if end >= 0]
    return payload[:start] + value + payload[min(ends, default=len(payload)) :]
