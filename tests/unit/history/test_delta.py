"""A history of Delta tables promises what one of files does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import HistoryError, SettingsError
from config.settings import load
from dataflows.history import __main__ as command
from dataflows.history.kinds import KINDS
from dataflows.history.reader import VIEWS, History
from dataflows.history.store import open_store
from dataflows.history.writer import KindWriter
from tests.support.enriched_events import START, enriched
from tests.support.history_job import alert
from tests.support.needs import need_package
from tests.support.paths import REPOSITORY
from tests.support.stored_history import batch, event, maintain_all, store

need_package("deltalake")

from deltalake import DeltaTable  # noqa: E402
from deltalake.exceptions import CommitFailedError  # noqa: E402

from dataflows.history.delta_maintenance import files_of, sort_day  # noqa: E402

NUMBERS = st.sampled_from(range(0, 1000, 90))
"""Few, so that most come again."""

FLUSHES = st.lists(st.tuples(st.lists(NUMBERS, max_size=12), st.booleans()), max_size=5)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/it's a%20lake"


def ids(url: str) -> Counter[str]:
    return Counter(History(url).rows("events")["event_id"].to_pylist())


def expected(numbers: set[int]) -> Counter[str]:
    return Counter({f"V{number % 3}/{number * 350}": 1 for number in numbers})


def table(url: str, kind: str = "events") -> DeltaTable:
    return DeltaTable(f"{url}/{kind}")


def files(url: str) -> list[Path]:
    """All files with rows, whether the newest version of a table names them or not."""
    return sorted(Path(unquote(url.removeprefix("file://"))).glob("*/day=*/*.parquet"))


@settings(max_examples=15)
@given(FLUSHES)
def test_every_event_that_was_written_is_read_once(flushes: list[tuple[list[int], bool]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        url = f"file://{directory}"
        for numbers, merges in flushes:
            store(url, "events", [event(number) for number in numbers])
            if merges:
                assert maintain_all(url)
        everything = {number for numbers, _ in flushes for number in numbers}
        assert ids(url) == expected(everything)
        assert maintain_all(url)
        assert ids(url) == expected(everything)
        if everything:
            assert all(len(of_day) == 1 for of_day in files_of(table(url)).values())


def test_a_merged_day_is_sorted_and_has_no_copies_for_other_readers_either(url: str) -> None:
    store(url, "events", *([event(number), event(1)] for number in (9, 3, 4, 1, 6)))
    assert table(url).to_pyarrow_dataset().count_rows() == 9
    maintain_all(url)
    rows = table(url).to_pyarrow_table(columns=["vehicle_id", "ts"]).to_pylist()
    assert len(rows) == 5
    assert rows == sorted(rows, key=lambda row: (row["vehicle_id"], row["ts"]))


def test_what_is_merged_once_is_left_alone(url: str) -> None:
    store(url, "events", [event(1)], [event(2)])
    maintain_all(url)
    merged = files_of(table(url))
    maintain_all(url)
    assert files_of(table(url)) == merged


def test_rows_that_are_appended_while_a_day_is_merged_stay(url: str) -> None:
    store(url, "events", [event(1)], [event(2)])
    earlier = table(url)
    [day] = files_of(earlier)
    store(url, "events", [event(3)])
    with pytest.raises(CommitFailedError):
        sort_day(url, KINDS["events"], earlier, day)
    assert ids(url) == expected({1, 2, 3})
    maintain_all(url)
    assert ids(url) == expected({1, 2, 3})


def test_a_question_whose_files_were_merged_and_deleted_meanwhile_is_asked_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(url, "events", [event(1)], [event(2)])
    history = History(url)
    looked = history._store.look
    merged: list[int] = []

    def look_then_merge(*arguments: object) -> object:
        found = looked(*arguments)  # type: ignore[arg-type]
        if not merged:
            maintain_all(url)
            table(url).vacuum(0, dry_run=False, enforce_retention_duration=False)
            merged.append(len(files(url)))
        return found

    monkeypatch.setattr(history._store, "look", look_then_merge)
    assert sorted(history.rows("events")["event_id"].to_pylist()) == ["V1/350", "V2/700"]
    assert merged == [1]


def test_several_writers_append_at_once_and_each_brings_signals_of_its_own(url: str) -> None:
    start = threading.Barrier(4)
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        start.wait()
        try:
            for number in range(5):
                one = enriched(f"V{writer}", number, values={f"signal_{writer}_{number // 2}": 1.0})
                store(url, "events", [msgspec.json.encode(one)])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    rows = History(url).rows("events")
    assert sorted(rows["event_id"].to_pylist()) == [f"V{w}/{n}" for w in range(4) for n in range(5)]
    assert {f"signal_{writer}_{number}" for writer in range(4) for number in range(3)} <= {*rows.column_names}


def test_signals_that_differ_in_capitals_only_share_a_column_as_they_do_in_sql(url: str) -> None:
    for number, signal in enumerate(("speed", "Speed", "a.b, {c}=`d'\"")):
        one = enriched("V1", number, values={signal: float(number)}, expected={}, band={}, contributions={})
        store(url, "events", [msgspec.json.encode(one)])
    rows = History(url).rows("events")
    assert rows["speed"].to_pylist() == [0.0, 1.0, None]
    assert rows["a.b, {c}=`d'\""].to_pylist() == [None, None, 2.0]


def test_a_question_about_a_day_opens_only_the_files_of_that_day(url: str) -> None:
    store(url, "events", [event(number) for number in range(0, 1000, 50)])
    for path in files(url):
        if "day=2026-01-03" not in str(path):
            path.write_bytes(b"not Parquet")
    history = History(url)
    numbers = [number for number in range(0, 1000, 50) if (number * 350 + 43_200) // 86_400 == 2]
    found = history.query("SELECT event_id FROM events WHERE day = '2026-01-03'")["event_id"].to_pylist()
    assert sorted(found) == sorted(expected(set(numbers)))
    midnight = START.replace(hour=0)
    rows = history.events(None, midnight + timedelta(days=2), midnight + timedelta(days=3))
    assert sorted(rows["event_id"].to_pylist()) == sorted(found)
    with pytest.raises(HistoryError) as raised:
        history.query("SELECT sum(speed) FROM events")
    assert "\n" not in str(raised.value)


def test_days_that_are_too_old_or_too_much_are_deleted(url: str) -> None:
    store(url, "events", [event(number) for number in range(0, 1000, 50)])
    history = load().history
    opened = open_store(url)
    opened.maintain(history.model_copy(update={"keep_days": {"events": 10}}), lambda: False)
    assert len(files_of(table(url))) == 5  # written only now
    opened.maintain(history.model_copy(update={"keep_days": {}, "max_mib": 1}), lambda: False)
    assert len(files_of(table(url))) == 5


def test_old_days_are_deleted_once_they_were_kept_for_a_day(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(url, "events", [event(number) for number in range(0, 1000, 50)])
    monkeypatch.setattr("dataflows.history.retention.KEPT_AT_LEAST", -60.0)
    monkeypatch.setattr("dataflows.history.delta_maintenance.MIB", 1)
    history = load().history
    opened = open_store(url)
    sizes = [sum(file.size for file in of_day) for of_day in files_of(table(url)).values()]
    changes = {"keep_days": {}, "max_mib": sum(sizes) - 1, "merge_after": 3600.0}
    opened.maintain(history.model_copy(update=changes), lambda: False)
    assert [day.day for day in files_of(table(url))] == [2, 3, 4, 5]
    opened.maintain(history.model_copy(update={"keep_days": {"events": 10}, "max_mib": None}), lambda: False)
    assert files_of(table(url)) == {}
    assert ids(url) == Counter()


def test_all_rows_about_a_vehicle_are_deleted_and_no_others(url: str) -> None:
    vehicle = "it's/V1"
    encode = msgspec.json.encode
    vehicles = (vehicle, "V10", vehicle + "0")
    store(url, "events", *([encode(enriched(one, number)) for one in vehicles] for number in range(2)))
    store(url, "alerts", [encode(alert(one)) for one in vehicles], topic="fleet/alerts/x")
    action = {"action": "comment", "by": "Kim", "alert_id": f"{vehicle}/limit/speed/e", "text": "x"}
    store(url, "actions", [encode(action)])
    writer = KindWriter(url, KINDS["telemetry"])
    writer.write(batch([encode({"id": vehicle}), b'{"id": "V2"}'], "fleet/telemetry/all"))
    writer.write(batch([encode({"id": vehicle}) + b" "], "fleet/telemetry/all", 0))
    writer.flush()
    deleted = open_store(url).delete_vehicle(vehicle)
    assert deleted.rows == {"events": 2, "alerts": 1, "actions": 1, "telemetry": 2}
    assert ids(url) == Counter([f"{one}/{number}" for one in vehicles[1:] for number in range(2)])
    history = History(url)
    assert sorted(history.rows("alerts")["vehicle_id"].to_pylist()) == sorted(vehicles[1:])
    assert history.rows("telemetry")["payload"].to_pylist() == [b'{"id": "V2"}']
    # Nor is it in a file that was replaced.
    assert not any(b"it's/V1/" in path.read_bytes() for path in files(url))
    assert open_store(url).delete_vehicle(vehicle).rows == {}


def test_a_url_without_history_has_all_views_and_stays_untouched(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/nothing"
    history = History(url)
    for view in VIEWS:
        assert len(history.query(f"SELECT * FROM {view}")) == 0
    assert not open_store(url).exists()
    assert maintain_all(url)
    assert list(tmp_path.iterdir()) == []


def test_the_commands_take_the_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(url, "events", [event(number) for number in range(6)])
    command.main(["--directory", url, "--csv", "SELECT count(*) AS n FROM events"])
    assert capsys.readouterr().out.split() == ["n", "6"]
    command.main(["--directory", url, "--tables", "--csv"])
    assert "events,speed_expected,DOUBLE" in capsys.readouterr().out
    command.main(["--directory", url, "--delete-vehicle", "V1", "--yes"])
    assert "2 of events" in capsys.readouterr().out
    secret = url.removeprefix("file:/").rpartition("/")[0]
    for sql in (
        f"SELECT * FROM read_text('{secret}/x')",
        f"COPY (SELECT 1) TO '{secret}/x'",
        "SELECT 1; SELECT 2",
    ):
        with pytest.raises(SystemExit):
            command.main(["--directory", url, sql.replace("it's", "it''s")])
        assert capsys.readouterr().err.count("\n") == 1


def test_a_storage_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match=r"^the history cannot be (written|read): file://") as raised:
        store(f"file://{tmp_path}/file/lake", "events", [event(1)])
    assert "\n" not in str(raised.value)


def test_a_damaged_table_is_an_error_of_one_line(url: str) -> None:
    store(url, "events", [event(1)])
    path = files(url)[0]
    shutil.rmtree(path.parent)
    with pytest.raises(HistoryError) as raised:
        ids(url)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "wrong", ["s3://key:hidden@bucket/x", "s3://bucket/x?sig=hidden", "ftp://hidden/x", "s3://"]
)
def test_a_wrong_url_is_refused_and_never_repeated(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", wrong)
    with pytest.raises(SettingsError, match=r"history\.directory: expected") as raised:
        load()
    assert "hidden" not in str(raised.value)
    with pytest.raises(SystemExit):
        command.main(["--directory", wrong, "SELECT 1"])
    assert "hidden" not in capsys.readouterr().err


def test_without_the_package_a_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['deltalake'] = None\n"
        "from dataflows.history.__main__ import main\n"
        "main(['--directory', 's3://bucket/x', 'SELECT 1'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("history: history.directory is a URL: expected the package deltalake")
    assert "pip install 'fleet-telemetry[lake]'" in done.stderr


def test_a_directory_needs_no_package() -> None:
    program = (
        "import sys, dataflows.record, dataflows.report.__main__, dataflows.history.__main__\n"
        "print('deltalake' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False"]
