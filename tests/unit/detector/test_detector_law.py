"""The invariant that everything relies on: the same events in the same order give bit-identical scores,
however they were cut into batches, and whether or not the state was saved and restored in between."""

from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.detector import Detector, Parameters, Scores

SIGNALS = ("speed", "load", "voltage")
ROWS = 400

Stream = tuple[list[str], np.ndarray, np.ndarray, np.ndarray]


def quick_parameters(**changes: Any) -> Parameters:
    """Parameters under which a few hundred events go through every phase: start-up, blocks, verdicts."""
    quick: dict[str, Any] = {"start_up": 20, "window": 4, "learn_every": 64, "accept_after": 30.0}
    return Parameters(**quick | changes)


def stream(
    seed: int, vehicles: int, disorder: float, missing: float, equal: float = 0.0, rows: int = ROWS
) -> Stream:
    """Correlated signals of several vehicles with faults, gaps, equal times, duplicates and late events."""
    random = np.random.default_rng(seed)
    ids = [f"vehicle-{number}" for number in random.integers(0, vehicles, rows)]
    times = np.arange(rows, dtype=np.int64) * 1_000_000
    jumps = random.random(rows) < disorder
    times[jumps] -= random.integers(0, 20, jumps.sum()) * 1_000_000
    same = random.random(rows) < equal
    times[same] = times[np.maximum(np.flatnonzero(same) - vehicles, 0)]
    identities = random.integers(0, 3, rows)
    drive = np.cumsum(random.normal(size=rows))
    values = np.stack([drive, -2 * drive + random.normal(size=rows), random.normal(5, 0.1, rows)], axis=1)
    values[random.random(rows) < 0.02] += 50
    values[random.random(values.shape) < missing] = np.nan
    return ids, times, values, identities


def scored(
    detector: Detector, events: Stream, cuts: list[int], *, reload_at: set[int] | None = None
) -> Scores:
    parts, start = [], 0
    for stop in [*cuts, len(events[0])]:
        parts.append(detector.process(*part(events, slice(start, stop))))
        if stop in (reload_at or set()):
            state = pickle.loads(pickle.dumps(detector.snapshot()))  # noqa: S301
            detector = Detector.restore(detector.parameters, detector.signals, state)
        start = stop
    columns = [np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Scores)]
    return Scores(*columns)


def part(events: Stream, rows: slice) -> Stream:
    ids, times, values, identities = events
    return ids[rows], times[rows], values[rows], identities[rows]


def assert_identical(left: Scores, right: Scores) -> None:
    for field in fields(Scores):
        a, b = getattr(left, field.name), getattr(right, field.name)
        assert a.tobytes() == b.tobytes(), f"{field.name} differs in rows {np.flatnonzero(a != b)[:5]}"


streams = st.builds(
    stream,
    seed=st.integers(0, 10_000),
    vehicles=st.sampled_from([1, 2, 7, 60]),
    disorder=st.sampled_from([0.0, 0.1]),
    missing=st.sampled_from([0.0, 0.2]),
    equal=st.sampled_from([0.0, 0.2]),
)
cuts = st.lists(st.integers(0, ROWS), max_size=30).map(sorted)


@given(events=streams, where=cuts)
def test_any_split_into_batches_gives_bit_identical_scores(events: Stream, where: list[int]) -> None:
    whole = scored(Detector(quick_parameters(), SIGNALS), events, [])
    split = scored(Detector(quick_parameters(), SIGNALS), events, where)
    assert_identical(whole, split)


@given(events=streams, where=cuts, data=st.data())
def test_restoring_a_snapshot_anywhere_gives_bit_identical_scores(
    events: Stream, where: list[int], data: st.DataObject
) -> None:
    reload_at = set(data.draw(st.lists(st.sampled_from(where), max_size=5))) if where else set()
    whole = scored(Detector(quick_parameters(), SIGNALS), events, [])
    resumed = scored(Detector(quick_parameters(), SIGNALS), events, where, reload_at=reload_at)
    assert_identical(whole, resumed)


def test_the_streams_of_these_tests_are_long_enough_for_a_band() -> None:
    band = scored(Detector(quick_parameters(), SIGNALS), stream(1, 7, 0.1, 0.2), []).band
    assert np.isnan(band[0]).all()
    assert np.isfinite(band[-1]).all()
    assert (band[-1] > 0.0).all()


@pytest.mark.parametrize("signals", [1, 2, 9, 17, 38])
def test_one_event_at_a_time_equals_all_at_once_for_any_number_of_signals(signals: int) -> None:
    random = np.random.default_rng(signals)
    rows = 300
    events = (
        [f"vehicle-{row % 3}" for row in range(rows)],
        np.arange(rows, dtype=np.int64) * 1_000_000,
        random.normal(size=(rows, signals)) @ random.normal(size=(signals, signals)),
        np.arange(rows),
    )
    names = [f"signal-{number}" for number in range(signals)]
    whole = scored(Detector(quick_parameters(), names), events, [])
    single = scored(Detector(quick_parameters(), names), events, list(range(1, rows)))
    assert_identical(whole, single)


def test_a_snapshot_is_a_copy_that_later_events_do_not_change() -> None:
    events = stream(3, vehicles=5, disorder=0.1, missing=0.1)
    detector = Detector(quick_parameters(), SIGNALS)
    detector.process(*part(events, slice(200)))
    state = detector.snapshot()
    before = pickle.dumps(state)
    rest = detector.process(*part(events, slice(200, None)))
    assert pickle.dumps(state) == before
    restored = Detector.restore(detector.parameters, SIGNALS, state)
    assert_identical(rest, restored.process(*part(events, slice(200, None))))
