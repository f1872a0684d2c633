"""Tables in the shape of what loggers, exports and data sets hold: each is read as a person would read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.errors import RecordingError
from dataflows.clock import microseconds
from dataflows.recordings import Recording, open_recording
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"


@dataclass
class Read:
    """A recording that was read to its end."""

    recording: Recording
    rows: list[dict[str, Any]]
    arrived: list[int]

    @property
    def numeric(self) -> list[str]:
        return [column.name for column in self.recording.columns or () if column.numeric]

    @property
    def warned(self) -> str:
        return "\n".join(self.recording.warnings)


def read(name: str) -> Read:
    recording = open_recording(next((CASES / name).glob("*.csv*")))
    batches = list(recording.read())
    rows = [json.loads(payload) for batch in batches for payload in batch.payloads]
    return Read(recording, rows, [arrived for batch in batches for arrived in batch.arrived])


def at(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_a_long_table_has_one_signal_for_each_name_in_it() -> None:
    case = read("car_scanner_long_table")
    assert len(case.rows) == 4200
    assert case.numeric == [
        "SECONDS",
        "Engine RPM",
        "Vehicle speed",
        "Engine coolant temperature",
        "Calculated engine load value",
        "OBD Module Voltage",
        "Throttle position",
    ]
    assert [column.unit for column in case.recording.columns or ()][1:4] == ["rpm", "km/h", "℃"]
    assert case.rows[0] == {"SECONDS": 40000.00, "Engine RPM": 777}
    assert case.arrived[1] - case.arrived[0] == 140_000
    assert "long table" in case.warned


def test_comments_above_the_header_are_left_out() -> None:
    case = read("comment_lines_above_the_header")
    assert len(case.rows) == 1200
    assert case.numeric == ["Time", "Amb pressure", "Accel Ped. Pos.", "Boost", "RPM", "Coolant", "Gear"]
    assert (case.arrived[0], case.arrived[-1]) == (539_607_000, 659_507_000)
    assert "#Encoding" in case.warned


def test_date_and_time_of_day_in_two_columns_are_joined() -> None:
    case = read("date_and_time_in_two_columns")
    assert case.recording.time_columns == ("Date", "Time")
    assert len(set(case.arrived)) == 1200
    assert (case.arrived[0], case.arrived[-1]) == (at("2026-07-09 10:15:00"), at("2026-07-09 10:34:59"))


def test_a_comma_is_the_decimal_mark_where_a_semicolon_separates_cells() -> None:
    case = read("decimal_comma")
    assert len(case.numeric) == 6
    assert case.rows[0] == {
        "Zeit": "02.03.2026 07:15:00",
        "Drehzahl": 794,
        "Geschwindigkeit": 0.0,
        "Kühlmitteltemperatur": 18.3,
        "Bordspannung": 14.1,
        "Drosselklappe": 14.7,
        "Gang": 0,
    }
    assert case.arrived[0] == at("2026-03-02 07:15:00")


def test_spaces_without_a_header_are_refused_with_both_causes() -> None:
    with pytest.raises(RecordingError, match="separated by spaces and no header") as caught:
        read("spaces_between_cells_no_header")
    assert "\n" not in str(caught.value)


def test_cells_that_thousands_separators_shift_are_warned_of() -> None:
    case = read("thousands_separator_shifts_columns")
    assert "900 of 900 rows have ten cells under nine names, first in line 2" in case.warned


def test_msec_are_milliseconds() -> None:
    case = read("time_in_msec")
    assert (case.arrived[0], case.arrived[-1]) == (0, 149_950_000)
    assert case.recording.warnings == []


def test_two_trips_in_one_file_are_hours_apart_and_the_header_between_them_is_no_row() -> None:
    case = read("torque_pro_two_trips")
    assert len(case.rows) == 1200
    assert case.recording.time_column == "Device Time"
    assert case.arrived[0] == at("2026-08-05 18:57:56")
    assert abs(case.arrived[-1] - at("2026-08-06 06:06:15")) < 1_000_000
    assert max(later - earlier for earlier, later in zip(case.arrived, case.arrived[1:], strict=False)) > at(
        "1970-01-01 10:30:00"
    )
    assert "repeated headers are left out: 1, the first in line 702" in case.warned


def test_true_and_false_are_values_of_a_signal() -> None:
    case = read("true_and_false_in_a_table")
    assert {"brake", "door_open"} <= set(case.numeric)
    assert (case.rows[0]["brake"], case.rows[0]["door_open"]) == (False, True)


def test_utf_16_without_a_mark_is_refused_with_what_converts_it() -> None:
    with pytest.raises(RecordingError, match=r"got UTF-16 .*'iconv -f UTF-16LE -t UTF-8 FILE' converts it"):
        read("utf_16_without_a_mark")


def test_no_row_of_a_long_table_is_lost_where_several_have_one_time(tmp_path: Path) -> None:
    rows = [
        f"{second},{name},{second * 10 + n}"
        for name in ("speed", "rpm")
        for second in range(3)
        for n in (0, 1)
    ]
    for name, text in {
        "by_signal": ["time,signal,value", *rows],
        "without_time": [
            "vehicle,signal,value",
            *(f"{v},{s},{n}" for n in range(3) for v in "AB" for s in ("x", "y")),
        ],
    }.items():
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(text) + "\n")
        payloads = [json.loads(p) for batch in open_recording(path).read() for p in batch.payloads]
        values = [
            value for event in payloads for key, value in event.items() if key in ("speed", "rpm", "x", "y")
        ]
        assert len(values) == 12


def test_a_first_cell_that_looks_like_a_comment_is_data_where_the_row_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "trip.csv"
    path.write_text(
        "device,time,speed\n" + "".join(f"#{row % 2},{row},{row * 7 % 13}\n" for row in range(20))
    )
    assert sum(len(batch) for batch in open_recording(path).read()) == 20


@pytest.mark.parametrize("cell", ["1.797e308", "1e308", "-1e308", "1" + "0" * 400, "+1.5e400"])
def test_numbers_beyond_any_calendar_are_no_times_and_no_crash(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "trip.csv"
    path.write_text(
        "time,speed\n" + "".join(f"{row},{row * 7 % 13}\n" for row in range(20)) + f"{cell},{cell}\n"
    )
    assert sum(len(batch) for batch in open_recording(path).read()) == 21
