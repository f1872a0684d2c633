"""The command line: what it prints where, what it writes, and its errors."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from config.settings import load
from dataflows.describe import __main__ as describe
from tests.support.described import drive


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A drive of two vehicles, a message on each line."""
    path = tmp_path / "trip.jsonl"
    lines = [json.dumps({"vin": f"V{van}", **record}) for record in drive(150) for van in (1, 2)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The same as a table of one vehicle, with units in its header."""
    path = tmp_path / "trip.csv"
    rows = [f"{record['ts']},{record['speed']},{record['rpm']},wet" for record in drive(150)]
    path.write_text("\n".join(["timestamp,Speed [mph],RPM (1/min),road", *rows]), encoding="utf-8")
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as left:
        describe.main([*map(str, arguments)])
    assert left.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("describe: ")
    return printed.err


def test_the_settings_are_on_standard_output_and_can_be_loaded(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe.main([str(recording)])
    file = tmp_path / "mine.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert list(load(file).signals) == ["speed", "rpm", "coolant"]


def test_the_explanation_is_on_standard_error(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    describe.main([str(recording)])
    told = capsys.readouterr().err
    for part in ("seen\n", "proposed\n", "unsure of\n", "scored with it\n", "next: "):
        assert part in told
    assert "300 events of 2 vehicles" in told
    assert "0 dead letters" in told
    assert "streamlit run ui" in told


def test_every_setting_has_a_comment_that_says_why(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe.main([str(recording)])
    text = capsys.readouterr().out
    payload = text[text.index("[payload]") : text.index("[signals.")]
    lines = [line for line in payload.splitlines()[1:] if line]
    assert lines
    assert all("# " in line for line in lines)


def test_a_file_is_written_but_not_over_another_one(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.toml"
    describe.main([str(recording), "--output", str(output)])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(output) in printed.err
    assert tomllib.loads(output.read_text(encoding="utf-8"))["payload"]["vehicle_id"] == "/vin"
    output.write_text("precious", encoding="utf-8")
    assert "--force" in refusal(capsys, recording, "--output", output)
    assert output.read_text(encoding="utf-8") == "precious"
    describe.main([str(recording), "--output", str(output), "--force"])
    assert "precious" not in output.read_text(encoding="utf-8")


def test_of_a_table_the_columns_are_proposed(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    describe.main([str(table)])
    printed = capsys.readouterr()
    settings = tomllib.loads(printed.out)
    assert settings["payload"]["time"] == "/timestamp"
    assert settings["signals"]["Speed"]["unit"] == "mph"
    assert "/road (text, such as 'wet')" in printed.err
    assert "150 rows" in printed.err


def test_only_the_first_messages_are_looked_at(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    describe.main([str(recording), "--messages", "120"])
    assert "120 messages" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("[\n1,\n2\n]", "one document over many lines"),
        ("hello\nworld\n", "expected JSON objects"),
        ('{"name": "x"}\n', "nothing can be scored"),
    ],
)
def test_a_file_without_telemetry_is_refused_in_one_line(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trip.jsonl"
    path.write_text(text, encoding="utf-8")
    assert expected in refusal(capsys, path)


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such file" in refusal(capsys, tmp_path / "missing.jsonl")


def test_a_file_or_a_topic_is_needed(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "got neither" in refusal(capsys)
    assert "got both" in refusal(capsys, recording, "--topic", "cars/#")


@pytest.mark.parametrize("broker", ["localhost", "localhost:", ":1883", "localhost:99999"])
def test_the_address_of_a_broker_is_checked(broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "HOST:PORT" in refusal(capsys, "--topic", "cars/#", "--broker", broker)


def test_a_broker_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEET__MQTT__CONNECT_TIMEOUT", "0.3")
    with pytest.raises(SystemExit):
        describe.main(["--topic", "cars/#", "--broker", "127.0.0.1:1"])
    assert "cannot reach the MQTT broker at 127.0.0.1:1" in capsys.readouterr().err
