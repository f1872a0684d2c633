"""Recordings in the shape of what fleets send, loggers write and sites export, scored as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bytewax.testing import run_main

from config.settings import FILE_VARIABLE, load
from dataflows.backtest import __main__ as backtest
from dataflows.connectors.endpoints import telemetry_source
from dataflows.events import Enriched
from dataflows.fleet import build
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"


def recording(case: str) -> Path:
    (path,) = (path for path in (CASES / case).iterdir() if path.name != "config.toml")
    return path


def figures(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> dict[str, Any]:
    """What the backtest prints, with the settings of the case if it has any."""
    configuration = CASES / case / "config.toml"
    if configuration.exists():
        monkeypatch.setenv(FILE_VARIABLE, str(configuration))
    backtest.main([str(recording(case)), "--json", *options])
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


@pytest.mark.long
@pytest.mark.parametrize(
    ("case", "events", "warned"),
    [
        ("backtest_of_a_recording_of_lists", 300, ""),
        ("car_scanner_long_table", 4200, "a long table: column 'PID' names the signal"),
        ("comment_lines_above_the_header", 1200, "lines above the header are left out: 3"),
        ("date_and_time_in_two_columns", 1200, ""),
        ("decimal_comma", 1500, ""),
        ("epoch_in_microseconds", 900, ""),
        ("fleet_in_one_table_other_id_name", 2000, "'device_id' is taken for the vehicle id (4 values"),
        ("numbers_and_times_as_strings", 900, ""),
        ("one_second_three_messages", 1800, ""),
        ("one_topic_per_signal", 1350, "ignored signals that are not in the catalogue"),
        ("parked_positions_are_scored", 8100, "not scored: lat, lon (position), heading (circular)"),
        ("records_inside_an_envelope", 900, ""),
        ("thousands_separator_shifts_columns", 900, "900 of 900 rows have ten cells under nine names"),
        ("time_in_msec", 3000, ""),
        ("times_as_keys", 900, ""),
        ("torque_pro_two_trips", 1200, "repeated headers are left out: 1, the first in line 702"),
        ("true_and_false_in_a_table", 900, ""),
        ("vehicle_in_the_middle_of_the_topic", 900, ""),
    ],
)
def test_every_event_is_scored_and_what_was_assumed_is_said(
    case: str, events: int, warned: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = figures(case, monkeypatch, capsys)
    assert (found["events"], found["dead_letters"], found["duplicates"]) == (events, 0, 0)
    if warned:
        assert any(warned in warning for warning in found["warnings"])
    else:
        assert found["warnings"] == []


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("spaces_between_cells_no_header", "got numbers separated by spaces and no header"),
        ("utf_16_without_a_mark", "expected UTF-8, got UTF-16 without a byte order mark; 'iconv -f UTF-16LE"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_cause(
    case: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        backtest.main([str(recording(case))])
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said


def test_boolean_columns_are_scored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    scores = tmp_path / "scores.csv"
    case = "true_and_false_in_a_table"
    found = figures(case, monkeypatch, capsys, "--signals", "brake,door_open,speed", "--scores", str(scores))
    assert found["events"] == 900
    assert {"brake", "door_open"} & {line.rpartition(",")[2] for line in scores.read_text().splitlines()}


def test_positions_cause_no_false_alarms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = figures(
        "parked_positions_are_scored", monkeypatch, capsys, "--signals", "speed,rpm,throttle,coolant,voltage"
    )
    assert figures("parked_positions_are_scored", monkeypatch, capsys)["anomalies"] <= alone["anomalies"]


def test_messages_of_one_second_come_out_of_the_job_each_under_its_own_id_and_complete_each_other(
    tmp_path: Path,
) -> None:
    case = "one_second_three_messages"
    settings = load(CASES / case / "config.toml")
    files = settings.recording.model_copy(update={"input": recording(case), "results": tmp_path})
    settings = settings.model_copy(update={"recording": files})
    run_main(build(settings, telemetry_source(settings)))
    lines = (tmp_path / "enriched.jsonl").read_bytes().splitlines()
    events = [msgspec.json.decode(line, type=Enriched) for line in lines]
    kinds = [msgspec.json.decode(event.telemetry)["type"] for event in events]
    assert len({event.event_id for event in events}) == 1800
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(sorted(set(kinds)), 600)
    assert sum(event.status == "partial" for event in events) <= 100
