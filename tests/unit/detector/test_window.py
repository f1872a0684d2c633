"""The window against a reference that processes one event at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.arrival import NEVER, UNIQUE, Arrival
from dataflows.detector.window import LARGEST_CHANGE, Samples, Window

SIZE = 4
HOLD = 3
SET_RIGHT_AFTER, SET_BACK_AFTER = 5, 9


def window(signals: int = 1) -> Window:
    made = Window(signals, size=SIZE, hold=HOLD, patience=(SET_RIGHT_AFTER, SET_BACK_AFTER))
    made.grow(3)
    return made


def append(made: Window, slots: np.ndarray, times: np.ndarray) -> None:
    assert not arrive(made, slots, times).any()
    made.append(slots, np.zeros(len(slots)))


def arrive(made: Window, slots: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Arrivals of events that are all different."""
    return made.arrive(slots, times, np.full(len(slots), UNIQUE))


class OneByOne:
    """The same for two vehicles, one event at a time."""

    def __init__(self) -> None:
        self.samples: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        self.behind: tuple[list[int], list[int]] = ([], [])

    def arrive(self, slot: int, time: int, identity: int) -> Arrival:
        samples, behind, others = self.samples[slot], self.behind[slot], self.samples[1 - slot]
        if (time, identity) in samples:
            return Arrival.DUPLICATE
        if not samples or time >= samples[-1][0]:
            behind.clear()
            samples[:] = [*samples, (time, identity)][-SIZE:]
            return Arrival.IN_ORDER
        if not behind or time < behind[-1]:
            behind[:] = [time]
        elif time > behind[-1]:
            behind.append(time)
        nearer = not others or abs(time - others[-1][0]) < abs(samples[-1][0] - others[-1][0])
        if len(behind) >= (SET_RIGHT_AFTER if nearer else SET_BACK_AFTER):
            samples[:] = [(time, identity)]
            behind.clear()
            return Arrival.IN_ORDER
        if len(samples) == SIZE and time <= samples[0][0]:
            return Arrival.LATE
        # Sorting is stable: an event comes after those of its time.
        samples[:] = sorted([*samples, (time, identity)], key=lambda sample: sample[0])[-SIZE:]
        return Arrival.OUT_OF_ORDER


arriving = st.tuples(st.integers(0, 1), st.integers(0, 60), st.integers(0, 2))


@settings(deadline=None)
@given(events=st.lists(arriving, min_size=1, max_size=120))
def test_arrivals_are_classified_as_by_the_reference(events: list[tuple[int, int, int]]) -> None:
    reference = OneByOne()
    expected = [reference.arrive(*event) for event in events]
    made, classified = window(), list[int]()
    slots, times, identities = np.array(events).T
    while len(classified) < len(events):
        start = len(classified)
        arrivals = made.arrive(slots[start:], times[start:], identities[start:])
        classified += arrivals.tolist()
        if arrivals[-1] == Arrival.OUT_OF_ORDER:
            assert len(arrivals) == 1
            made.insert(int(slots[start]), int(times[start]), int(identities[start]), 0.0)
    assert classified == [int(kind) for kind in expected]


@pytest.mark.parametrize("others", [100, 5_000_000], ids=["set right", "set wrong"])
def test_the_window_of_a_vehicle_whose_clock_is_set_back_restarts(others: int) -> None:
    made = window()
    append(made, np.array([1, 2]), np.array([others, others]))
    append(made, np.array([0, 0]), np.array([5_000_000, 5_000_001]))
    made.fill(np.array([0, 0]), np.array([5_000_000, 5_000_001]), np.array([[1.0], [2.0]]))
    events = SET_RIGHT_AFTER if others == 100 else SET_BACK_AFTER
    slots, times = np.zeros(events, np.intp), np.arange(100, 100 + events)
    classified = 0
    while classified < len(slots):
        arrivals = arrive(made, slots[classified:], times[classified:])
        if arrivals[0] == Arrival.OUT_OF_ORDER:
            made.insert(0, int(times[classified]), UNIQUE, 9.0)
        classified += len(arrivals)
    assert arrivals.tolist() == [Arrival.IN_ORDER]
    samples = made.fill(slots[-1:], times[-1:], np.array([[np.nan]]))
    assert not samples.observed.any(), "the held values are from when the clock was wrong"
    assert np.isnan(samples.interval).all()
    assert made.append(slots[-1:], np.array([3.0])).tolist() == [3.0]
    assert arrive(made, slots[:1], np.array([times[-1] + 1])).tolist() == [Arrival.IN_ORDER]


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(0, 40),
    missing=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_missing_values_are_held_and_changes_known_as_by_the_reference(
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
            parts.append(made.fill(slots[part], times[part], values[part]))
    filled = [np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "observed")]
    changed = np.concatenate([part.changed for part in parts])

    last: dict[tuple[int, int], tuple[float, int]] = {}
    for row in range(40):
        for signal in range(2):
            key, value = (int(slots[row]), signal), values[row, signal]
            previous, at = last.get(key, (np.nan, NEVER))
            recent = at != NEVER and times[row] - at <= HOLD
            present = bool(np.isfinite(value))
            assert filled[1][row, signal] == (present or recent)
            assert filled[0][row, signal] == (value if present else previous if recent else 0.0)
            assert changed[row, signal] == (present and recent)
            if present:
                last[key] = (value, int(times[row]))


class Moving:
    """How one signal of a vehicle has been moving, one sample at a time."""

    def __init__(self) -> None:
        self.last: tuple[float, int] | None = None
        self.sizes: list[float] = []
        self.mean = np.nan
        self.run = 0

    def sent(self, value: float, time: int) -> None:
        if self.last is not None and time - self.last[1] <= HOLD:
            moved = abs(value - self.last[0])
            self.run = max(self.run, 0) + 1 if moved else min(self.run, 0) - 1
            usual = float(np.mean(self.sizes)) if self.sizes else 0.0
            if usual > 0.0:
                moved = min(moved, LARGEST_CHANGE * float(np.nanmax([usual, self.mean])))
            self.sizes.append(moved)
            self.mean = moved if np.isnan(self.mean) else self.mean + (moved - self.mean) / SIZE
        else:
            self.mean, self.run = np.nan, 0
        self.last = (value, time)

    def known(self, time: int) -> tuple[float, int]:
        """The mean of its changes and its run."""
        if self.last is None or time - self.last[1] > HOLD:
            return np.nan, 0
        return self.mean, self.run


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(0, 60),
    missing=st.sampled_from([0.0, 0.5]),
    wild=st.sampled_from([0.0, 0.1]),
)
def test_mean_changes_and_runs_are_those_of_the_reference(
    seed: int, cut: int, missing: float, wild: float
) -> None:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 3, 60)
    times = np.cumsum(random.integers(0, 3, 60)).astype(np.int64)
    values = random.integers(0, 3, (60, 2)).astype(np.float64)
    values[random.random((60, 2)) < wild] *= 1000.0
    values[random.random((60, 2)) < missing] = np.nan

    made = window(signals=2)
    parts = [
        made.fill(slots[part], times[part], values[part])
        for part in np.split(np.arange(60), [cut])
        if len(part)
    ]
    mean_change = np.concatenate([part.mean_change for part in parts])
    run = np.concatenate([part.run for part in parts])

    moving = [[Moving(), Moving()] for _ in range(3)]
    for row, slot in enumerate(slots.tolist()):
        for signal, reference in enumerate(moving[slot]):
            if np.isfinite(values[row, signal]):
                reference.sent(float(values[row, signal]), int(times[row]))
            mean, length = reference.known(int(times[row]))
            assert run[row, signal] == length
            np.testing.assert_allclose(mean_change[row, signal], mean, rtol=1e-9)


def of_one_signal(values: np.ndarray, times: np.ndarray | None = None) -> Samples:
    """Samples of one signal of one vehicle, by default an event per microsecond."""
    when = np.arange(len(values), dtype=np.int64) if times is None else times
    return window().fill(np.zeros(len(values), np.intp), when, values[:, None])


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    wild=st.sampled_from([10.0, 1e3, 1e12, -1e12]),
    where=st.integers(20, 39),
)
def test_one_wild_sample_moves_the_mean_of_changes_by_a_bounded_amount(
    seed: int, wild: float, where: int
) -> None:
    plain = np.random.default_rng(seed).normal(size=40)
    disturbed = plain.copy()
    disturbed[where] += wild
    undisturbed = of_one_signal(plain).mean_change[1:]
    largest = max(undisturbed.max(), np.abs(np.diff(plain)).max())
    # There and back are two changes, and each counts as `LARGEST_CHANGE` times the mean before it at most.
    limit = (1 + (LARGEST_CHANGE - 1) / SIZE) ** 2 * largest
    assert of_one_signal(disturbed).mean_change[1:].max() <= limit * (1 + 1e-9)


def test_a_signal_that_keeps_moving_more_than_before_is_followed_within_a_few_samples() -> None:
    values = np.cumsum(np.where(np.arange(80) < 40, 1.0, 1000.0))
    mean_change = of_one_signal(values).mean_change[:, 0]
    assert mean_change[39] == 1.0
    assert mean_change[40] == 1.0 + (LARGEST_CHANGE - 1.0) / SIZE
    assert mean_change[79] > 990.0


def test_the_first_change_of_a_signal_that_stood_still_counts_fully() -> None:
    values = np.array([5.0, 5.0, 5.0, 105.0])
    assert of_one_signal(values).mean_change[:, 0].tolist()[1:] == [0.0, 0.0, 100.0 / SIZE]


def test_after_a_gap_the_first_change_counts_as_no_more_than_a_few_times_the_usual_one() -> None:
    times = np.array([0, 1, 2, 100, 101], np.int64)
    samples = of_one_signal(np.array([0.0, 1.0, 2.0, 9.0, 1000.0]), times)
    np.testing.assert_array_equal(samples.mean_change[:, 0], [np.nan, 1.0, 1.0, np.nan, LARGEST_CHANGE])


@pytest.mark.parametrize(("gap", "ended"), [(HOLD, False), (HOLD + 1, True)])
def test_a_gap_longer_than_values_are_held_ends_runs_and_means(gap: int, ended: bool) -> None:
    times = np.array([0, 1, 2, 2 + gap, 3 + gap], np.int64)
    samples = of_one_signal(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), times)
    assert samples.run[:, 0].tolist() == ([0, 1, 2, 0, 1] if ended else [0, 1, 2, 3, 4])
    after = np.nan if ended else 1.0
    np.testing.assert_array_equal(samples.mean_change[:, 0], [np.nan, 1.0, 1.0, after, 1.0])


def test_nothing_is_known_about_how_a_signal_moved_that_is_missing_for_longer_than_it_is_held() -> None:
    made = window()
    slots, times = np.zeros(4, np.intp), np.array([0, 1, 2, 2 + HOLD + 1], np.int64)
    samples = made.fill(slots, times, np.array([[1.0], [2.0], [np.nan], [np.nan]]))
    assert samples.observed[:, 0].tolist() == [True, True, True, False]
    assert samples.run[:, 0].tolist() == [0, 1, 1, 0]
    np.testing.assert_array_equal(samples.mean_change[:, 0], [np.nan, 1.0, 1.0, np.nan])


def test_the_interval_is_the_time_since_the_vehicles_previous_event() -> None:
    made = window()
    slots, times = np.array([0, 1, 0, 0]), np.array([0, 1, 2, 5], np.int64) * 1_000_000
    samples = made.fill(slots, times, np.ones((4, 1)))
    np.testing.assert_array_equal(samples.interval, [np.nan, np.nan, 2.0, 3.0])


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 40))
def test_errors_are_smoothed_over_the_window_of_their_vehicle(seed: int, cut: int) -> None:
    random = np.random.default_rng(seed)
    slots, errors = random.integers(0, 3, 40), random.random(40)
    times = np.arange(40, dtype=np.int64)
    made, smoothed = window(), []
    for part in np.split(np.arange(40), [cut]):
        if len(part):
            assert not arrive(made, slots[part], times[part]).any()
            smoothed.append(made.append(slots[part], errors[part]))
    for row, mean in enumerate(np.concatenate(smoothed)):
        own = [errors[earlier] for earlier in range(row + 1) if slots[earlier] == slots[row]]
        assert np.isclose(mean, np.mean(own[-SIZE:]))


def test_an_event_between_others_is_inserted_by_time_and_pushes_out_the_oldest() -> None:
    made = window()
    append(made, np.zeros(4, np.intp), np.array([10, 20, 30, 40]))
    made.insert(0, 25, UNIQUE, 0.0)
    assert made.times[0].tolist() == [20, 25, 30, 40]


def test_an_event_between_others_is_smoothed_with_those_before_it() -> None:
    made = window()
    slots, times = np.zeros(3, np.intp), np.array([10, 20, 30])
    arrive(made, slots, times)
    made.append(slots, np.array([1.0, 2.0, 9.0]))
    assert made.insert(0, 25, UNIQUE, 6.0) == 3.0


def test_an_event_between_others_comes_after_those_of_its_time() -> None:
    made = window()
    append(made, np.zeros(4, np.intp), np.array([10, 20, 20, 40]))
    made.insert(0, 20, 7, 0.0)
    assert made.times[0].tolist() == [20, 20, 20, 40]
    assert made.identities[0].tolist() == [UNIQUE, UNIQUE, 7, UNIQUE]
