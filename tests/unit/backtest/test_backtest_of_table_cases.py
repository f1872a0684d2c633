"""Backtests of tables in the shape of what loggers and data sets hold, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataflows.backtest import __main__ as backtest
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"


def file_of(case: str) -> Path:
    return next((CASES / case).glob("*.csv*"))


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    backtest.main([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert printed.err == ""
    found: dict[str, Any] = json.loads(printed.out)
    return found


@pytest.mark.parametrize(
    ("case", "events"),
    [
        ("comment_lines_above_the_header", 1200),
        ("date_and_time_in_two_columns", 1200),
        ("decimal_comma", 1500),
        ("fleet_in_one_table_other_id_name", 2000),
        ("true_and_false_in_a_table", 900),
        ("torque_pro_two_trips", 1200),
    ],
)
def test_every_row_is_an_event_and_none_a_duplicate(
    case: str, events: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = figures(capsys, file_of(case))
    assert (found["events"], found["duplicates"], found["dead_letters"]) == (events, 0, 0)


def test_positions_and_headings_raise_no_alarms(capsys: pytest.CaptureFixture[str]) -> None:
    file = file_of("parked_positions_are_scored")
    found = figures(capsys, file)
    without = figures(capsys, file, "--signals", "speed,rpm,throttle,coolant,voltage")
    assert found["anomalies"] == without["anomalies"]
    [warning] = found["warnings"]
    assert warning.startswith("not scored: lat, lon (position), heading (circular)")


def test_a_fault_in_a_long_table_is_the_worst_stretch(capsys: pytest.CaptureFixture[str]) -> None:
    backtest.main([str(file_of("car_scanner_long_table"))])
    report = capsys.readouterr().out.split("worst episodes\n")[1]
    first = report.splitlines()[0]
    assert "1970-01-01 11:16:4" in first
    assert "Engine coolant temperature" in first


def test_rows_that_share_their_time_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trip.csv"
    path.write_text("time,speed\n" + "".join(f"{row // 2},{row * 7 % 13}\n" for row in range(300)))
    assert any(
        "150 of 300 events have the vehicle and the time of" in said
        for said in figures(capsys, path)["warnings"]
    )


def test_an_unknown_time_column_is_refused_in_one_line_that_lists_the_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        backtest.main([str(file_of("time_in_msec")), "--time", "Zeit"])
    message = capsys.readouterr().err
    assert "choose from Time, Engine Speed" in message
    assert len(message.splitlines()) == 1
