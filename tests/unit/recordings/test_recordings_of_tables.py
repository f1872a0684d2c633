"""CSV and Parquet as recordings, among them real trips as logging devices wrote them."""

from __future__ import annotations

import gzip
import json
import time as clock
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import RecordingError
from dataflows.clock import SECOND
from dataflows.recordings import discover_columns, open_recording
from dataflows.recordings.columns import header_columns, number_as_json
from tests.support.paths import PUBLIC_DATA

OBD = PUBLIC_DATA / "obd"
needs_obd = pytest.mark.skipif(not OBD.is_dir(), reason="needs the public OBD trips beside the repository")

DAY = 86_400 * SECOND


def rows(path: Path, start: int = 0, batch_size: int = 1024) -> list[dict[str, Any]]:
    return [
        json.loads(payload)
        for batch in open_recording(path).read(start, batch_size)
        for payload in batch.payloads
    ]


def arrivals(path: Path, start: int = 0) -> list[int]:
    return [arrived for batch in open_recording(path).read(start, 3) for arrived in batch.arrived]


def csv_file(tmp_path: Path, content: str | bytes, name: str = "trip.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parquet_file(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "trip.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["ENGINE_RPM ()"], [("ENGINE_RPM", "")]),
        (["Speed [km/h]", "Speed (mph)"], [("Speed", "km/h"), ("Speed_2", "mph")]),
        (["Temp [Â°C]", "Oil [°C]", " Größe "], [("Temp", "°C"), ("Oil", "°C"), ("Größe", "")]),
        (
            ["Load (abs) [%]", "(km/h)", "Gear (1-6) now"],
            [("Load (abs)", "%"), ("(km/h)", ""), ("Gear (1-6) now", "")],
        ),
        (["", "a", ""], [("column_1", ""), ("a", ""), ("column_3", "")]),
        (["a", "a", "a_2", "a"], [("a", ""), ("a_3", ""), ("a_2", ""), ("a_4", "")]),
        (["", "column_1"], [("column_1_2", ""), ("column_1", "")]),
    ],
)
def test_headers_are_cleaned_and_their_units_split_off(
    header: list[str], columns: list[tuple[str, str]]
) -> None:
    assert header_columns(header) == columns


@given(st.lists(st.sampled_from(["a", "a_2", "a [s]", "", "column_1", "column_2", "b ()"])))
def test_names_of_columns_are_unique_whatever_the_header(header: list[str]) -> None:
    names = [name for name, _ in header_columns(header)]
    assert len(set(names)) == len(names) == len(header)
    assert all(names)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_keep_their_digits(number: float) -> None:
    assert number_as_json(str(number)) == str(number)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1.50", "1.50"),
        ("+5", "5"),
        ("+0.5", "0.5"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("-.5e3", "-500.0"),
        ("0", "0"),
    ],
)
def test_numbers_that_json_would_not_take_are_written_so_that_it_does(cell: str, number: str) -> None:
    assert number_as_json(cell) == number


@pytest.mark.parametrize("cell", ["", "007", "1_000", "0x1A", "1,5", "nan", "inf", "٣", "1 2", "-", "e5"])
def test_codes_and_text_are_not_numbers(cell: str) -> None:
    assert number_as_json(cell) is None


def test_rows_become_objects_with_numbers_strings_and_without_empty_cells(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        'speed [km/h],state,code\n61.20, "on, fast" ,007\n,off,12\n\nnan,5,\n-,"say ""hi""",NaN\n9e9,a,8\n',
    )
    assert rows(path) == [
        {"speed": 61.20, "state": "on, fast", "code": "007"},
        {"state": "off", "code": "12"},
        {"state": "5"},
        {"state": 'say "hi"'},
        {"speed": 9e9, "state": "a", "code": "8"},
    ]
    assert discover_columns(path) == open_recording(path).columns
    assert [(column.name, column.unit, column.numeric) for column in discover_columns(path)] == [
        ("speed", "km/h", True),
        ("state", "", False),
        ("code", "", False),
    ]


def test_digits_in_the_file_are_the_digits_in_the_payload(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "a,b\n1.50,12345678901234567890\n")
    (batch,) = open_recording(path).read()
    assert batch.payloads == [b'{"a":1.50,"b":12345678901234567890}']


def test_ragged_rows_lose_nothing(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "a,b\n1\n1,2,3,x\n1,2,\n")
    assert rows(path) == [{"a": 1}, {"a": 1, "b": 2, "column_3": 3, "column_4": "x"}, {"a": 1, "b": 2}]


def test_one_bad_cell_does_not_turn_a_column_of_numbers_into_text(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "rpm\n" + "800\n" * 20 + "ERR\n")
    assert [row["rpm"] for row in rows(path)] == [800] * 20 + ["ERR"]
    assert discover_columns(path)[0].numeric


def test_numbers_that_start_after_the_sample_are_numbers(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "rpm,late\n" + "800,\n" * 10_001 + "800,5\n")
    assert rows(path)[-1] == {"rpm": 800, "late": 5}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    content = "a,b,c\r\n1,2,3\r\n".replace(",", delimiter)
    assert rows(csv_file(tmp_path, content)) == [{"a": 1, "b": 2, "c": 3}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_utf_8_with_or_without_a_byte_order_mark_and_latin_1_are_read(tmp_path: Path, encoding: str) -> None:
    path = csv_file(tmp_path, "Öl [°C],where\n80,Köln\n".encode(encoding))
    assert rows(path) == [{"Öl": 80, "where": "Köln"}]
    assert discover_columns(path)[0].unit == "°C"


def test_a_pointer_leads_to_the_value_of_a_column_with_a_slash(tmp_path: Path) -> None:
    assert discover_columns(csv_file(tmp_path, "km/h~\n5\n"))[0].pointer == "/km~1h~0"


def test_rows_without_a_time_arrive_a_second_apart_from_1970(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "speed\n1\n2\n3\n", "veh-1.a.csv")
    assert arrivals(path) == [0, SECOND, 2 * SECOND]
    assert open_recording(path).time_column is None
    assert next(open_recording(path).read()).topics == ["veh-1.a"] * 3


NEW_YEAR = 1_704_067_200 * SECOND


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("ts", ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00.000001+01:00"], [NEW_YEAR, NEW_YEAR + 1]),
        (
            "Timestamp",
            ["2024-01-01 00:00:00", "2024-01-01 00:00:01.5"],
            [NEW_YEAR, NEW_YEAR + SECOND * 3 // 2],
        ),
        ("date", ["2024-01-01", "2024-01-02"], [NEW_YEAR, NEW_YEAR + DAY]),
        ("TIME", ["1704067200", "1704067200.25"], [NEW_YEAR, NEW_YEAR + 250_000]),
        ("datetime", ["1704067200000", "1704067200001"], [NEW_YEAR, NEW_YEAR + 1000]),
        ("time", ["1704067200000000", "1704067200000001"], [NEW_YEAR, NEW_YEAR + 1]),
        ("time", ["0.0", "0.5", "61"], [0, 500_000, 61 * SECOND]),
        ("time (ms)", ["0", "20"], [0, 20_000]),
        ("time", ["19:17:19.418", "19:17:20,5", "19:18"], [69_439_418_000, 69_440_500_000, 69_480 * SECOND]),
        ("time", ["23:59:59.5", "0:00:00.5", "00:00:00.4"], [DAY - 500_000, DAY + 500_000, DAY + 400_000]),
        ("time", ["", "00:00:05", "", "what", "24:00:00", "00:00:06"], [5 * SECOND] * 5 + [6 * SECOND]),
        ("time", ["1704067200", "1e300", "1704067201"], [NEW_YEAR, NEW_YEAR, NEW_YEAR + SECOND]),
    ],
)
def test_arrival_times_come_from_a_time_column(
    tmp_path: Path, header: str, cells: list[str], expected: list[int]
) -> None:
    path = csv_file(tmp_path, f"speed;{header}\n" + "".join(f"1;{cell}\n" for cell in cells))
    assert arrivals(path) == expected
    assert arrivals(path, start=1) == expected[1:]
    assert header.split()[0] == open_recording(path).time_column


@pytest.mark.skipif(not hasattr(clock, "tzset"), reason="Windows cannot change its zone for one process")
def test_times_without_a_zone_are_utc_wherever_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        clock.tzset()
        arrived = arrivals(csv_file(tmp_path, "ts,v\n2024-01-01 00:00:00,1\n"))
        arrived += arrivals(parquet_file(tmp_path, ts=pa.array([NEW_YEAR], pa.timestamp("us"))))
    clock.tzset()
    assert arrived == [NEW_YEAR, NEW_YEAR]


def test_the_time_stays_in_the_payload(tmp_path: Path) -> None:
    assert rows(csv_file(tmp_path, "time,v\n00:00:05,1\n")) == [{"time": "00:00:05", "v": 1}]


def test_times_in_an_unknown_format_are_reported_and_rows_are_a_second_apart(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "time,v\n1st of May,1\n2nd of May,2\n")
    assert arrivals(path) == [0, SECOND]
    [warning] = open_recording(path).warnings
    assert "'time', got '1st of May'" in warning


@pytest.mark.parametrize("start", [0, 1, 4, 6, 7])
def test_reading_a_table_from_an_offset_gives_the_rest_of_the_whole_reading(
    tmp_path: Path, start: int
) -> None:
    times = ["23:59:58", "23:59:59", "00:00:00", "", "00:00:01", "00:00:02", "00:00:03"]
    as_csv = csv_file(tmp_path, "time,v\n" + "".join(f"{cell},{row}\n" for row, cell in enumerate(times)))
    as_parquet = parquet_file(
        tmp_path, time=[time.fromisoformat(cell) if cell else None for cell in times], v=list(range(7))
    )
    for path in (as_csv, as_parquet):
        assert rows(path, start, batch_size=2) == rows(path)[start:]
        assert arrivals(path, start) == arrivals(path)[start:]
        offsets = [offset for batch in open_recording(path).read(start) for offset in batch.offsets or []]
        assert offsets == list(range(start, 7))
        with pytest.raises(RecordingError, match="got 7"):
            rows(path, start=8)


def test_parquet_rows_become_objects_in_the_types_they_have(tmp_path: Path) -> None:
    path = parquet_file(
        tmp_path,
        **{
            "Speed [km/h]": pa.array([61.25, None, float("nan"), float("-inf")]),
            "gear": pa.array([3, None, 5, 6], pa.int8()),
            "fuel": pa.array([Decimal("1.50"), None, None, None]),
            "on": [True, False, None, None],
            "id": ["a", None, "007", "d"],
            "at": [[1.5, 2.5], None, None, None],
        },
    )
    recording = open_recording(path)
    assert recording.rows == 4
    assert rows(path) == [
        {"Speed": 61.25, "gear": 3, "fuel": 1.5, "on": True, "id": "a", "at": [1.5, 2.5]},
        {"on": False},
        {"gear": 5, "id": "007"},
        {"gear": 6, "id": "d"},
    ]
    numeric = [column.name for column in recording.columns or () if column.numeric]
    assert numeric == ["Speed", "gear", "fuel", "on"]
    assert (recording.columns or ())[0].unit == "km/h"


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1_704_067_200_123_456_789], pa.timestamp("ns")),
        pa.array([1_704_067_200_123], pa.timestamp("ms", "Europe/Berlin")),
        pa.array([1_704_067_200.123]),
        pa.array([1_704_067_200_123]),
        pa.array(["2024-01-01T00:00:00.123Z"]),
    ],
    ids=["nanoseconds", "zone", "seconds", "milliseconds", "text"],
)
def test_parquet_times_of_any_type_are_arrival_times(tmp_path: Path, values: Any) -> None:
    (arrived,) = arrivals(parquet_file(tmp_path, ts=values))
    assert arrived // 1000 == 1_704_067_200_123


def test_parquet_dates_and_times_of_day_are_arrival_times(tmp_path: Path) -> None:
    assert arrivals(parquet_file(tmp_path, date=[date(2024, 1, 1)])) == [NEW_YEAR]
    assert arrivals(parquet_file(tmp_path, time=[time(23, 59, 59), time(0, 0, 1)])) == [
        DAY - SECOND,
        DAY + SECOND,
    ]


def test_parquet_times_reach_the_payload_with_a_zone(tmp_path: Path) -> None:
    moment = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    path = parquet_file(tmp_path, naive=[datetime(2024, 1, 1)], aware=[moment])  # noqa: DTZ001
    (row,) = rows(path)
    assert row["naive"] == "2024-01-01T00:00:00Z"
    assert datetime.fromisoformat(row["aware"]).astimezone(UTC) == moment


def test_a_long_table_in_parquet_is_warned_of(tmp_path: Path) -> None:
    path = parquet_file(
        tmp_path, ts=[0, 0, 1, 1], signal=["rpm", "speed"] * 2, value=[800.0, 5.0, 810.0, 6.0]
    )
    [warning] = open_recording(path).warnings
    assert "a long table: column 'signal' names the signal" in warning


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="empty"):
        open_recording(parquet_file(tmp_path, speed=pa.array([], pa.float64())))


def test_a_parquet_file_damaged_in_its_pages_gives_a_one_line_error(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, speed=[float(number) for number in range(1000)])
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"trip\.parquet: expected Parquet, got"):
        rows(path)


@needs_obd
@pytest.mark.long
def test_carobd_trips_are_read_as_they_are() -> None:
    for path in OBD.glob("carobd-*.csv.gz"):
        with gzip.open(path, "rt") as file:
            lines = file.read().splitlines()[1:]
        recording = open_recording(path)
        assert recording.columns is not None
        names = [column.name for column in recording.columns]
        assert names[:3] == ["ENGINE_RUN_TINE", "ENGINE_RPM", "VEHICLE_SPEED"]
        assert all(column.numeric and column.unit == "" for column in recording.columns)
        expected = [list(map(float, line.strip(", ").split(","))) for line in lines]
        assert [list(row.values()) for row in rows(path)] == expected
        assert all(list(row) == names for row in rows(path))


@needs_obd
def test_a_kit_trip_is_read_as_it_is() -> None:
    path = next(OBD.glob("kit-2017-07-05*.csv.gz"))
    with gzip.open(path, "rt") as file:
        lines = [line.split(",") for line in file.read().splitlines()[1:]]
    recording = open_recording(path)
    assert recording.columns is not None
    assert [(column.name, column.unit) for column in recording.columns][:3] == [
        ("Time", ""),
        ("Engine Coolant Temperature", "°C"),
        ("Intake Manifold Absolute Pressure", "kPa"),
    ]
    assert [column.name for column in recording.columns if not column.numeric] == ["Time"]
    batches = list(recording.read())
    payloads = [json.loads(payload) for batch in batches for payload in batch.payloads]
    assert [len(row) for row in payloads] == [sum(map(bool, line)) for line in lines]
    assert payloads[0] == {"Time": lines[0][0], "Engine Coolant Temperature": float(lines[0][1])}
    arrived = [arrived for batch in batches for arrived in batch.arrived]
    assert arrived == sorted(arrived)
    last = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=arrived[-1])
    assert last.time() == time.fromisoformat(lines[-1][0])
