"""The backtest on the command line: what it prints, and its errors for files that it cannot use."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dataflows.backtest import __main__ as backtest
from tests.support.paths import PUBLIC_DATA
from tests.support.telemetry import telemetry

needs_data = pytest.mark.skipif(not PUBLIC_DATA.is_dir(), reason="needs the public data in ../shared/data")

ROWS = 900


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    """A trip as a table: load follows speed, except in the last of three labelled faults."""
    random = np.random.default_rng(1)
    speed = 60 + 20 * np.sin(np.arange(ROWS) / 30) + random.normal(size=ROWS)
    load = 0.5 * speed + random.normal(scale=0.2, size=ROWS)
    label = np.zeros(ROWS, int)
    for start in (500, 640, 780):
        label[start : start + 15] = 1
    load[label == 1] += 12
    path = tmp_path / "trip.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["speed [km/h]", "load", "note", "label"])
        writer.writerows(zip(speed.round(3), load.round(3), ["dry"] * ROWS, label, strict=True))
    return path


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    backtest.main([*map(str, arguments), "--json"])
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as left:
        backtest.main([*map(str, arguments)])
    assert left.value.code == 1
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert message.startswith("backtest: ")
    return message


def test_every_row_of_a_table_is_an_event(trip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, trip)
    assert found["events"] == ROWS
    assert found["duplicates"] == found["late"] == found["partial"] == found["dead_letters"] == 0
    assert found["events_per_second"] > 0


def test_injected_faults_are_found(trip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, trip, "--label", "label", "--eval-from", 300)
    assert found["event_recall"] == 1.0
    assert found["roc_auc"] > 0.95
    assert found["false_episodes_per_1000"] < 10


def test_the_metrics_are_those_of_scikit_learn_on_the_written_scores(
    trip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.csv"
    found = figures(capsys, trip, "--label", "label", "--eval-from", 300, "--scores", out)
    scores = list(csv.DictReader(out.open()))
    label = [int(row["label"]) for row in csv.DictReader(trip.open())]
    assert len(scores) == ROWS
    assert sum(int(row["is_anomaly"]) for row in scores) == found["anomalies"]
    error = [float(row["reconstruction_error"]) for row in scores]
    smoothed = [float(row["reconstruction_error_smoothed"]) for row in scores]
    assert found["roc_auc"] == pytest.approx(roc_auc_score(label[300:], error[300:]))
    assert found["average_precision"] == pytest.approx(average_precision_score(label[300:], error[300:]))
    assert found["roc_auc_smoothed"] == pytest.approx(roc_auc_score(label[300:], smoothed[300:]))
    for row in range(300, ROWS):
        assert smoothed[row] == pytest.approx(np.mean(error[row - 9 : row + 1]))


def test_the_label_is_never_scored(trip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores.csv"
    figures(capsys, trip, "--label", "label", "--scores", out)
    assert {row["leading_signal"] for row in csv.DictReader(out.open())} <= {"speed", "load"}


def test_a_column_that_is_not_numeric_is_skipped_with_a_warning_in_the_results(
    trip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest.main([str(trip), "--json"])
    printed = capsys.readouterr()
    assert "skipped columns that are not numeric: note" in json.loads(printed.out)["warnings"]
    assert printed.err == ""
    backtest.main([str(trip)])
    assert "\nwarnings\n" in capsys.readouterr().out


def test_without_anything_to_warn_of_the_list_of_warnings_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trip.csv"
    path.write_text("time,speed\n" + "".join(f"{row},{row * 7 % 13}\n" for row in range(300)))
    assert figures(capsys, path)["warnings"] == []


def test_the_report_names_the_worst_episodes_and_their_leading_signals(
    trip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest.main([str(trip), "--signals", "speed,load"])
    report = capsys.readouterr().out
    assert "worst episodes" in report
    assert "trip" in report
    assert "load" in report


def over_the_limit(path: Path, vehicles: int) -> Path:
    """Two minutes of vehicles that are too hot for ten seconds each, one after the other."""
    hot = {vehicle: range(30 + vehicle, 40 + vehicle) for vehicle in range(vehicles)}
    events = [
        {
            "vehicle_id": f"VEH-{vehicle:04}",
            "ts": f"2026-01-01T12:{second // 60:02}:{second % 60:02}Z",
            "engine_temperature": 120.0 if second in seconds else 90.0 + second % 3,
        }
        for second in range(120)
        for vehicle, seconds in hot.items()
    ]
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return path


def test_alerts_are_listed_as_they_were_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = over_the_limit(tmp_path / "telemetry.jsonl", 12)
    found = figures(capsys, path)
    assert found["alerts_total"] == len(found["alerts"]) == 12
    assert found["alerts_by_kind"] == {"limit": 12}
    first = found["alerts"][0]
    assert first.pop("alert_id").startswith("VEH-0000/limit/engine_temperature/")
    assert first.pop("summary").startswith("Engine temperature is 120 °C, above its limit of 115 °C")
    # A minute after the last sign of it.
    assert first == {
        "kind": "limit",
        "subject": "engine_temperature",
        "vehicle_id": "VEH-0000",
        "severity": "major",
        "opened_at": "2026-01-01T12:00:30Z",
        "cleared_at": "2026-01-01T12:01:40Z",
    }
    assert [alert["opened_at"] for alert in found["alerts"]] == sorted(
        alert["opened_at"] for alert in found["alerts"]
    )


def test_the_report_counts_alerts_by_kind_and_shows_the_first_ten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest.main([str(over_the_limit(tmp_path / "telemetry.jsonl", 12))])
    lines = capsys.readouterr().out.splitlines()
    heading = lines.index("12 alerts (12 limit); the first 10")
    shown = [line for line in lines[heading + 1 :] if "VEH-" in line and "  major  " in line]
    assert len(shown) == 10
    assert shown[0].startswith("  2026-01-01 12:00:30  VEH-0000  major  Engine temperature is 120 °C")


def test_alerts_can_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET__ALERTS__ENABLED", "false")
    path = over_the_limit(tmp_path / "telemetry.jsonl", 1)
    assert figures(capsys, path)["alerts_total"] == 0
    backtest.main([str(path)])
    assert "no alerts" in capsys.readouterr().out.splitlines()


def test_telemetry_in_json_lines_is_scored_on_the_configured_signals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(b"\n".join([*telemetry(300), b"broken"]) + b"\n")
    found = figures(capsys, path)
    assert (found["events"], found["dead_letters"]) == (300, 1)
    assert found["partial"] == 300  # the configured catalogue has signals that these vehicles lack


def test_auto_takes_every_number_in_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(b"\n".join(telemetry(300)) + b"\n")
    assert figures(capsys, path, "--signals", "auto")["partial"] == 0


def test_no_row_of_a_recording_is_a_duplicate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "telemetry.jsonl"
    payloads = telemetry(300)
    path.write_bytes(b"\n".join([*payloads, payloads[-1], payloads[-2]]) + b"\n")
    found = figures(capsys, path)
    assert (found["events"], found["duplicates"]) == (302, 0)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.csv", b"", "empty"),
        ("text.csv", b"a,b\nx,y\n", "numeric column"),
        ("trip.xlsx", b"", ".parquet"),
        ("bad.jsonl", b'{"a": "x"}\n', "got only dead letters (1); the first reason: expected"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, expected: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    lines = capsys.readouterr
    with pytest.raises(SystemExit):
        backtest.main([str(path)])
    assert expected in lines().err.splitlines()[-1]


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such file" in refusal(capsys, tmp_path / "gone.csv")


def test_an_unknown_column_is_refused_and_the_known_ones_are_named(
    trip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "speed, load" in refusal(capsys, trip, "--signals", "sped")
    assert "speed, load" in refusal(capsys, trip, "--signals", "speed,load", "--label", "truth")


def test_labels_of_one_kind_are_refused(trip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(capsys, trip, "--signals", "speed,load", "--label", "label", "--eval-from", 890)
    assert "no anomalous" in message


@needs_data
@pytest.mark.parametrize("file", ["carobd-ufpe1.csv.gz", "kit-2017-07-05_Seat_Leon_S_KA_Normal.csv.gz"])
@pytest.mark.long
def test_real_trips_are_scored_as_they_are(file: str, capsys: pytest.CaptureFixture[str]) -> None:

    rows = len(gzip.decompress((PUBLIC_DATA / "obd" / file).read_bytes()).splitlines()) - 1
    found = figures(capsys, PUBLIC_DATA / "obd" / file)
    assert found["events"] == rows
    assert found["anomalies"] < 0.05 * rows
    assert (found["partial"] > 0) == file.startswith("kit")


@needs_data
@pytest.mark.long
def test_faults_in_real_trips_rank_above_normal_rows(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted((PUBLIC_DATA / "quality" / "carobd").glob("*.csv.gz"))
    found = [figures(capsys, file, "--label", "label", "--eval-from", 800) for file in files]
    assert np.mean([figure["roc_auc"] for figure in found]) > 0.70
