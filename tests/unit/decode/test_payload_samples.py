"""Formats of others, each by a settings file alone: recorded samples in ``tests/data/payloads``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.settings import load
from dataflows.clock import utc
from dataflows.decode import Decoded, Decoder
from tests.support.decoding import whole
from tests.support.paths import REPOSITORY

SAMPLES = REPOSITORY / "tests" / "data" / "payloads"
NAN = float("nan")


def decoded(sample: str) -> Decoded:
    folder = SAMPLES / sample
    return Decoder.of(load(folder / "config.toml")).decode(whole(folder / "messages.jsonl"))


def events(result: Decoded) -> list[tuple[str, str, list[float]]]:
    """Vehicle, time and values of every event."""
    telemetry = result.telemetry
    assert not result.dead_letters
    assert not result.bad_values
    times = [utc(time).isoformat().removesuffix("+00:00") for time in telemetry.timestamps.tolist()]
    return list(zip(telemetry.vehicle_ids, times, telemetry.values.tolist(), strict=True))


@pytest.mark.parametrize("folder", sorted(SAMPLES.iterdir()), ids=lambda folder: folder.name)
def test_every_sample_has_a_test(folder: Path) -> None:
    assert folder.name in EXPECTED


EXPECTED: dict[str, list[tuple[str, str, list[float]]]] = {
    "vss_signals": [
        ("WV1", "2026-05-20T14:39:54.250000", [61.5, NAN]),
        ("WV1", "2026-05-20T14:39:54.500000", [NAN, 1.0]),
        ("WV1", "2026-05-20T14:39:55.250000", [NAN, NAN]),
        ("WV1", "2026-05-20T14:39:56.250000", [62.0, NAN]),
    ],
    "twin_changes": [
        ("org:truck-7", "2026-05-20T14:39:54", [2100.0]),
        ("org:truck-7", "2026-05-20T14:39:55", [2150.0]),
    ],
    "records_of_a_gateway": [
        ("350000000000005", "2026-07-25T17:20:00", [1.0]),
        ("350000000000005", "2026-07-25T17:20:01", [2.0]),
        ("350000000000006", "2026-07-25T17:20:02", [3.0]),
        ("350000000000007", "2026-07-25T17:20:03", [4.0]),
        ("350000000000007", "2026-07-25T17:20:04", [NAN]),
    ],
    "time_series": [
        ("V7", "2026-07-25T17:20:00", [0.5, 790.0]),
        ("V7", "2026-07-25T17:20:01", [NAN, 800.0]),
        ("V7", "2026-07-25T17:20:02", [7.5, NAN]),
        ("V7", "2026-07-25T17:20:03", [NAN, NAN]),
    ],
    "times_as_keys_of_records": [
        ("A", "2026-07-25T17:20:00", [1.0]),
        ("A", "2026-07-25T17:20:01", [2.0]),
        ("A", "2026-07-25T17:20:02.500000", [3.0]),
    ],
    "a_topic_per_signal": [
        ("car-1", "2026-07-25T17:20:00", [61.5, NAN]),
        ("car-2", "2026-07-25T17:20:00", [NAN, 1.0]),
        ("car-1", "2026-07-25T17:20:02", [NAN, NAN]),
        ("car-1", "2026-07-25T17:20:03", [62.0, NAN]),
    ],
    "a_value_in_a_topic_per_signal": [
        ("car-1", "2026-07-25T17:20:00", [2100.0]),
        ("car-1", "2026-07-25T17:20:01", [1.0]),
    ],
    "german_texts": [
        ("M-AB 1", "2026-05-20T14:39:54", [61.5, 41250.0, 1.0]),
        ("M-AB 1", "2026-01-20T15:39:55", [NAN, 1_041_250.5, 0.0]),
    ],
    "raw_bytes": [
        ("12", "2026-07-25T17:20:00.000001", [18.0, 800.0, 7.0]),
        ("12", "2026-07-25T17:20:01.000001", [19.0, NAN, 8.0]),
    ],
}


@pytest.mark.parametrize("sample", EXPECTED)
def test_a_format_is_read_by_its_settings_alone(sample: str) -> None:
    found = events(decoded(sample))
    assert [event[:2] for event in found] == [event[:2] for event in EXPECTED[sample]]
    values = [event[2] for event in found], [event[2] for event in EXPECTED[sample]]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize(
    ("sample", "ignored"),
    [
        ("vss_signals", {"Vehicle.VersionVSS.Label": 1}),
        ("twin_changes", {"/features/engine/properties/oil": 1}),
        ("a_topic_per_signal", {"geofence": 1}),
        ("a_value_in_a_topic_per_signal", {"vin": 1}),
    ],
)
def test_named_signals_that_the_catalogue_lacks_are_ignored_and_counted(
    sample: str, ignored: dict[str, int]
) -> None:
    assert decoded(sample).ignored == ignored


def test_bare_values_are_kept_as_json() -> None:
    assert decoded("a_topic_per_signal").telemetry.telemetry == [b"61.5", b'"ON"', b"null", b'"62 km/h"']


def test_an_event_of_a_series_is_its_message_with_the_values_of_one_time() -> None:
    first = decoded("time_series").telemetry.telemetry[0]
    assert first == b'{"device":"V7","ts":1785000000000,"data":{"speed":"0.5","rpm":"790"}}'
