"""Damaged files, merging while others read, retention, and deleting a vehicle."""

from __future__ import annotations

import os
import threading
import time
from datetime import date
from pathlib import Path

import msgspec
import pytest

from config.errors import HistoryError
from config.history_settings import HistorySettings
from config.settings import load
from dataflows.history import file_store, files
from dataflows.history.background import Maintenance
from dataflows.history.deletion import delete_vehicle
from dataflows.history.files import list_days, list_files
from dataflows.history.kinds import KINDS
from dataflows.history.lock import locked
from dataflows.history.maintenance import ABANDONED, maintain
from dataflows.history.reader import History
from dataflows.history.retention import KEPT_AT_LEAST, apply_retention
from dataflows.history.writer import KindWriter
from scripts.waiting import wait_until
from tests.support.history_job import alert, rollup
from tests.support.stored_history import ARRIVED, batch, damage, event, merge_all, store

encode = msgspec.json.encode


@pytest.fixture
def settings() -> HistorySettings:
    changes = {"merge_files": 2, "merge_after": 0.0, "maintain_every": 0.01}
    return load().history.model_copy(update=changes)


def events_of(directory: Path) -> list[str]:
    return sorted(History(directory).rows("events")["event_id"].to_pylist())


def test_half_of_a_file_is_left_out_by_readers_and_set_aside_by_the_recorder(
    tmp_path: Path, settings: HistorySettings, caplog: pytest.LogCaptureFixture
) -> None:
    store(tmp_path, "events", [event(1)], [event(2)], [event(3)])
    half = list_files(tmp_path, "events")[1].path
    half.write_bytes(half.read_bytes()[:-20])
    assert events_of(tmp_path) == ["V0/1050", "V1/350"]
    assert [record.getMessage() for record in caplog.records] == [f"history: {half} is damaged, and left out"]
    caplog.clear()
    maintain(tmp_path, settings)
    assert f"{half} is damaged, and set aside as {half.name}.damaged" in caplog.text
    assert half.with_name(f"{half.name}.damaged").exists()
    assert events_of(tmp_path) == ["V0/1050", "V1/350"]
    assert len(list_files(tmp_path, "events")) == 1


def test_a_file_with_changed_bytes_is_left_out_by_readers_and_set_aside_when_it_is_merged(
    tmp_path: Path, settings: HistorySettings
) -> None:
    store(tmp_path, "events", [event(1)], [event(2)], [event(3)])
    changed = list_files(tmp_path, "events")[1].path
    damage(changed)
    assert events_of(tmp_path) == ["V0/1050", "V1/350"]
    maintain(tmp_path, settings)
    assert changed.with_name(f"{changed.name}.damaged").exists()
    maintain(tmp_path, settings)
    assert events_of(tmp_path) == ["V0/1050", "V1/350"]
    assert len(list_files(tmp_path, "events")) == 1


def test_a_damaged_file_does_not_keep_the_recorder_from_starting(tmp_path: Path) -> None:
    writer = KindWriter(tmp_path, KINDS["telemetry"])
    writer.write(batch([b"1"]))
    writer.flush()
    damage(list_files(tmp_path, "telemetry")[0].path)
    writer = KindWriter(tmp_path, KINDS["telemetry"])
    writer.write(batch([b"1"], arrived=ARRIVED + 1))
    writer.flush()
    assert History(tmp_path).rows("telemetry")["payload"].to_pylist() == [b"1"]


def test_what_a_killed_process_left_unfinished_is_deleted_once_it_is_old(
    tmp_path: Path, settings: HistorySettings
) -> None:
    store(tmp_path, "events", [event(1)])
    [file] = list_files(tmp_path, "events")
    old, new = (file.path.with_name(f".0-{name}.parquet.tmp") for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"PAR1")
    before = time.time() - ABANDONED - 1
    os.utime(old, (before, before))
    maintain(tmp_path, settings)
    assert (old.exists(), new.exists()) == (False, True)
    assert events_of(tmp_path) == ["V1/350"]


def test_one_process_maintains_at_a_time(tmp_path: Path, settings: HistorySettings) -> None:
    store(tmp_path, "events", [event(1)], [event(2)])
    with locked(tmp_path, wait=False) as is_ours:
        assert is_ours
        assert not maintain(tmp_path, settings)
        assert len(list_files(tmp_path, "events")) == 2
    assert maintain(tmp_path, settings)
    assert len(list_files(tmp_path, "events")) == 1


def test_readers_see_every_row_once_while_files_are_written_and_merged(
    tmp_path: Path, settings: HistorySettings
) -> None:
    maintenance = Maintenance(tmp_path, settings)
    written: list[int] = []
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            store(tmp_path, "events", [event(number % 3), event(3 + number)])
            written.append(3 + number)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    maintenance.start()
    questions = 0
    while not done.is_set() or questions < 5:
        before = set(written)
        found = History(tmp_path).rows("events")["event_id"].to_pylist()
        assert len(found) == len(set(found))
        assert {f"V{number % 3}/{number * 350}" for number in before} <= set(found)
        questions += 1
    thread.join()
    wait_until(lambda: len(list_files(tmp_path, "events")) <= 2, "merged files")
    maintenance.stop()
    assert len(events_of(tmp_path)) == 63


def test_a_reader_whose_files_are_merged_before_it_opens_them_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, "events", [event(1)], [event(2)])
    listed = list_files
    merged: list[int] = []

    def list_then_merge(*arguments: object) -> object:
        found = listed(*arguments)  # type: ignore[arg-type]
        if not merged:
            merged.append(merge_all(tmp_path))
        return found

    monkeypatch.setattr(file_store, "list_files", list_then_merge)
    assert events_of(tmp_path) == ["V1/350", "V2/700"]
    assert merged == [2]


def test_a_directory_whose_files_are_merged_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may report neither the merged file, which is new, nor the others, which are gone."""
    store(tmp_path, "events", [event(1)], [event(2)])
    read = files._entries
    merged: list[int] = []

    def entries(directory: Path) -> list[Path]:
        before = read(directory)
        if directory.name.startswith("day=") and not merged:
            merged.append(0)
            merged.append(merge_all(tmp_path))
            return [path for path in before if path.exists()]
        return before

    monkeypatch.setattr(files, "_entries", entries)
    assert events_of(tmp_path) == ["V1/350", "V2/700"]
    assert merged == [0, 2]


def make_old(directory: Path) -> None:
    before = time.time() - KEPT_AT_LEAST - 60
    for path in directory.rglob("*.parquet"):
        os.utime(path, (before, before))


def days(directory: Path) -> dict[str, list[int]]:
    """Kind → days of January that it has."""
    found = {kind: [day.day for day, _ in list_days(directory, kind)] for kind in KINDS}
    return {kind: of_kind for kind, of_kind in found.items() if of_kind}


def test_days_that_are_too_old_are_deleted_with_a_line_and_others_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store(tmp_path, "events", [event(number) for number in range(0, 1000, 50)])
    store(tmp_path, "rollups", [encode(rollup("V1", 0))], topic="fleet/rollups/V1")
    assert days(tmp_path) == {"events": [1, 2, 3, 4, 5], "rollups": [1]}
    today = date(2026, 1, 13)
    assert apply_retention(tmp_path, {"events": 10}, None, today) == []  # written only now
    make_old(tmp_path)
    apply_retention(tmp_path, {"events": 10}, None, today)
    assert days(tmp_path) == {"events": [3, 4, 5], "rollups": [1]}
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("deleted from the history: events of 2 days, 2026-01-01 to 2026-01-02, ")


def test_if_all_is_too_much_the_oldest_days_of_what_is_largest_are_deleted_but_not_today(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store(tmp_path, "events", [event(number) for number in range(0, 1000, 50)])
    store(
        tmp_path, "rollups", [encode(rollup("V1", 1440 * day)) for day in range(3)], topic="fleet/rollups/V1"
    )
    sizes = {
        day: sum(path.stat().st_size for path in place.iterdir())
        for day, place in list_days(tmp_path, "events")
    }
    total = sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))
    oldest = sizes[date(2026, 1, 1)]
    apply_retention(tmp_path, {}, total, date(2026, 1, 5))
    assert days(tmp_path) == {"events": [1, 2, 3, 4, 5], "rollups": [1, 2, 3]}
    apply_retention(tmp_path, {}, total - oldest - 1, date(2026, 1, 5))
    assert days(tmp_path) == {"events": [3, 4, 5], "rollups": [1, 2, 3]}
    apply_retention(tmp_path, {}, 1, date(2026, 1, 5))
    assert days(tmp_path) == {"events": [5]}
    assert "today is not deleted" in caplog.text


def test_all_rows_about_a_vehicle_are_deleted_and_no_others(tmp_path: Path) -> None:
    store(tmp_path, "events", [event(number) for number in range(9)], [event(1)])
    merge_all(tmp_path)
    store(tmp_path, "events", [event(700)])  # only V1: the file goes
    store(tmp_path, "alerts", [encode(alert("V1")), encode(alert("V10"))], topic="fleet/alerts/x")
    telemetry = {
        "fleet/telemetry/V1": b"{}",
        "fleet/telemetry/all": b'{"a": {"id": "V1"}, "b": {"id": "V2"}}',
        "fleet/telemetry/V10": b'{"id": "V10", "other": "xV1", "more": "V1-2"}',
    }
    writer = KindWriter(tmp_path, KINDS["telemetry"])
    for topic, content in telemetry.items():
        writer.write(batch([content], topic))
    writer.flush()
    deleted = delete_vehicle(tmp_path, "V1")
    assert deleted.rows == {"events": 4, "alerts": 1, "telemetry": 2}
    assert deleted.unread == []
    assert events_of(tmp_path) == sorted(f"V{number % 3}/{number * 350}" for number in (0, 2, 3, 5, 6, 8))
    history = History(tmp_path)
    assert history.rows("alerts")["vehicle_id"].to_pylist() == ["V10"]
    assert history.rows("telemetry")["topic"].to_pylist() == ["fleet/telemetry/V10"]
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"V1/" in path.read_bytes() for path in paths)


def test_deleting_names_the_files_that_it_could_not_read(tmp_path: Path) -> None:
    store(tmp_path, "events", [event(1)], [event(2)])
    [first, second] = list_files(tmp_path, "events")
    damage(first.path)
    deleted = delete_vehicle(tmp_path, "V2")
    assert deleted.unread == [first.path]
    assert deleted.rows == {"events": 1}
    assert not second.path.exists()


def test_a_directory_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("a file")
    with pytest.raises(HistoryError, match=r"the history cannot be written: .*check the disk's free space"):
        store(tmp_path / "history", "events", [event(1)])
