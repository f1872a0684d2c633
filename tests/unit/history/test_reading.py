"""Questions by SQL and by vehicle and time, and the command that asks them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from config.errors import HistoryError
from dataflows.history import database, file_store
from dataflows.history.__main__ import main
from dataflows.history.reader import VIEWS, History
from tests.support.enriched_events import START
from tests.support.history_job import alert, rollup
from tests.support.stored_history import event, store

encode = msgspec.json.encode


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "it's a history"
    store(directory, "events", [event(number) for number in range(0, 1000, 50)], [event(0)])
    store(
        directory, "rollups", [encode(rollup("V1", minute)) for minute in range(3)], topic="fleet/rollups/V1"
    )
    store(directory, "alerts", [encode(alert("V1", number)) for number in (1, 2)], topic="fleet/alerts/V1")
    return directory


def test_an_empty_history_has_all_views_with_their_columns(tmp_path: Path) -> None:
    history = History(tmp_path / "nowhere")
    for view in VIEWS:
        assert len(history.query(f"SELECT * FROM {view}")) == 0
    assert history.query("SELECT sum(distance_km) AS km FROM rollups").to_pylist() == [{"km": None}]


def test_rows_are_chosen_by_vehicle_and_time_and_only_their_days_are_opened(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    original = database.all_rows

    def note(kind: object, files: list[object]) -> str:
        opened.extend(files)
        return original(kind, files)  # type: ignore[arg-type]

    monkeypatch.setattr(file_store, "all_rows", note)
    start, end = START + timedelta(days=1), START + timedelta(days=2)
    zone = datetime.now().astimezone().tzinfo
    history = History(directory)
    found = history.events("V1", start.astimezone(zone), end)
    numbers = [
        number for number in range(0, 1000, 50) if number % 3 == 1 and 86_400 <= number * 350 < 172_800
    ]
    assert found["event_id"].to_pylist() == [f"V1/{number * 350}" for number in numbers]
    assert {file.day.day for file in opened} == {2, 3}  # type: ignore[attr-defined]
    assert history.events(None, start, end, columns=("speed",)).column_names == ["speed"]
    assert history.rollups("V1", START, START + timedelta(minutes=2))["revision"].to_pylist() == [1, 1]
    assert history.alerts("V1", START, end)["revision"].to_pylist() == [2]
    assert history.alert_revisions("V1", START, end)["revision"].to_pylist() == [1, 2]
    assert len(history.alerts("V2", START, end)) == len(history.commands("V1", START, end)) == 0
    assert len(history.answers(None, START, end)) == 0


def test_an_alert_that_opened_again_after_midnight_is_as_it_is_now_on_both_days(directory: Path) -> None:
    again = START + timedelta(days=1)
    first = alert("V3", 1, state="cleared", cleared_at=START)
    store(directory, "alerts", [encode(first)], topic="fleet/alerts/V3")
    store(directory, "alerts", [encode(alert("V3", 2, opened_at=again))], topic="fleet/alerts/V3")
    history = History(directory)
    for start in (START, again):
        found = history.alerts("V3", start, start + timedelta(hours=1))
        assert found["revision"].to_pylist() == [2]
        assert found["state"].to_pylist() == ["open"]
    assert len(history.alerts("V3", again + timedelta(hours=1), again + timedelta(hours=2))) == 0


def test_times_are_in_utc(directory: Path) -> None:
    [row] = (
        History(directory).query("SELECT ts, ts::VARCHAR AS text FROM events ORDER BY ts LIMIT 1").to_pylist()
    )
    assert row["ts"] == START.astimezone(UTC)
    assert row["text"] == "2026-01-01 12:00:00+00"


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{directory}/x.csv'",
        "WITH x AS (COPY (SELECT 1) TO '{directory}/x.csv') SELECT * FROM x",
        "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{directory}/x.csv') SELECT * FROM x)",
        "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{directory}/x.csv'') SELECT * FROM x')",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{directory}/x.csv'",
        "SELECT 1; COPY (SELECT 1) TO '{directory}/x.csv'",
        "ATTACH '{directory}/x.db'",
        "SET enable_external_access = true",
        "CREATE TABLE t AS SELECT 1",
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM read_csv('{directory}/../secret')",
        "SELECT * FROM '{outside}'",
        "INSTALL httpfs",
        "SELEC 1",
        "SELECT nothing FROM events",
        "",
    ],
)
def test_what_is_no_question_to_the_history_is_an_error_of_one_line_and_changes_nothing(
    sql: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = directory.parent / "secret"
    outside.write_text("secret")
    before = sorted(directory.parent.rglob("*"))
    quoted = {"directory": str(directory).replace("'", "''"), "outside": outside}
    with pytest.raises(SystemExit) as stopped:
        main(["--directory", str(directory), sql.format(**quoted)])
    assert stopped.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("history: ")
    assert printed.err.count("\n") == 1
    assert sorted(directory.parent.rglob("*")) == before


def ask(capsys: pytest.CaptureFixture[str], directory: Path, *arguments: str) -> str:
    main(["--directory", str(directory), *arguments])
    return capsys.readouterr().out


def test_the_command_prints_a_table_csv_or_json(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT vehicle_id, count(*) AS n, min(ts) AS first FROM events GROUP BY ALL ORDER BY ALL"
    head, _, *rows = ask(capsys, directory, sql).splitlines()
    assert head.split() == ["vehicle_id", "n", "first"]
    assert rows[0].split() == ["V0", "7", "2026-01-01T12:00:00+00:00"]
    table = list(csv.reader(io.StringIO(ask(capsys, directory, "--csv", sql))))
    assert table[0] == ["vehicle_id", "n", "first"]
    assert [row[:2] for row in table[1:]] == [["V0", "7"], ["V1", "6"], ["V2", "7"]]
    lines = [json.loads(line) for line in ask(capsys, directory, "--json", sql).splitlines()]
    assert lines[0] == {"vehicle_id": "V0", "n": 7, "first": "2026-01-01T12:00:00+00:00"}


def test_columns_of_one_name_and_no_rows_are_printed_too(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, directory, "--csv", "SELECT 1 AS a, 2 AS a").splitlines() == ["a,a", "1,2"]
    assert ask(capsys, directory, "SELECT vehicle_id FROM late").splitlines()[0] == "vehicle_id"


def test_the_views_and_their_columns_are_listed(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = csv.reader(io.StringIO(ask(capsys, directory, "--tables", "--csv")))
    columns = {(view, column) for view, column, _ in table}
    assert {view for view, _ in columns} == {*VIEWS, "view"}
    assert {("events", "speed_expected"), ("rollups", "speed_mean"), ("alerts", "day")} <= columns


def test_a_vehicle_is_deleted_only_if_somebody_agrees(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    with pytest.raises(SystemExit):
        main(["--directory", str(directory), "--delete-vehicle", "V1"])
    history = History(directory)
    assert len(history.rows("events", "V1")) == 6
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    out = ask(capsys, directory, "--delete-vehicle", "V1")
    assert "6 of events, 2 of alerts, 3 of rollups" in out
    assert len(history.rows("events", "V1")) == 0
    assert ask(capsys, directory, "--delete-vehicle", "V2", "--yes").startswith("rows about 'V2'")


def test_a_directory_without_history_is_an_error_of_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--directory", str(tmp_path / "nowhere"), "SELECT 1"])
    assert capsys.readouterr().err.startswith(f"history: expected a history in {tmp_path / 'nowhere'}")


def test_a_history_error_is_what_a_caller_gets(directory: Path) -> None:
    with pytest.raises(HistoryError, match="nothing"):
        History(directory).query("SELECT nothing FROM events")
