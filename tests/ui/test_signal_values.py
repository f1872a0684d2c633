"""Signals read from original events."""

from __future__ import annotations

import msgspec
import pytest

from config.settings import SignalSettings
from ui.signal_values import SignalReader

CATALOGUE = {
    "speed": SignalSettings(pointer="/motion/speed"),
    "lat": SignalSettings(pointer="/location/0", scored=False),
    "lon": SignalSettings(pointer="/location/1", scored=False),
}
READER = SignalReader(CATALOGUE, "lat", "lon")


def test_values_are_found_through_the_pointers_of_the_catalogue() -> None:
    telemetry = msgspec.Raw(b'{"motion": {"speed": 61.5}, "location": [48.1, 11.5]}')
    assert READER.values(telemetry) == {"speed": 61.5, "lat": 48.1, "lon": 11.5}
    assert READER.position(telemetry) == (48.1, 11.5)


@pytest.mark.parametrize(
    "telemetry",
    [
        b"{}",
        b"[]",
        b'"text"',
        b"null",
        b'{"motion": {"speed": null}}',
        b'{"motion": {"speed": "fast"}}',
        b'{"motion": [1]}',
        b'{"motion": {"speed": 1' + b"0" * 400 + b"}}",
        b"[" * 100_000,
        b"broken",
    ],
)
def test_what_is_no_number_is_missing(telemetry: bytes) -> None:
    assert READER.values(msgspec.Raw(telemetry))["speed"] is None
    assert READER.position(msgspec.Raw(telemetry)) is None


@pytest.mark.parametrize("location", ["[91, 0]", "[0, 181]", "[48.1]", "[null, 11.5]"])
def test_a_position_off_the_globe_is_none(location: str) -> None:
    assert READER.position(msgspec.Raw(f'{{"location": {location}}}'.encode())) is None


def test_a_catalogue_without_a_position_has_none() -> None:
    reader = SignalReader(CATALOGUE, "latitude", "longitude")
    assert not reader.has_position
    assert reader.position(msgspec.Raw(b'{"location": [48.1, 11.5]}')) is None
