"""Delimiters, decimal marks, headers and units: tables are read back as the numbers that were written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import RecordingError
from dataflows.recordings import open_recording
from dataflows.recordings.cells import number_in


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(payload) for batch in open_recording(path).read() for payload in batch.payloads]


def table(tmp_path: Path, content: str, name: str = "trip.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 2))


@given(
    columns=st.lists(st.lists(NUMBERS, min_size=8, max_size=8), min_size=2, max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_are_read_back_whatever_the_delimiter_the_decimal_mark_and_the_quotation(
    tmp_path_factory: pytest.TempPathFactory,
    columns: list[list[float]],
    delimiter: str,
    decimal: str,
    quoting: int,
    line_end: str,
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerow([f"signal {number}" for number in range(len(columns))])
    for row in zip(*columns, strict=True):
        writer.writerow([f"{value:.2f}".replace(".", decimal) for value in row])
    path = table(tmp_path_factory.mktemp("tables"), "")
    path.write_bytes(written.getvalue().encode())
    expected = [
        {f"signal {number}": value for number, value in enumerate(row)} for row in zip(*columns, strict=True)
    ]
    assert rows(path) == expected


@given(st.integers(1000, 10**9), st.integers(0, 99), st.sampled_from(".,"), st.sampled_from("'  \u202f"))
def test_thousands_are_grouped_by_any_mark_that_is_not_the_decimal_one(
    whole: int, cents: int, decimal: str, group: str
) -> None:
    for mark in (group, "," if decimal == "." else "."):
        written = f"{whole:,}".replace(",", mark) + f"{decimal}{cents:02d}"
        number = number_in(written, decimal)  # type: ignore[arg-type]
        assert number is not None
        assert float(number) == float(f"{whole}.{cents:02d}")


@pytest.mark.parametrize(
    ("cell", "decimal", "number"),
    [
        ("1,234.5", ".", "1234.5"),
        ("1.234,5", ",", "1234.5"),
        ("12,5", ",", "12.5"),
        ("12,5", ".", None),
        ("12.5", ",", None),
        ("1,23,456", ".", None),
        ("0,123", ".", None),
        ("-1'234.5", ".", "-1234.5"),
        ("007", ",", None),
        ("5", ",", "5"),
    ],
)
def test_a_cell_is_a_number_only_with_the_decimal_mark_of_its_column(
    cell: str, decimal: str, number: str | None
) -> None:
    assert number_in(cell, decimal) == number  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "first"),
    [
        ("t  v\n0  1.5\n1  2.5\n2  3.5\n", {"t": 0, "v": 1.5}),
        ("# time v\n0 1.5\n1 2.5\n2 3.5\n", {"time": 0, "v": 1.5}),
        ("sep=;\nt;v\n0;1,5\n1;2,5\n", {"t": 0, "v": 1.5}),
        ("Report;;\nCar;Golf;\nt;v;w\n0;1,5;2\n1;2,5;3\n2;2,5;3\n", {"t": 0, "v": 1.5, "w": 2}),
        ("t;v\ns;km/h\n0;1,5\n1;2,5\n", {"t": 0, "v": 1.5}),
        ("t,v\n0,12.5 V\n1,12.4 V\n", {"t": 0, "v": 12.5}),
        ('t,v\n0,"1,250.5"\n1,"1,251.5"\n', {"t": 0, "v": 1250.5}),
        ("t,v\n0,on\n1,OFF\n", {"t": 0, "v": True}),
        ("t,v\n0,--\n1,5\n", {"t": 0}),
    ],
    ids=[
        "spaces",
        "comment",
        "sep",
        "preamble",
        "units",
        "unit in cells",
        "thousands",
        "on and off",
        "dashes",
    ],
)
def test_tables_of_many_kinds_are_read(tmp_path: Path, content: str, first: dict[str, Any]) -> None:
    assert rows(table(tmp_path, content))[0] == first


def test_a_row_of_units_below_the_header_gives_the_units(tmp_path: Path) -> None:
    recording = open_recording(table(tmp_path, "t;v\n[s];[km/h]\n0;1,5\n1;2,5\n"))
    assert [(column.name, column.unit) for column in recording.columns or ()] == [("t", "s"), ("v", "km/h")]


def test_below_a_header_with_other_columns_cells_stay_with_their_names(tmp_path: Path) -> None:
    path = table(tmp_path, "time,rpm,speed\n0,800,5\ntime,speed,oil,rpm\n1,6,90,810\n")
    assert rows(path) == [{"time": 0, "rpm": 800, "speed": 5}, {"time": 1, "rpm": 810, "speed": 6}]
    recording = open_recording(path)
    list(recording.read())
    assert "columns that only a later header names are left out: oil (line 3)" in recording.warnings


def test_warnings_are_not_repeated_when_a_table_is_read_again(tmp_path: Path) -> None:
    recording = open_recording(table(tmp_path, "time,v\n0,1\n1\n# lap\ntime,v\n2,3,4\n"))
    list(recording.read())
    once = recording.warnings
    list(recording.read())
    assert recording.warnings == once
    assert len(once) == 4


@pytest.mark.parametrize(
    "content", ["1,2\n3,4\n", "2026-01-01 10:00:00,5\n2026-01-01 10:00:01,6\n", "V1,5,6\nV1,6,7\n"]
)
def test_a_table_without_a_header_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(RecordingError, match="expected a header line with the names of the columns"):
        open_recording(table(tmp_path, content))


def test_rows_of_one_time_and_vehicle_in_a_long_table_are_one_event(tmp_path: Path) -> None:
    lines = [
        f"{time},{car},{name},{time * 10}"
        for time in range(3)
        for car in "AB"
        for name in ("rpm", "speed (km/h)")
    ]
    path = table(tmp_path, "ts,vehicle,signal,value\n" + "\n".join(lines) + "\n")
    assert rows(path)[:2] == [
        {"ts": 0, "vehicle": "A", "rpm": 0, "speed": 0},
        {"ts": 0, "vehicle": "B", "rpm": 0, "speed": 0},
    ]
    assert len(rows(path)) == 6
    payloads = [payload for batch in open_recording(path).read(start=4) for payload in batch.payloads]
    assert list(map(json.loads, payloads)) == rows(path)[4:]


def test_a_long_table_that_is_sorted_by_signal_is_put_together_in_the_order_of_time(tmp_path: Path) -> None:
    lines = [f"{time},{name},{time * 10}" for name in ("rpm", "speed") for time in range(5)]
    path = table(tmp_path, "time,variable,value\n" + "\n".join(lines) + "\n")
    assert rows(path) == [{"time": time, "rpm": time * 10, "speed": time * 10} for time in range(5)]


def test_words_and_numbers_in_the_values_of_a_long_table_are_those_of_their_signals(tmp_path: Path) -> None:
    lines = [f"{time};{name};{value}" for time in range(5) for name, value in (("rpm", "8,5"), ("fan", "ON"))]
    path = table(tmp_path, "SECONDS;PID;VALUE\n" + "\n".join(lines) + "\n")
    assert rows(path)[0] == {"SECONDS": 0, "rpm": 8.5, "fan": True}
    assert all(column.numeric for column in open_recording(path).columns or ())
