"""Any bytes are a command or a refusal of one line, and arguments are what the command takes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import COMMAND_NAMES, Command
from sim.commands.arguments import ARGUMENTS, check
from sim.commands.reading import LARGEST, Unreadable, read

Value = str | float | bool


def command(name: str, **arguments: Value) -> Command:
    return Command(id="c1", name=name, arguments=arguments)


@pytest.mark.parametrize("payload", [b"stop", b" stop\n", b"\tstop\r\n"])
def test_a_bare_word_is_a_command_with_a_different_id_each_time(payload: bytes) -> None:
    first, second = read(payload), read(payload)
    assert isinstance(first, Command)
    assert isinstance(second, Command)
    assert first.name == second.name == "stop"
    assert first.id != second.id


def test_json_is_read_with_everything_in_it() -> None:
    payload = b"""{"id":"c1","name":"limit_speed","arguments":{"kmh":50},"by":"anna",
                   "expires_at":"2026-03-01T08:30:00+01:00","of a later version":1}"""
    found = read(payload)
    assert isinstance(found, Command)
    assert (found.id, found.name, found.arguments, found.by) == ("c1", "limit_speed", {"kmh": 50}, "anna")
    assert found.expires_at is not None
    assert found.expires_at.isoformat() == "2026-03-01T08:30:00+01:00"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "a word or a JSON object"),
        (b"\xff\xfe", "a word or a JSON object"),
        (b"drive faster", "a word or a JSON object"),
        (b'"stop"', "Expected `object`, got `str`"),
        (b"[" * 5000, "a word or a JSON object"),
        (b'{"name":"stop"}', "missing required field `id`"),
        (b'{"id":"c1"}', "missing required field `name`"),
        (b'{"id":"c1","name":"go_to","arguments":{"latitude":null}}', "got `null`"),
        (b'{"id":"c1","name":"stop","expires_at":"2026-03-01T08:30:00"}', "timezone"),
        (b'{"id":"c1","name":"limit_speed","arguments":{"kmh":NaN}}', "a word or a JSON object"),
        (b" " * (LARGEST + 1), "at most 65,536 bytes, got 65,537"),
    ],
)
def test_what_is_no_command_is_refused_in_one_line(payload: bytes, expected: str) -> None:
    found = read(payload)
    assert isinstance(found, Unreadable)
    assert expected in found.reason
    assert "\n" not in found.reason


def test_of_a_malformed_command_as_much_is_kept_as_can_be_read() -> None:
    found = read(b'{"id":"c1","name":"stop","by":"anna","expires_at":5}')
    assert isinstance(found, Unreadable)
    assert found[:3] == ("c1", "stop", "anna")
    nothing = read(b'{"id":5,"name":["stop"],"by":null}')
    assert isinstance(nothing, Unreadable)
    assert nothing[:3] == ("", "", "")
    too_long = read(b'{"id":"%s","name":"stop"}' % (b"x" * 201))
    assert isinstance(too_long, Unreadable)
    assert too_long[:2] == ("", "stop")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text() | json_values,
        "name": st.sampled_from(COMMAND_NAMES) | json_values,
        "arguments": st.dictionaries(st.sampled_from(["kmh", "kind", "signal"]) | st.text(), json_values),
        "by": json_values,
        "expires_at": st.datetimes().map(str) | json_values,
    },
)


@given(st.binary() | json_values.map(msgspec.json.encode) | fields.map(msgspec.json.encode))
def test_no_bytes_are_too_strange_to_be_read_and_checked(payload: bytes) -> None:
    found = read(payload)
    reason = found.reason if isinstance(found, Unreadable) else check(found)
    assert "\n" not in reason
    assert len(reason) < 1000


@pytest.mark.parametrize(
    "accepted",
    [
        *(command(name) for name in ("restart", "stop", "resume", "clear_fault")),
        command("limit_speed", kmh=1.0),
        command("limit_speed", kmh=250.0),
        command("go_to", latitude=48.1, longitude=11.5),
        command("inject_fault", kind="overheating"),
        command("inject_fault", kind="stuck_sensor", signal="speed", seconds=20.0),
    ],
    ids=str,
)
def test_arguments_that_a_command_takes_are_accepted(accepted: Command) -> None:
    assert check(accepted) == ""


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("dance", {}, f"expected one of {', '.join(COMMAND_NAMES)}, got 'dance'"),
        ("stop", {"kmh": 5.0}, "stop: expected no arguments, got 'kmh'"),
        ("limit_speed", {}, "limit_speed: expected kmh, a number from 1 to 250, got none"),
        ("limit_speed", {"kmh": "50"}, "limit_speed: expected kmh to be a number from 1 to 250, got '50'"),
        ("limit_speed", {"kmh": True}, "limit_speed: expected kmh to be a number from 1 to 250, got True"),
        ("limit_speed", {"kmh": 0.5}, "limit_speed: expected kmh to be a number from 1 to 250, got 0.5"),
        ("limit_speed", {"kmh": 251.0}, "limit_speed: expected kmh to be a number from 1 to 250, got 251"),
        ("limit_speed", {"mph": 5.0}, "limit_speed: expected no argument but kmh, got 'mph'"),
        ("go_to", {"latitude": 5.0}, "go_to: expected longitude, a number from -180 to 180, got none"),
        (
            "inject_fault",
            {"kind": "stuck_sensor", "signal": "fuel"},
            "inject_fault: expected one of speed, acceleration, rpm, throttle for stuck_sensor, got 'fuel'",
        ),
        (
            "inject_fault",
            {"kind": "overspeed", "signal": "speed"},
            "inject_fault: expected no signal for overspeed, got 'speed'",
        ),
        ("inject_fault", {"kind": "overspeed", "seconds": 0.0}, "seconds to be a number from 1 to 3600"),
        ("inject_fault", {"kind": "x\n" * 200}, "got 'x\\nx\\n"),
    ],
)
def test_other_names_and_arguments_are_refused_with_what_was_expected_and_what_came(
    name: str, arguments: dict[str, Any], reason: str
) -> None:
    found = check(command(name, **arguments))
    assert found.endswith(reason) or reason in found
    assert "\n" not in found


def test_every_command_says_what_it_takes() -> None:
    assert set(ARGUMENTS) == set(COMMAND_NAMES)
