"""Signals that a vehicle usually sends and no longer does."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.alert.gaps import LEAST_EVENTS, STRENGTH, USUAL_AFTER, Gaps
from dataflows.clock import SECOND
from dataflows.compiled import Floats

NAN = np.nan
AFTER = 6.0


def gaps(signals: int = 1, *, after: float | None = AFTER) -> Gaps:
    made = Gaps(signals, after=after, pause=600.0)
    made.grow(4)
    return made


def judge(made: Gaps, values: Floats, *, start: float = 0.0, every: float = 1.0, slot: int = 0) -> Floats:
    """Strengths of the signals of a vehicle that sends `every` so many seconds."""
    rows = values.reshape(len(values), -1)
    times = ((start + every * np.arange(len(rows))) * SECOND).astype(np.int64)
    return made.judge(np.full(len(rows), slot, np.intp), times, rows)[0]


def usual(made: Gaps, *, every: float = 1.0) -> None:
    """Send a signal until it is usual; the last event is at second 29 · every."""
    assert not judge(made, np.ones((USUAL_AFTER, 1)), every=every).any()


def test_a_usual_signal_is_missing_after_the_time_that_was_set() -> None:
    made = gaps()
    usual(made)
    strengths = judge(made, np.full(10, NAN), start=30)
    assert strengths[:, 0].tolist() == [0.0] * 5 + [STRENGTH] * 5


def test_the_onset_is_when_it_was_sent_last() -> None:
    made = gaps()
    usual(made)
    times = (30 + np.arange(10, dtype=np.int64)) * SECOND
    _, onsets = made.judge(np.zeros(10, np.intp), times, np.full((10, 1), NAN))
    assert onsets[-1, 0] == 29 * SECOND


def test_a_signal_that_was_never_usual_is_not_missing() -> None:
    made = gaps()
    judge(made, np.ones(USUAL_AFTER - 1))
    assert not judge(made, np.full(600, NAN), start=29).any()
    assert not judge(gaps(), np.full(600, NAN)).any()


def test_it_must_be_missing_in_several_events() -> None:
    """Of a vehicle that sends once in a minute, one lost value is longer than `after`."""
    made = gaps()
    usual(made, every=60.0)
    strengths = judge(made, np.full(5, NAN), start=1800.0, every=60.0)
    assert np.flatnonzero(strengths[:, 0])[0] == LEAST_EVENTS - 1


def test_it_is_no_longer_missing_once_it_comes() -> None:
    made = gaps()
    usual(made)
    assert judge(made, np.full(9, NAN), start=30)[-1, 0] == STRENGTH
    assert not judge(made, np.array([1.0, NAN, NAN, NAN]), start=39).any()


@pytest.mark.parametrize("pause", [30.0, 500.0, 601.0, 86400.0])
def test_a_pause_of_the_vehicle_does_not_count(pause: float) -> None:
    made = gaps(2)
    both, one = [1.0, 1.0], [1.0, NAN]
    assert not judge(made, np.array([both, one, one] * 40)).any()
    assert not judge(made, np.array([one, one, both]), start=120 + pause).any()


def test_a_signal_that_is_sent_rarely_may_be_missing_for_longer() -> None:
    made = gaps(2)
    pattern = np.full((3000, 2), 1.0)
    pattern[np.arange(3000) % 20 != 0, 1] = NAN
    assert not judge(made, pattern).any()
    absent = np.array([[1.0, NAN]] * 120)
    first = int(np.flatnonzero(judge(made, absent, start=3000)[:, 1])[0])
    assert 35 <= first <= 65


def test_what_was_an_exception_is_forgotten() -> None:
    made = gaps()
    usual(made)
    judge(made, np.full(100, NAN), start=30)
    judge(made, np.ones(6000), start=130)
    assert np.flatnonzero(judge(made, np.full(20, NAN), start=6130)[:, 0])[0] == 5


@pytest.mark.parametrize("period", [2, 5, 30])
def test_messages_with_signals_of_their_own_raise_nothing(period: int) -> None:
    """One of `period` messages has the second signal, and no other."""
    values = np.full((2000, 2), NAN)
    values[:, 0] = 1.0
    values[::period] = [NAN, 1.0]
    assert not judge(gaps(2), values).any()


def test_without_a_time_nothing_is_judged() -> None:
    made = gaps(after=None)
    usual(made)
    assert not judge(made, np.full(1000, NAN), start=30).any()


def test_vehicles_are_judged_by_themselves() -> None:
    made = gaps()
    usual(made)
    assert not judge(made, np.full(100, NAN), start=30, slot=1).any()
    made.forget(np.array([0]))
    assert not judge(made, np.full(100, NAN), start=30).any()


@given(
    st.integers(0, 1000),
    st.lists(st.integers(0, 300), max_size=6).map(sorted),
)
def test_it_does_not_matter_how_events_are_batched(seed: int, cuts: list[int]) -> None:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 4, 300).astype(np.intp)
    times = np.cumsum(random.choice([0, 1, 1, 1, 40, 900], 300)).astype(np.int64) * SECOND
    values = random.normal(size=(300, 2))
    values[np.cumsum(random.random(300) < 0.05) % 2 == 1, 1] = NAN
    whole = gaps(2).judge(slots, times, values)
    made, parts, start = gaps(2), [], 0
    for stop in [*cuts, 300]:
        parts.append(made.judge(slots[start:stop], times[start:stop], values[start:stop]))
        start = stop
        state = pickle.loads(pickle.dumps(made.snapshot(4)))  # noqa: S301
        made = gaps(2)
        made.restore(state)
    for position in (0, 1):
        together = np.concatenate([part[position] for part in parts])
        assert together.tobytes() == whole[position].tobytes()
