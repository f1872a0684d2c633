"""Drift of a shard's error."""

from __future__ import annotations

import logging
import pickle
import pickletools
from collections.abc import Iterator

import numpy as np
import pytest

from dataflows.detector import Detector, Parameters, Scores, Status
from dataflows.detector.block import LearnedBlock
from dataflows.score import drift
from dataflows.score.drift import REMEMBERED, RIVER_VERSION, DriftWatch

BLOCK = 50
SECOND = 1_000_000
SIGNALS = ("a", "b", "c")
PARAMETERS = Parameters(learn_every=20)


@pytest.fixture(autouse=True)
def log_again() -> Iterator[None]:
    """A restart is logged once per process: let every test see it."""
    drift._report_restart.cache_clear()
    yield
    drift._report_restart.cache_clear()


def blocks_of(count: int, usual: float, *, seed: int = 0, first: int = 0) -> list[LearnedBlock]:
    """Blocks of one event a second whose errors scatter around `usual`."""
    errors = usual * np.random.default_rng(seed).lognormal(0.0, 0.4, (count, BLOCK))
    last = (first + np.arange(1, count + 1)) * BLOCK * SECOND
    return [LearnedBlock(*block) for block in zip(last.tolist(), np.log(errors).mean(axis=1), strict=True)]


def shifted(count: int, usual: float) -> list[LearnedBlock]:
    """As many blocks of the usual error 1, then of `usual`."""
    return blocks_of(count, 1.0) + blocks_of(count, usual, seed=1, first=count)


def watched(blocks: list[LearnedBlock]) -> DriftWatch:
    watch = DriftWatch()
    watch.watch(blocks)
    return watch


def test_a_shift_of_the_usual_error_is_reported_once_and_soon(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        watch = watched(shifted(100, 3.0))
    assert len(watch.drifts) == 1
    shift = 100 * BLOCK * SECOND
    assert shift < watch.drifts[0] < shift + 30 * BLOCK * SECOND
    assert "the usual error went from" in caplog.text


def test_a_stationary_stream_hardly_ever_drifts() -> None:
    assert sum(len(watched(blocks_of(400, 1.0, seed=seed)).drifts) for seed in range(10)) <= 1


# What the detector reports about its blocks


def disordered_stream(seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Five vehicles whose signals become less correlated after 700 s.

    Some events are late, out of order, duplicates or partial.
    """
    random = np.random.default_rng(seed)
    vehicles, times, values = [], [], []
    for second in range(1500):
        for vehicle in range(5):
            base, noise = random.normal(), 0.1 if second < 700 else 1.5
            row = np.array([base, base + noise * random.normal(), -base + noise * random.normal()])
            if random.random() < 0.05:
                row[random.integers(3)] = np.nan
            chance = random.random()
            behind = 400.0 if chance < 0.02 else 2.5 if chance < 0.05 else 1.0 if chance < 0.08 else 0.0
            vehicles.append(f"v{vehicle}")
            times.append(int((second - behind) * SECOND))
            values.append(row)
    return vehicles, np.array(times, np.int64), np.array(values)


def learned(
    stream: tuple[list[str], np.ndarray, np.ndarray], cuts: list[int]
) -> tuple[list[LearnedBlock], Scores]:
    """The blocks that a detector learns of a stream cut into batches, and the scores of the last batch."""
    vehicles, times, values = stream
    detector, blocks = Detector(PARAMETERS, SIGNALS), list[LearnedBlock]()
    for start, stop in zip([0, *cuts], [*cuts, len(vehicles)], strict=True):
        # Events of one time are the same event: so it was when the reports were recorded.
        same = np.zeros(stop - start, np.int64)
        scores = detector.process(vehicles[start:stop], times[start:stop], values[start:stop], same)
        blocks += detector.learned
    return blocks, scores


@pytest.mark.parametrize(
    ("seed", "reports"),
    [(0, [764, 1468]), (1, [747, 1264]), (2, [752, 1326]), (3, [756, 1336])],
)
def test_the_reports_of_a_known_stream_have_not_changed(seed: int, reports: list[int]) -> None:
    """The times are those of an implementation that found the blocks in the scores of the events."""
    blocks, _ = learned(disordered_stream(seed), list(range(97, 7500, 97)))
    assert [time // SECOND for time in watched(blocks).drifts] == reports


def test_a_block_has_the_mean_log_error_of_the_events_that_it_was_learned_from() -> None:
    stream = disordered_stream(0)
    blocks, scores = learned(stream, [])
    counted = (scores.status != Status.LATE) & ~scores.duplicate
    assert (~counted).any()
    # Of events whose errors are all 0, as those of the first ones are, nothing is reported.
    reported = np.flatnonzero(
        counted & (scores.error > 0) & (scores.model_version < scores.model_version[-1])
    )
    versions = np.unique(scores.model_version[reported])
    for version, block in zip(versions.tolist(), blocks, strict=True):
        rows = np.flatnonzero(counted & (scores.model_version == version))
        assert block.time == stream[1][rows[-1]]
        errors = scores.error[rows][scores.error[rows] > 0]
        assert block.mean_log_error == pytest.approx(np.log(errors).mean(), rel=1e-12)


def test_blocks_do_not_depend_on_how_the_stream_was_cut() -> None:
    stream = disordered_stream(0)
    whole, _ = learned(stream, [])
    pieces, _ = learned(stream, [1, 49, 50, 777, 3001, 3002, 5999])
    assert pieces == whole


def test_events_without_any_signal_do_not_count() -> None:
    vehicles, times, values = disordered_stream(0)
    in_order = np.flatnonzero(times == np.arange(len(times)) // 5 * SECOND)[:1000]
    blocks, _ = learned(([vehicles[row] for row in in_order], times[in_order], values[in_order]), [])

    twice, empty = np.repeat(in_order, 2), np.resize([False, True], 2 * len(in_order))
    with_empty = np.where(empty[:, None], np.nan, values[twice])
    more, _ = learned(([vehicles[row] for row in twice], times[twice] + empty, with_empty), [])
    assert len(blocks) > 20
    assert more == blocks


# Snapshots


@pytest.mark.parametrize("cut", [0, 1, 61, 66, 70, 119])
def test_a_restored_watch_resumes_with_identical_results(cut: int) -> None:
    blocks = shifted(60, 2.0)
    undisturbed = watched(blocks)
    assert undisturbed.drifts
    resumed = DriftWatch()
    resumed.restore(pickle.loads(pickle.dumps(watched(blocks[:cut]).snapshot())))  # noqa: S301
    resumed.watch(blocks[cut:])
    assert resumed.snapshot() == undisturbed.snapshot()


def test_a_watch_restored_after_every_block_gives_identical_results() -> None:
    blocks = shifted(60, 2.0)
    resumed = DriftWatch()
    for block in blocks:
        state = resumed.snapshot()
        resumed = DriftWatch()
        resumed.restore(state)
        resumed.watch([block])
    assert resumed.snapshot() == watched(blocks).snapshot()


def test_a_snapshot_names_no_class_and_no_module() -> None:
    state = watched(shifted(60, 2.0)).snapshot()
    assert type(state["window"]) is bytes
    operations = {kind.name for kind, _, _ in pickletools.genops(pickle.dumps(state))}
    assert not operations & {"GLOBAL", "STACK_GLOBAL"}


def test_a_snapshot_is_bounded_however_many_drifts_were_reported() -> None:
    watch = DriftWatch()
    watch.watch([block for step in range(3 * REMEMBERED) for block in blocks_of(20, 10.0**step)])
    assert len(watch.snapshot()["drifts"]) == REMEMBERED
    assert len(pickle.dumps(watch.snapshot())) < 10_000


@pytest.mark.parametrize(
    ("name", "other"),
    [("layout_version", 0), ("river", "0.1.0"), ("parameters", {"delta": 0.5})],
)
def test_a_window_that_cannot_be_restored_starts_out_empty_with_one_line_in_the_log(
    name: str, other: object, caplog: pytest.LogCaptureFixture
) -> None:
    state = watched(shifted(60, 2.0)).snapshot() | {name: other}
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        watches = [DriftWatch() for _ in range(3)]
        for watch in watches:
            watch.restore(state)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert f"drift detection starts over: expected a snapshot with {name} = " in lines[0]
    assert f"got {other}" in lines[0]
    for watch in watches:
        assert watch.snapshot()["window"] == DriftWatch().snapshot()["window"]
        assert list(watch.drifts) == ([] if name == "layout_version" else state["drifts"])
        assert watch.snapshot()["river"] == RIVER_VERSION
