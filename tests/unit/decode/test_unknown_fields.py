"""Numbers in telemetry that no setting points to."""

from __future__ import annotations

import json

from dataflows.decode.unknown_fields import ENOUGH, UnknownFields

USED = ["/vehicle", "/ts", "/position", "/speed"]


def events(count: int = ENOUGH) -> list[bytes]:
    return [
        json.dumps(
            {
                "vehicle": 7,
                "ts": 1_700_000_000 + number,
                "speed": number % 90,
                "position": [48.1 + number, 11.5],
                "engine": {"oil/temp": 80 + number % 7, "model_year": 2019, "on": number % 2 == 0},
                "fault": number % 2,
            }
            | ({"rare": number} if number % 3 == 0 else {})
        ).encode()
        for number in range(count)
    ]


def test_a_number_that_changes_and_is_not_used_is_named_by_its_pointer() -> None:
    warning = UnknownFields(USED).look_at(events())
    assert warning is not None
    assert warning.startswith("/engine/oil~1temp: numbers that look like signals")


def test_the_warning_comes_once_and_only_when_enough_events_were_seen() -> None:
    fields = UnknownFields(USED)
    said = [fields.look_at(events(100)) for _ in range(10)]
    assert [place for place, warning in enumerate(said) if warning] == [ENOUGH // 100 - 1]


def test_a_short_recording_is_judged_by_what_it_has() -> None:
    fields = UnknownFields(USED)
    assert fields.look_at(events(50)) is None
    assert "/engine/oil~1temp" in str(fields.warning())


def test_used_fields_flags_and_payloads_that_are_no_objects_are_not_named() -> None:
    fields = UnknownFields([*USED, "/engine/oil~1temp"])
    assert fields.look_at([*events(), b"5", b"not json", b"\xff", b"1e999"]) is None
    assert fields.warning() is None


def test_numbers_of_any_size_and_depth_are_survived() -> None:
    fields = UnknownFields(USED)
    assert (
        fields.look_at([b'{"x":1' + b"0" * 400 + b"}", b'{"x":' + b"[" * 900 + b"1" + b"]" * 900 + b"}"])
        is None
    )
    assert fields.warning() is None
