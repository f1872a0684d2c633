"""Which column of a table is the time, how it is written, and what is said where that had to be guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import RecordingError
from dataflows.clock import SECOND, microseconds, utc
from dataflows.recordings import Recording, TableOptions, open_recording
from dataflows.recordings.time_formats import named_dates, numeric_dates

TEN = microseconds(datetime(2026, 7, 13, 10, tzinfo=UTC))


def opened(tmp_path: Path, header: str, *rows: str, options: TableOptions | None = None) -> Recording:
    path = tmp_path / "trip.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return open_recording(path, options)


def arrivals(recording: Recording) -> list[int]:
    return [arrived for batch in recording.read() for arrived in batch.arrived]


@pytest.mark.parametrize(
    ("header", "cells", "first", "step"),
    [
        ("Zeit", ["13.07.2026 10:00:00", "13.07.2026 10:00:01", "13.07.2026 10:00:02"], TEN, SECOND),
        ("Device Time", ["13-Jul-2026 10:00:00.000", "13-Jul-2026 10:00:00.500"], TEN, SECOND // 2),
        ("timeStamp", ["1783936800", "1783936801", "1783936802"], TEN, SECOND),
        ("SECONDS", ["5.0", "5.5", "6.0"], 5 * SECOND, SECOND // 2),
        ("Time (msec)", ["0", "50", "100"], 0, 50_000),
        ("time_us", ["0", "50", "100"], 0, 50),
        ("Elapsed (min)", ["0", "1", "2"], 0, 60 * SECOND),
        ("Time", ["00:05.5", "00:06.0", "00:06.5"], 5_500_000, SECOND // 2),
        ("Offset (ms)", ["0", "50", "100"], 0, 50_000),
        ("Time [h]", ["0", "1", "2"], 0, 3600 * SECOND),
        ("Date;Time", ["2026-07-13;10:00:00", "2026-07-13;10:00:01", "2026-07-13;10:00:02"], TEN, SECOND),
        ("fecha;hora", ["13/07/2026;10:00:00", "13/07/2026;10:00:01", "13/07/2026;10:00:02"], TEN, SECOND),
        ("Date;Time", ["20260713;100000", "20260713;100001", "20260713;100002"], TEN, SECOND),
        ("Registrado", ["2026-07-13 10:00:00", "2026-07-13 10:00:01"], TEN, SECOND),
        ("ts", ["07/13/2026 10:00:00 AM", "07/13/2026 10:00:01 AM"], TEN, SECOND),
        (
            "GPS Time",
            ["Mon Jul 13 12:00:00 GMT+02:00 2026", "Mon Jul 13 12:00:01 GMT+02:00 2026"],
            TEN,
            SECOND,
        ),
        ("Zeit", ["13. Juli 2026 10:00:00", "13. Juli 2026 10:00:01"], TEN, SECOND),
        ("time", ["2026-07-13 12:00:00 CEST", "2026-07-13 12:00:01 CEST"], TEN, SECOND),
    ],
)
def test_times_are_found_by_name_and_by_content(
    tmp_path: Path, header: str, cells: list[str], first: int, step: int
) -> None:
    recording = opened(tmp_path, f"{header};rpm", *(f"{cell};{800 + row}" for row, cell in enumerate(cells)))
    assert arrivals(recording) == [first + row * step for row in range(len(cells))]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Trip Time (s)", ["0", "1", "2", "3"]),
        ("TIME_SINCE_TROUBLE_CODES_CLEARED", ["8260", "8260", "8261", "8261"]),
        ("time", ["2026-01-01", "2026-01-01", "2026-01-01", "2026-01-01"]),
        ("Version", ["10.15.01", "10.15.22", "10.15.40", "10.15.59"]),
        ("reaction ms", ["250", "180", "310", "120"]),
        ("imei", ["866123456789012", "866123456789012", "866123456789013", "866123456789013"]),
    ],
)
def test_what_is_not_the_time_is_not_taken_for_it_and_that_is_said(
    tmp_path: Path, header: str, cells: list[str]
) -> None:
    recording = opened(tmp_path, f"{header},rpm", *(f"{cell},8" for cell in cells))
    assert recording.time_column is None
    assert arrivals(recording) == [row * SECOND for row in range(4)]
    assert any("rows are taken one second apart" in warning for warning in recording.warnings)


@pytest.mark.parametrize(
    ("header", "cells", "warning"),
    [
        ("time", ["07/09/2026 10:00:00", "07/09/2026 10:00:01"], "'07/09/2026' is read as month/day/year"),
        ("time", ["07-09-2026 10:00:00", "07-09-2026 10:00:01"], "'07-09-2026' is read as day-month-year"),
        ("time (ticks)", ["0", "1"], "the unit 'ticks' is not one of time"),
        ("time", ["0", "50", "100"], "gives no unit: its times are taken as seconds, 50 s from row to row"),
        ("when", ["2026-07-13 10:00:00", "2026-07-13 10:00:01"], "times are taken from column 'when'"),
        (
            "time",
            ["0", "1", "", "2"],
            "rows without a time that can be read, which take that of the row before: 1",
        ),
        (
            "time",
            ["2026-07-13 10:00:02", "2026-07-13 10:00:01", "2026-07-13 10:00:00"],
            "go back from row to row: sort the file",
        ),
    ],
)
def test_what_had_to_be_assumed_is_said(tmp_path: Path, header: str, cells: list[str], warning: str) -> None:
    recording = opened(tmp_path, f"{header};v", *(f"{cell};5" for cell in cells))
    arrivals(recording)
    assert any(warning in sentence for sentence in recording.warnings), recording.warnings


def test_days_and_months_are_told_apart_by_the_shorter_recording(tmp_path: Path) -> None:
    recording = opened(tmp_path, "time,v", "07/09/2026 10:00,1", "07/10/2026 10:00,2")
    assert f"{utc(arrivals(recording)[1]):%m-%d}" == "07-10"
    assert recording.warnings == []


MOMENTS = st.integers(631_152_000, 4_070_908_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS)
def test_dates_are_read_back_in_every_order(moment: datetime) -> None:
    expected = microseconds(moment)
    assert numeric_dates(UTC, day_first=True)(f"{moment:%d.%m.%Y %H:%M:%S}") == expected
    assert numeric_dates(UTC, day_first=False)(f"{moment:%m/%d/%Y %I:%M:%S %p}") == expected
    assert numeric_dates(UTC, day_first=False)(f"{moment:%Y/%m/%d %H:%M:%S}") == expected
    assert named_dates(UTC)(f"{moment:%d-%b-%Y %H:%M:%S}.000") == expected
    assert named_dates(UTC)(f"{moment:%a %b %d %H:%M:%S GMT+00:00 %Y}") == expected


def test_the_user_names_the_column_the_format_and_the_zone(tmp_path: Path) -> None:
    rows = ["05#08#2026 18|57|00;1", "05#08#2026 18|57|01;2"]
    options = TableOptions("kram", "%d#%m#%Y %H|%M|%S", "Europe/Berlin")
    recording = opened(tmp_path, "Kram;v", *rows, options=options)
    assert f"{utc(arrivals(recording)[0]):%H:%M}" == "16:57"
    assert recording.time_column == "Kram"


def test_the_user_names_two_columns(tmp_path: Path) -> None:
    recording = opened(
        tmp_path, "a;b;v", "13.07.2026;10:00;1", "13.07.2026;10:01;2", options=TableOptions("a,b")
    )
    assert arrivals(recording) == [TEN, TEN + 60 * SECOND]


def test_a_format_alone_is_that_of_the_column_that_has_it(tmp_path: Path) -> None:
    recording = opened(tmp_path, "v;time", "1;0", "2;500", options=TableOptions(time_format="epoch_ms"))
    assert arrivals(recording) == [0, 500_000]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "tme"}, "choose from time, v"),
        (
            {"time": "time", "time_format": "iso8601"},
            "expected times of the format iso8601 in column time, got '0'",
        ),
        ({"time_format": "iso8601"}, "--time names the column: choose from time, v"),
        ({"time_format": "epoch"}, "expected auto, iso8601, epoch_s"),
        ({"time_zone": "Europe/Berln"}, "choose from Europe/Berlin"),
    ],
)
def test_wrong_options_are_refused_in_one_line_that_lists_the_choices(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(RecordingError) as caught:
        opened(tmp_path, "time,v", "0,1", "1,2", options=TableOptions(**options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_tables_are_refused_for_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    path.write_text('{"v": 1}\n')
    with pytest.raises(RecordingError, match="expected a table for --time"):
        open_recording(path, TableOptions("v"))


def test_a_pattern_that_strptime_cannot_use_is_refused() -> None:
    with pytest.raises(RecordingError, match="time format: expected a pattern of Python's strptime: "):
        TableOptions(time_format="%Y-%m-%d %H:%m:%S")
