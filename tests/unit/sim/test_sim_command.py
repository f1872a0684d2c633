"""`python -m sim` at the command line: recordings, their ground truth, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config.settings import DEFAULT_FILE
from dataflows.events import InjectedFault
from dataflows.recordings import open_recording
from sim.__main__ import main

START = ("--start", "2026-01-31T12:00:00Z")
TO_FILE = ("--duration", "5", "--output", "x.jsonl")
SMALL = ("--vehicles", "3", "--duration", "120", "--faults-per-hour", "200", *START)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code in (1, 2)
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_a_recording_holds_telemetry_in_order_of_time_on_the_topics_of_the_vehicles(
    suffix: str, tmp_path: Path
) -> None:
    file = tmp_path / f"fleet.{suffix}"
    main([*SMALL, "--output", str(file)])
    batches = list(open_recording(file).read())
    topics = [topic for batch in batches for topic in batch.topics]
    arrived = [time for batch in batches for time in batch.arrived]
    assert len(topics) == 3 * 120
    assert topics[:3] == [f"fleet/telemetry/VEH-000{number}" for number in (1, 2, 3)]
    assert arrived == sorted(arrived)
    assert all(b'"vehicle_id"' in payload for batch in batches for payload in batch.payloads)


def test_a_template_of_the_topic_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__TOPICS__TELEMETRY", "{_}/{vehicle}/obd")
    file = tmp_path / "fleet.jsonl"
    main([*START, "--vehicles", "2", "--duration", "1", "--output", str(file)])
    topics = [topic for batch in open_recording(file).read() for topic in batch.topics]
    assert topics == ["_/VEH-0001/obd", "_/VEH-0002/obd"]


def test_a_topic_for_each_signal_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEET__TOPICS__TELEMETRY", "{vehicle}/{signal}")
    monkeypatch.setenv("FLEET__PAYLOAD__TIME", "")
    line = error_of(capsys, "--duration", "1", "--output", str(tmp_path / "fleet.jsonl"))
    assert "topics.telemetry: expected a topic for all signals of a vehicle, got '{vehicle}/{signal}'" in line


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        main([*SMALL, "--output", str(tmp_path / f"{name}.jsonl.gz")])
        truth = tmp_path / f"{name}.ground-truth.jsonl"
        contents.append(((tmp_path / f"{name}.jsonl.gz").read_bytes(), truth.read_bytes()))
    assert contents[0] == contents[1]


def test_ground_truth_goes_beside_the_recording_or_into_the_given_file(tmp_path: Path) -> None:
    main([*SMALL, "--output", str(tmp_path / "fleet.jsonl.gz")])
    main([*SMALL, "--output", str(tmp_path / "other.jsonl"), "--ground-truth", str(tmp_path / "truth.jsonl")])
    beside = (tmp_path / "fleet.ground-truth.jsonl").read_bytes()
    assert beside == (tmp_path / "truth.jsonl").read_bytes()
    faults = [msgspec.json.decode(line, type=InjectedFault) for line in beside.splitlines()]
    assert faults
    assert not (tmp_path / "other.ground-truth.jsonl").exists()


def test_the_warm_up_is_recorded_before_the_duration(tmp_path: Path) -> None:
    file = tmp_path / "fleet.jsonl"
    main([*SMALL, "--warm-up", "60", "--output", str(file)])
    batches = list(open_recording(file).read())
    assert sum(map(len, batches)) == 3 * 180
    first = msgspec.json.decode(batches[0].payloads[0])
    assert first["ts"] == "2026-01-31T11:59:00.000Z"


def test_a_summary_is_printed_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SMALL, "--output", str(tmp_path / "fleet.jsonl")])
    assert capsys.readouterr().out.startswith("sim: 360 events sent, ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--output", "x.jsonl"), "needs --duration"),
        (("--output", "x.csv", "--duration", "5"), ".jsonl"),
        (("--ground-truth", "x.jsonl"), "requires --output"),
        (("--vehicles", "0"), "an integer of at least 1"),
        (("--vehicles", "2.5"), "an integer of at least 1"),
        (("--seed", "-1"), "at least 0"),
        (("--rate", "0"), "above 0"),
        (("--rate", "nan"), "above 0"),
        (("--rate", "inf"), "a number above 0"),
        (("--faults-per-hour", "-1"), "at least 0"),
        (("--start", "2026-01-31T12:00:00"), "2026-01-31T12:00:00Z"),
        (("--network", "loss=2"), "loss: expected a number from 0 to 1, got '2'"),
        (("--network", "loss"), "loss: expected a number from 0 to 1, got ''"),
        (("--network", "delay=nan"), "delay: expected a number from 0 to 86400"),
        (
            ("--network", "noise=1"),
            "expected NAME=VALUE with duplicates, loss, reorder, delay, clock-skew or gaps",
        ),
        (("--network", "loss=0.1,loss=0.2"), "expected loss once"),
        (("--format", "xml"), "invalid choice: 'xml'"),
        (("--format", "teslamate", *TO_FILE), "FLEET_CONFIG=config/teslamate.toml"),
        (("--format", "digital-twin", *TO_FILE), "FLEET_CONFIG=config/digital-twin.toml"),
        (("--wrong",), "--help"),
        (("replay", "nothing.jsonl"), "no such file"),
        (("replay", "nothing.txt"), ".parquet"),
        (("replay", "x.jsonl", "--speed", "fast"), "above 0"),
    ],
)
def test_an_invalid_argument_is_reported_on_one_line_that_says_what_to_do(
    arguments: tuple[str, ...],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in error_of(capsys, *arguments)


@pytest.mark.parametrize("form", ["digital-twin", "teslamate"])
def test_clocks_cannot_be_wrong_in_a_format_without_times(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEET_CONFIG", str(DEFAULT_FILE.parent / f"{form}.toml"))
    line = error_of(capsys, "--format", form, "--network", "clock-skew=5", *TO_FILE)
    assert f"clock-skew needs payloads with a time, and those of --format {form} have none" in line
    assert not list(tmp_path.iterdir())


def test_a_topic_for_each_signal_cannot_be_sent_to_kafka(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_CONFIG", str(DEFAULT_FILE.parent / "kafka.toml"))
    line = error_of(capsys, "--format", "teslamate")
    assert "needs MQTT or --output FILE, got [source] kind = 'kafka'" in line


def test_an_invalid_setting_is_reported_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET__SIMULATOR__RATE", "-1")
    assert "simulator.rate" in error_of(capsys)


def test_defaults_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__SIMULATOR__VEHICLES", "2")
    monkeypatch.setenv("FLEET__SIMULATOR__RATE", "5")
    file = tmp_path / "fleet.jsonl"
    main([*START, "--duration", "3", "--output", str(file)])
    assert sum(map(len, open_recording(file).read())) == 2 * 5 * 3


@pytest.mark.parametrize("command", [(), ("replay",)])
def test_help_has_examples(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    assert "python -m sim replay" in capsys.readouterr().out
