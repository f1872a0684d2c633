"""Whatever order, copies, batches and merges: reading gives each id once. So does a crash at any step."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.history_settings import Place
from dataflows.history.files import list_files
from dataflows.history.reader import History
from tests.support.history_job import alert, rollup
from tests.support.stored_history import Crash, crash_at, event, maintain_all, merge_all, store

encode = msgspec.json.encode

NUMBERS = st.integers(0, 999)
FLUSHES = st.lists(st.tuples(st.lists(NUMBERS, max_size=12), st.booleans()), max_size=6)


def ids(directory: Place) -> Counter[str]:
    return Counter(History(directory).rows("events")["event_id"].to_pylist())


def expected(numbers: set[int]) -> Counter[str]:
    return Counter({f"V{number % 3}/{number * 350}": 1 for number in numbers})


@given(FLUSHES)
def test_every_event_that_was_written_is_read_once(flushes: list[tuple[list[int], bool]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for numbers, merges in flushes:
            store(directory, "events", [event(number) for number in numbers])
            if merges:
                merge_all(directory)
        everything = {number for numbers, _ in flushes for number in numbers}
        assert ids(directory) == expected(everything)
        merge_all(directory)
        assert ids(directory) == expected(everything)
        files = list_files(directory, "events")
        assert len(files) == len({file.day for file in files})


@pytest.mark.parametrize("after", [False, True], ids=["at", "after"])
def test_a_crash_while_a_file_is_written_loses_nothing_and_repeats_nothing(
    after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker delivers again what was not acknowledged: all that the crashed flush was to write."""
    with crash_at(0, monkeypatch, after=False) as made:
        store(tmp_path / "whole", "events", [event(1), event(500)])
    assert {"mkdir", "fsync", "rename"} == set(made)
    for call in range(1, len(made) + 1):
        directory = tmp_path / str(call)
        with pytest.raises(Crash), crash_at(call, monkeypatch, after=after):
            store(directory, "events", [event(1), event(500)])
        assert ids(directory) - expected({1, 500}) == Counter()
        store(directory, "events", [event(1), event(500)])
        assert ids(directory) == expected({1, 500}), f"crash at {made[call - 1]}, call {call}"


@pytest.mark.parametrize("after", [False, True], ids=["at", "after"])
def test_a_crash_while_files_are_merged_loses_nothing_and_repeats_nothing(
    after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = [[event(1), event(2)], [event(2), event(3)], [event(4), event(500)]]
    numbers = {1, 2, 3, 4, 500}
    store(tmp_path / "whole", "events", *flushes)
    with crash_at(0, monkeypatch, after=False) as made:
        merge_all(tmp_path / "whole")
    assert {"fsync", "rename", "unlink"} == set(made)
    for call in range(1, len(made) + 1):
        directory = tmp_path / str(call)
        store(directory, "events", *flushes)
        with pytest.raises(Crash), crash_at(call, monkeypatch, after=after):
            merge_all(directory)
        assert ids(directory) == expected(numbers), f"crash at {made[call - 1]}, call {call}"
        merge_all(directory)
        assert ids(directory) == expected(numbers)
        assert len(list_files(directory, "events")) == 2


def test_merged_files_are_sorted_by_vehicle_and_time(tmp_path: Path) -> None:
    store(tmp_path, "events", *([event(number)] for number in (9, 3, 4, 1, 6)))
    merge_all(tmp_path)
    [file] = list_files(tmp_path, "events")
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file.path).read(["vehicle_id", "ts"])
    rows = list(zip(table["vehicle_id"].to_pylist(), table["ts"].to_pylist(), strict=True))
    assert rows == sorted(rows)
    assert len({vehicle for vehicle, _ in rows}) == 2


@pytest.mark.parametrize("merges", [False, True])
def test_of_a_rollup_the_highest_revision_counts_in_whatever_order_they_come(
    merges: bool, place: Place
) -> None:
    store(
        place,
        "rollups",
        [encode(rollup("V1", 0, 2)), encode(rollup("V1", 0, 3)), encode(rollup("V1", 1, 1))],
        [encode(rollup("V1", 0, 1)), encode(rollup("V1", 1, 4))],
        topic="fleet/rollups/V1",
    )
    if merges:
        assert maintain_all(place)
    found = History(place).query("SELECT sum(anomalies) AS anomalies, count(*) AS n FROM rollups")
    assert found.to_pylist() == [{"anomalies": 7, "n": 2}]


def test_all_revisions_of_an_alert_are_kept_and_the_highest_is_the_latest(place: Place) -> None:
    revisions = [encode(alert("V1", revision)) for revision in (2, 1, 3)]
    store(place, "alerts", revisions, revisions[:2], topic="fleet/alerts/V1")
    history = History(place)
    assert sorted(history.rows("alerts")["revision"].to_pylist()) == [1, 2, 3]
    assert history.query("SELECT revision FROM latest_alerts")["revision"].to_pylist() == [3]
