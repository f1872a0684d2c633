"""Telemetry in the shape of what senders really send: what is proposed, and that the decoder reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.errors import RecordingError
from config.settings import load
from dataflows.decode import Decoder, TelemetryBatch
from dataflows.describe import propose, toml_of
from dataflows.describe.sample import from_recording
from tests.support.decoding import whole
from tests.support.described import CASES, pointers, proposed
from tests.support.paths import REPOSITORY

PAYLOADS: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "backtest_of_a_recording_of_lists/flespi.jsonl.gz",
        {
            "layout": "list",
            "vehicle_id": "/ident",
            "time": "/timestamp",
            "time_format": "epoch_s",
            "sequence": "",
        },
        ["/position.speed", "/can.engine.rpm", "/can.engine.coolant.temperature"],
    ),
    (
        "epoch_in_microseconds/us.jsonl.gz",
        {
            "layout": "event",
            "vehicle_id": "/vehicle_id",
            "time": "/ts",
            "time_format": "epoch_us",
            "sequence": "",
        },
        ["/speed", "/rpm"],
    ),
    (
        "numbers_and_times_as_strings/strings.jsonl.gz",
        {
            "layout": "event",
            "vehicle_id": "/ID",
            "time": "/uploadTimeStamp",
            "time_format": "epoch_ms",
            "sequence": "",
        },
        ["/speed", "/rpm", "/coolant", "/battery"],
    ),
    (
        "one_second_three_messages/telemetry.jsonl.gz",
        {
            "layout": "event",
            "vehicle_id": "/vehicleId",
            "time": "/ts",
            "time_format": "iso8601",
            "sequence": "/n",
        },
        ["/speed", "/rpm", "/fuel"],
    ),
    (
        "one_topic_per_signal/teslamate.jsonl.gz",
        {"layout": "event", "vehicle_id": "topic", "time": "", "sequence": ""},
        ["/speed", "/battery_level", "/power", "/plugged_in"],
    ),
    (
        "records_inside_an_envelope/batches.jsonl.gz",
        {"records": "/data", "vehicle_id": "/imei", "time": "/ts", "time_format": "epoch_ms", "sequence": ""},
        ["/speed", "/rpm", "/coolant"],
    ),
    (
        "times_as_keys/tc.jsonl.gz",
        {"layout": "map", "vehicle_id": "topic", "time": "key", "time_format": "epoch_s", "sequence": ""},
        ["/speed", "/rpm", "/coolant"],
    ),
    (
        "vehicle_in_the_middle_of_the_topic/recorded.jsonl.gz",
        {"layout": "event", "vehicle_id": "topic", "time": "/ts", "time_format": "epoch_s", "sequence": ""},
        ["/speed", "/rpm"],
    ),
    (
        "true_and_false_in_a_table/booleans.csv.gz",
        {
            "layout": "event",
            "vehicle_id": "topic",
            "time": "/timestamp",
            "time_format": "epoch_s",
            "sequence": "",
        },
        ["/speed", "/rpm", "/brake", "/door_open", "/coolant"],
    ),
    (
        "fleet_in_one_table_other_id_name/fleet.csv",
        {
            "layout": "event",
            "vehicle_id": "/device_id",
            "time": "/timestamp",
            "time_format": "epoch_s",
            "sequence": "",
        },
        ["/speed", "/rpm", "/coolant", "/voltage"],
    ),
    (
        "date_and_time_in_two_columns/log.csv",
        {
            "layout": "event",
            "vehicle_id": "topic",
            "time": ["/Date", "/Time"],
            "time_format": "iso8601",
            "time_zone": "UTC",
            "sequence": "",
        },
        ["/Engine RPM", "/Vehicle Speed", "/Coolant Temperature", "/Throttle", "/Battery"],
    ),
    (
        "decimal_comma/de.csv",
        {
            "layout": "event",
            "vehicle_id": "topic",
            "time": "/Zeit",
            "time_format": "%d.%m.%Y %H:%M:%S",
            "time_zone": "UTC",
            "sequence": "",
        },
        [
            "/Drehzahl",
            "/Geschwindigkeit",
            "/Kühlmitteltemperatur",
            "/Bordspannung",
            "/Drosselklappe",
            "/Gang",
        ],
    ),
    (
        "torque_pro_two_trips/trackLog.csv",
        {
            "layout": "event",
            "vehicle_id": "topic",
            "time": "/Device Time",
            "time_format": "%d-%b-%Y %H:%M:%S.%f",
            "time_zone": "UTC",
            "sequence": "",
        },
        [
            "/GPS Speed",
            "/Engine RPM",
            "/Speed (OBD)",
            "/Throttle Position(Manifold)",
            "/Engine Coolant Temperature",
            "/Voltage (OBD Adapter)",
        ],
    ),
    (
        "time_in_msec/romraider.csv",
        {
            "layout": "event",
            "vehicle_id": "topic",
            "time": "/Time",
            "time_format": "epoch_ms",
            "sequence": "",
        },
        [
            "/Engine Speed",
            "/Vehicle Speed",
            "/Coolant Temperature",
            "/Throttle Opening Angle",
            "/Battery Voltage",
        ],
    ),
    (
        "parked_positions_are_scored/day.csv.gz",
        {
            "layout": "event",
            "vehicle_id": "/vehicle_id",
            "time": "/timestamp",
            "time_format": "epoch_s",
            "sequence": "",
        },
        ["/speed", "/rpm", "/throttle", "/coolant", "/voltage"],
    ),
]
EVENTS = {
    "backtest_of_a_recording_of_lists": (300, 1),
    "epoch_in_microseconds": (900, 1),
    "numbers_and_times_as_strings": (900, 1),
    "one_second_three_messages": (1_800, 1),
    "records_inside_an_envelope": (900, 1),
    "times_as_keys": (900, 1),
    "vehicle_in_the_middle_of_the_topic": (900, 3),
    "true_and_false_in_a_table": (900, 1),
    "fleet_in_one_table_other_id_name": (2_000, 4),
    "date_and_time_in_two_columns": (1_200, 1),
}
SHIPPED = {"spring-fleet.toml": "spring-fleet.jsonl.gz", "digital-twin.toml": "digital-twin.jsonl.gz"}


def decoded(file: Path, settings_file: Path) -> TelemetryBatch:
    """All messages of a file, each of which can be decoded with the settings of another one."""
    result = Decoder.of(load(settings_file)).decode(whole(file))
    assert result.dead_letters == []
    return result.telemetry


def described(file: Path, directory: Path) -> Path:
    """The file of settings that is proposed for a sample."""
    path = directory / "mine.toml"
    path.write_text(toml_of(propose(from_recording(file))), encoding="utf-8")
    return path


@pytest.mark.parametrize(("file", "payload", "scored"), PAYLOADS, ids=[file for file, _, _ in PAYLOADS])
def test_the_settings_that_are_proposed(file: str, payload: dict[str, Any], scored: list[str]) -> None:
    settings = proposed(from_recording(CASES / file))
    assert settings["payload"] == payload
    assert pointers(settings) == scored


@pytest.mark.parametrize("file", [file for file, _, _ in PAYLOADS])
def test_every_event_is_decoded_with_what_is_proposed(file: str, tmp_path: Path) -> None:
    telemetry = decoded(CASES / file, described(CASES / file, tmp_path))
    case = file.partition("/")[0]
    if case in EVENTS:
        assert (len(telemetry), len(set(telemetry.vehicle_ids))) == EVENTS[case]
    assert len(np.unique(telemetry.timestamps)) >= 300
    assert not np.isnan(telemetry.values).all(axis=0).any()


def test_the_topic_names_vehicle_and_signal(tmp_path: Path) -> None:
    file = CASES / "one_topic_per_signal" / "teslamate.jsonl.gz"
    settings = load(described(file, tmp_path))
    assert settings.topics.telemetry == "teslamate/cars/{vehicle}/{signal}"
    assert set(decoded(file, tmp_path / "mine.toml").vehicle_ids) == {"1"}


def test_what_the_reader_of_a_table_warns_of_is_told() -> None:
    sample = from_recording(CASES / "thousands_separator_shifts_columns" / "triplog.csv")
    assert any("ten cells under nine names" in doubt for doubt in propose(sample).doubts)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("spaces_between_cells_no_header/train_FD001.csv", "no header"),
        ("utf_16_without_a_mark/u16le.csv", "iconv"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_in_one_line(file: str, expected: str) -> None:
    with pytest.raises(RecordingError, match=expected) as refused:
        from_recording(CASES / file)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("configuration", SHIPPED)
def test_it_decodes_as_with_the_file_that_is_shipped(configuration: str, tmp_path: Path) -> None:
    file = REPOSITORY / "tests" / "data" / SHIPPED[configuration]
    shipped = load(REPOSITORY / "config" / configuration)
    mine = load(described(file, tmp_path))
    assert mine.topics.telemetry == shipped.topics.telemetry
    assert mine.payload == shipped.payload
    expected, found = (
        decoded(file, REPOSITORY / "config" / configuration),
        decoded(file, tmp_path / "mine.toml"),
    )
    assert found.vehicle_ids == expected.vehicle_ids
    assert found.timestamps.tolist() == expected.timestamps.tolist()
    column = {signal.pointer: number for number, signal in enumerate(mine.signals.values())}
    assert "/anomaly" not in column
    for number, signal in enumerate(shipped.signals.values()):
        np.testing.assert_array_equal(
            found.values[:, column[signal.pointer]], expected.values[:, number], err_msg=signal.pointer
        )
