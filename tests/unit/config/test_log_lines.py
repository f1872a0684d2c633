"""Lines of the log: JSON that a collector can read, text that cannot be forged."""

from __future__ import annotations

import json
import logging
import math
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.log_lines import JsonLines, TextLines
from config.settings import logging_in_force

MOMENT = datetime(2026, 11, 30, 4, 14, 33, 120_000, UTC)


def record(message: str, *arguments: object, **fields: object) -> logging.LogRecord:
    made = logging.getLogger("dataflows.x").makeRecord(
        "dataflows.x", logging.WARNING, "x.py", 1, message, arguments, None, extra=fields
    )
    made.created = MOMENT.timestamp()
    return made


def test_a_record_is_one_json_object_with_its_fields() -> None:
    line = JsonLines("fleet").format(record("lost %s", "a\nb", topic="t/ü", partition=3))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-30T04:14:33.120Z",
        "level": "warning",
        "program": "fleet",
        "logger": "dataflows.x",
        "message": "lost a\nb",
        "topic": "t/ü",
        "partition": 3,
    }


def test_a_line_is_json_whatever_the_fields_are() -> None:
    line = JsonLines("fleet").format(
        record(
            "m",
            share=math.nan,
            shares={"of": [1.5, -math.inf]},
            path=Path("/x"),
            name_="\ud800",
            level="forged",
            time="forged",
        )
    )
    found = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (found["share"], found["path"]) == (None, "/x")
    assert found["shares"] == {"of": [1.5, None]}
    assert (found["level"], found["time"]) == ("warning", "2026-11-30T04:14:33.120Z")


def test_an_exception_is_a_field() -> None:
    failed = record("it failed")
    try:
        raise ValueError("why")
    except ValueError:
        failed.exc_info = sys.exc_info()
    (line,) = JsonLines("page").format(failed).splitlines()
    assert json.loads(line)["exception"].endswith("ValueError: why")


def test_a_line_of_text_has_a_time_in_utc_and_cannot_be_forged_by_a_name() -> None:
    form = TextLines("%(asctime)s %(levelname)s %(message)s")
    assert form.format(record("of %s", "V1\n2026 ERROR\x1b[2J\u2028")) == (
        r"2026-11-30T04:14:33.120Z WARNING of V1\n2026 ERROR\x1b[2J\u2028"
    )


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("auto", "info")),
        ({"LOGGING__FORMAT": "json", "LOGGING__LEVEL": "debug"}, ("json", "debug")),
        ({"LOGGING__FORMAT": "json", "MQTT__PORT": "x", "NOWHERE__KEY": "1"}, ("json", "info")),
        ({"LOGGING__FORMAT": "xml"}, ("auto", "info")),
        ({"LOGGING__FORMAT": "json", "CONFIG": "nowhere.toml"}, ("json", "info")),
        ({"LOGGING__FORMAT": "json", "MQTT": "{"}, ("json", "info")),
    ],
)
def test_how_to_log_is_known_whatever_is_wrong_elsewhere(
    variables: dict[str, str], expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLEET__LOGGING__FORMAT")
    for name, value in variables.items():
        monkeypatch.setenv("FLEET_CONFIG" if name == "CONFIG" else f"FLEET__{name}", value)
    settings = logging_in_force()
    assert (settings.format, settings.level) == expected


def test_a_file_of_ones_own_says_how_to_log_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEET__LOGGING__FORMAT")
    file = tmp_path / "mine.toml"
    file.write_text('[logging]\nlevel = "error"\n[mqtt]\nnonsense = 1\n', encoding="utf-8")
    monkeypatch.setenv("FLEET_CONFIG", str(file))
    assert logging_in_force().level == "error"
