"""The section [payload], and what it must agree on with [topics]: one-line errors that say what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import Settings, load


def loaded(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def error_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{tmp_path / 'mine.toml'}: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'time_format = "epoch"',
            "payload.time_format: expected iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns",
        ),
        ('time_format = "%H:%M:%S"', "payload.time_format: expected a pattern with the year"),
        ('time_format = "%Y %Q"', "payload.time_format: expected a pattern of Python's strptime: "),
        ('time_format = "%d.%m.%Y %H:%M"', "payload: time_zone: times in a pattern without %z need the name"),
        ('time_zone = "Berlin"', "payload.time_zone: expected the IANA name of a time zone"),
        ('time_zone = "../etc/passwd"', "payload.time_zone: expected the IANA name of a time zone"),
        ('time = ["/date"]', "payload.time: expected two JSON pointers"),
        ('time = ["/date", "time"]', "payload.time: expected a JSON pointer such as '/speed': "),
        ('time = ["/date", "/time"]\ntime_format = "epoch_s"', "payload: time: a date and a time of day"),
        ('time = "key"', "payload: time = 'key' needs a map of events by time"),
        (
            'layout = "map"\ntime = "key"\nvehicle_id = "key"',
            "payload: expected the key of a map as time or as vehicle_id, got it as both",
        ),
        ('signal = "/name"', "payload: value: expected a JSON pointer beside that of signal, got none"),
        ('value = "/value"', "payload.value: needs payload.signal, {signal} in topics.telemetry or "),
        ('signal = "/name"\nvalue = "/v"\nlayout = "series"', "payload: signal: expected none with layout"),
        ('true = ["on", "-"]', "payload: true: expected words that are not in missing, got '-'"),
        ('true = ["NO"]', "payload: false: expected words that are not in true, got 'no'"),
        ('decimal = "·"', "payload.decimal: Input should be '.' or ','"),
        ('records = "data"', "payload.records: expected a JSON pointer such as '/speed': "),
    ],
)
def test_a_payload_that_contradicts_itself_is_an_error(tmp_path: Path, text: str, expected: str) -> None:
    assert error_of(tmp_path, f"[payload]\n{text}").startswith(expected)


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        (
            "cars/+/telemetry",
            'vehicle_id = "topic"',
            "topics.telemetry: expected {vehicle} at the level that is the vehicle, since "
            "payload.vehicle_id is 'topic', got 'cars/+/telemetry', whose last level is no vehicle; "
            "write e.g. 'cars/{vehicle}/telemetry'",
        ),
        ("cars/telemetry", 'vehicle_id = "topic"', "topics.telemetry: expected {vehicle} at the level"),
        (
            "cars/{signal}",
            'vehicle_id = "topic"\ntime = ""',
            "topics.telemetry: expected {vehicle} at the level",
        ),
        ("cars/{id}", "", "topics.telemetry: expected {vehicle}, {signal} or {_} as a whole level"),
        (
            "{vehicle}/{signal}",
            "",
            "payload.time: expected '' (the time of arrival), as topics.telemetry has",
        ),
        ("cars/{signal}", 'time = ""', "topics.telemetry: expected {vehicle}, as topics.telemetry has"),
        ("{vehicle}/{signal}", 'time = ""\nlayout = "list"', "payload.layout: expected 'event' and no"),
        ("{vehicle}/{signal}", 'signal = "/s"\nvalue = "/v"', "payload.signal: expected none, as"),
        ("{vehicle}/{signal}", 'layout = "series"', "payload.layout: expected 'event', 'list' or 'map', as"),
    ],
)
def test_a_topic_that_does_not_fit_the_payload_is_an_error(
    tmp_path: Path, topic: str, payload: str, expected: str
) -> None:
    text = f'[topics]\ntelemetry = "{topic}"\n[payload]\n{payload}'
    assert error_of(tmp_path, text).startswith(expected)


@pytest.mark.parametrize("topic", ["cars/+", "#", "cars/#", "cars/{_}", "cars/{vehicle}/x", "{vehicle}/+/x"])
def test_a_topic_names_vehicles_at_its_last_level_or_where_it_says_so(tmp_path: Path, topic: str) -> None:
    text = f'[topics]\ntelemetry = "{topic}"\n[payload]\nvehicle_id = "topic"'
    assert loaded(tmp_path, text).topics.telemetry == topic


def test_a_recording_needs_no_topic_with_vehicles_but_a_misleading_one_is_an_error(tmp_path: Path) -> None:
    text = '[source]\nkind = "recording"\n[topics]\ntelemetry = "{}"\n[payload]\nvehicle_id = "topic"'
    assert loaded(tmp_path, text.replace("{}", "fleet/data")).payload.vehicle_id == "topic"
    assert "write e.g. 'cars/{vehicle}/telemetry'" in error_of(tmp_path, text.replace("{}", "cars/+/data"))


def test_series_within_series_are_an_error(tmp_path: Path) -> None:
    text = '[payload]\nlayout = "series"\n[signals.a]\npointer = "/a"\n[signals.b]\npointer = "/a/b"'
    assert (
        error_of(tmp_path, text)
        == "signals: expected series beside each other, got '/a/b' within another one"
    )


def test_a_signal_without_a_pointer_is_the_member_with_its_name(tmp_path: Path) -> None:
    signals = loaded(tmp_path, '[signals.speed]\n[signals."engine/temp~1"]\nunit = "°C"').signals
    assert signals["speed"].pointer == "/speed"
    assert signals["engine/temp~1"].pointer == "/engine~1temp~01"


def test_a_scale_of_zero_is_an_error(tmp_path: Path) -> None:
    message = error_of(tmp_path, "[signals.speed]\nscale = 0")
    assert message.startswith("signals.speed: scale: expected a factor other than 0")


def test_keys_of_a_map_among_records_can_name_vehicles_or_times(tmp_path: Path) -> None:
    assert loaded(tmp_path, '[payload]\nrecords = "/r"\nvehicle_id = "key"').payload.vehicle_id == "key"
    assert loaded(tmp_path, '[payload]\nrecords = "/r"\ntime = "key"').payload.time == "key"


def test_words_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__PAYLOAD__MISSING", '["", "kaputt"]')
    monkeypatch.setenv("FLEET__PAYLOAD__TIME", '["/date", "/time"]')
    payload = load().payload
    assert payload.missing == ("", "kaputt")
    assert payload.time == ("/date", "/time")
