"""Labelled streams made from recorded trips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import labelled_trips
from benchmarks.injection import inject
from benchmarks.streams import manifest, read
from benchmarks.trips import SECOND, Trip, per_second
from config.settings import load

HEADER = "seconds_on,speed,rpm,load"
ROWS = 1600


def random_walks(rows: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    speed = np.abs(np.cumsum(random.normal(size=rows)))
    noise = random.normal(size=(2, rows))
    return np.stack((np.arange(rows), speed, 40 * speed + noise[0], 3 * speed + noise[1]), axis=1).round(3)


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    directory = tmp_path / "trips"
    directory.mkdir()
    for number in range(2):
        lines = [",".join(map(str, row)) for row in random_walks(ROWS, number).tolist()]
        (directory / f"car-{number}.csv").write_text("\n".join([HEADER, *lines]))
    return directory


def run(trips: Path, out: Path, *more: str) -> None:
    labelled_trips.main(["--trips", str(trips), "--out", str(out), "--rows", "3000", *more])


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 500))
def test_a_fault_of_several_signals_is_of_one_kind_in_the_same_rows(seed: int) -> None:
    values = random_walks(3000)
    changed, faults = inject(values, 300, np.random.default_rng(seed), at_once=2)
    untouched = np.ones_like(values, bool)
    for fault in faults:
        together = [other for other in faults if other.start == fault.start]
        assert len({other.signal for other in together}) == len(together) <= 2
        assert len({(other.kind, other.stop) for other in together}) == 1
        untouched[fault.start : fault.stop, fault.signal] = False
    np.testing.assert_array_equal(changed[untouched], values[untouched])


def test_faults_are_in_one_signal_or_in_several() -> None:
    random = np.random.default_rng(0)
    sizes = [
        sum(other.start == fault.start for other in faults)
        for faults in (inject(random_walks(3000), 300, random, at_once=2)[1] for _ in range(20))
        for fault in faults
    ]
    assert set(sizes) == {1, 2}


def test_the_quality_benchmark_can_read_the_streams(trips: Path, tmp_path: Path) -> None:
    run(trips, tmp_path / "out", "--streams", "2")
    listed = json.loads((tmp_path / "out" / "manifest.json").read_text())["streams"]
    streams = [read(tmp_path / "out", entry) for entry in manifest(tmp_path / "out")]
    assert len(streams) == len(listed) == 2
    for stream, line in zip(streams, listed, strict=True):
        assert stream.values.shape == (line["rows"], line["signals"]) == (3000, 3)
        assert stream.label.sum() == line["anomalous"] > 0
        assert not stream.label[: line["eval_from"]].any()
        labelled = np.zeros(3000, bool)
        for fault in line["faults"]:
            labelled[fault["start"] : fault["stop"]] = True
        np.testing.assert_array_equal(stream.label, labelled)


def test_rows_without_a_label_are_those_of_the_trips(trips: Path, tmp_path: Path) -> None:
    run(trips, tmp_path / "out", "--streams", "1")
    recorded = {tuple(row) for seed in range(2) for row in random_walks(ROWS, seed)[:, 1:].tolist()}
    table = pd.read_csv(tmp_path / "out" / "car-0.csv.gz")
    normal = table[table.pop("label") == 0]
    assert all(tuple(row) in recorded for row in normal.to_numpy().tolist())


def test_a_counter_is_left_out(trips: Path, tmp_path: Path) -> None:
    run(trips, tmp_path / "out", "--streams", "1")
    columns = pd.read_csv(tmp_path / "out" / "car-0.csv.gz", nrows=1).columns
    assert list(columns) == ["speed", "rpm", "load", "label"]


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(trips: Path, tmp_path: Path) -> None:
    for out, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run(trips, tmp_path / out, "--streams", "2", "--seed", seed)
    first, second, third = (contents(tmp_path / out) for out in "abc")
    assert first == second
    assert first["car-0.csv.gz"][4:8] == bytes(4), "gzip stores the time of writing there"
    assert first.keys() == third.keys()
    assert all(first[name] != third[name] for name in first)


def test_existing_streams_are_not_overwritten(
    trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(trips, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(SystemExit) as left:
        run(trips, tmp_path / "out", "--seed", "2")
    assert left.value.code == 1
    assert "expected a directory without streams" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--streams", "0"), "expected --streams ≥ 1"),
        (("--rows", "10"), "--rows ≥ 1000"),
        (("--seed", "-1"), "--seed ≥ 0"),
    ],
)
def test_a_number_out_of_range_ends_in_one_line(
    trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], message: str
) -> None:
    with pytest.raises(SystemExit):
        run(trips, tmp_path / "out", *arguments)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_trips_of_one_dataset_with_other_signals_end_in_one_line(
    trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trips / "car-2.csv").write_text("speed\n1\n2\n")
    with pytest.raises(SystemExit):
        run(trips, tmp_path / "out")
    assert "car-2.csv: expected the same signals as in car-0.csv" in capsys.readouterr().err.replace(
        "\n", " "
    )


def test_trips_that_are_too_short_end_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "car-0.csv").write_text("speed\n1\n2\n1\n")
    with pytest.raises(SystemExit):
        run(tmp_path, tmp_path / "out")
    assert "expected 1000 seconds of car" in capsys.readouterr().err


def test_signals_sent_one_at_a_time_are_held_to_the_end_of_each_second() -> None:
    nothing = np.nan
    values = np.array([[1, nothing], [nothing, 10], [2, nothing], [nothing, 20], [3, nothing]], float)
    times = np.array([0.0, 1.2, 1.4, 3.5, 3.9]) * SECOND
    dense = per_second(Trip("car-0.csv", load(), times.astype(np.int64), values))
    np.testing.assert_array_equal(dense, [[2, 10], [2, 10], [3, 20]])
