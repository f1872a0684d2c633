"""The window against a reference that takes one event at a time."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.detector.window import NEVER, Arrival, Runs, Window

SIZE = 4
HOLD = 3

arrivals = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 25)), min_size=1, max_size=60)


def window(signals: int = 1) -> Window:
    made = Window(signals, size=SIZE, hold=HOLD)
    made.grow(3)
    return made


def append(made: Window, slots: np.ndarray, times: np.ndarray, values: np.ndarray | None = None) -> None:
    rows = np.zeros((len(slots), made.held.shape[1])) if values is None else values
    made.append(Runs.of(slots), times, rows, np.zeros(len(slots)))


@given(known=arrivals, coming=arrivals)
def test_arrivals_are_classified_as_one_by_one(
    known: list[tuple[int, int]], coming: list[tuple[int, int]]
) -> None:
    made, samples = window(), defaultdict[int, list[int]](list)
    for slot, time in known:
        if time > max(samples[slot], default=-1):
            samples[slot] = [*samples[slot], time][-SIZE:]
            append(made, np.array([slot]), np.array([time]))

    expected = []
    for slot, time in coming:
        kept = samples[slot]
        if time in kept:
            expected.append(Arrival.DUPLICATE)
        elif not kept or time > kept[-1]:
            expected.append(Arrival.IN_ORDER)
            samples[slot] = [*kept, time][-SIZE:]
        elif len(kept) == SIZE and time < kept[0]:
            expected.append(Arrival.LATE)
        else:
            expected.append(Arrival.OUT_OF_ORDER)
            break
    slots, times = np.array([s for s, _ in coming]), np.array([t for _, t in coming])
    assert made.arrivals(slots, times)[: len(expected)].tolist() == [int(kind) for kind in expected]


@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(0, 40),
    missing=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_missing_values_are_held_and_differences_taken_as_one_by_one(
    seed: int, cut: int, missing: float
) -> None:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 3, 40)
    times = np.cumsum(random.integers(1, 3, 40)).astype(np.int64)
    values = random.normal(size=(40, 2))
    values[random.random((40, 2)) < missing] = np.nan

    made = window(signals=2)
    parts = []
    for part in np.split(np.arange(40), [cut]):
        if len(part):
            runs = Runs.of(slots[part])
            parts.append(made.fill(runs, times[part], values[part]))
            made.append(runs, times[part], values[part], np.zeros(len(part)))
    filled = [np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "observed")]
    changes = [np.concatenate([getattr(part, name) for part in parts]) for name in ("change", "changed")]

    last: dict[tuple[int, int], tuple[float, int]] = {}
    for row in range(40):
        for signal in range(2):
            key, value = (int(slots[row]), signal), values[row, signal]
            before, at = last.get(key, (np.nan, NEVER))
            young = at != NEVER and times[row] - at <= HOLD
            present = bool(np.isfinite(value))
            assert filled[1][row, signal] == (present or young)
            assert filled[0][row, signal] == (value if present else before if young else 0.0)
            assert changes[1][row, signal] == (present and young)
            assert changes[0][row, signal] == (value - before if present and young else 0.0)
            if present:
                last[key] = (value, int(times[row]))


@given(seed=st.integers(0, 10_000), cut=st.integers(0, 40))
def test_errors_are_smoothed_over_the_window_of_their_vehicle(seed: int, cut: int) -> None:
    random = np.random.default_rng(seed)
    slots, errors = random.integers(0, 3, 40), random.random(40)
    times = np.arange(40, dtype=np.int64)
    made, smoothed = window(), []
    for part in np.split(np.arange(40), [cut]):
        if len(part):
            runs = Runs.of(slots[part])
            smoothed.append(made.smooth(runs, errors[part]))
            made.append(runs, times[part], np.zeros((len(part), 1)), errors[part])
    for row, mean in enumerate(np.concatenate(smoothed)):
        own = [errors[earlier] for earlier in range(row + 1) if slots[earlier] == slots[row]]
        assert np.isclose(mean, np.mean(own[-SIZE:]))


def test_an_event_between_others_takes_its_place_by_time_and_pushes_out_the_oldest() -> None:
    made = window()
    append(made, np.zeros(4, np.intp), np.array([10, 20, 30, 40]))
    made.insert(0, 25, 0.0)
    assert made.times[0].tolist() == [20, 25, 30, 40]


def test_an_event_between_others_is_smoothed_with_those_before_it() -> None:
    made = window()
    slots, times = np.zeros(3, np.intp), np.array([10, 20, 30])
    made.append(Runs.of(slots), times, np.zeros((3, 1)), np.array([1.0, 2.0, 9.0]))
    assert made.insert(0, 25, 6.0) == 3.0
