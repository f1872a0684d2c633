"""Protected learning against a reference that processes one event at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.protection import ALLOWED, LONGEST_STEP, RESERVE, SHORTEST_RUN, Protection

ACCEPT_AFTER = 120
LEVEL = 0.98
EARNED = ALLOWED * (1 - LEVEL)
"""Share of the events that may be flagged and count."""

LONG = 10**6
"""An `accept_after` that nothing lasts for."""

Weights = tuple[np.ndarray, np.ndarray]


def protection(accept_after: int = ACCEPT_AFTER) -> Protection:
    made = Protection(accept_after=accept_after)
    made.grow(3)
    return made


def of_one_vehicle(
    anomalous: np.ndarray, times: np.ndarray | None = None, *, accept_after: int = ACCEPT_AFTER
) -> Weights:
    when = np.arange(len(anomalous), dtype=np.int64) if times is None else times
    return protection(accept_after).weights(np.zeros(len(when), np.intp), when, anomalous, level=LEVEL)


def after_normal_events(normal: int, flagged: int, *, accept_after: int = LONG) -> np.ndarray:
    """Weights for the model of flagged events of a vehicle that come after its normal ones."""
    anomalous = np.arange(normal + flagged) >= normal
    model, _ = of_one_vehicle(anomalous, accept_after=accept_after)
    return model[normal:]


class OneByOne:
    """The same for one vehicle, one event at a time."""

    def __init__(self, accept_after: int) -> None:
        self.accept_after = accept_after
        self.credit = RESERVE
        self.flagged: list[int] = []
        self.run = 0
        self.latest: int | None = None
        self.since = 0

    def weights(self, event: int, time: int, *, anomalous: bool) -> tuple[float, float]:
        """Weights of the shard's `event`-th event, counted from 0, which is the vehicle's."""
        if self.latest is None or abs(time - self.latest) > self.accept_after:
            self.run, self.since = 0, event
        self.latest = time
        if not anomalous:
            self.flagged, self.run = [], 0
            self.credit = min(self.credit + EARNED, RESERVE)
            return 1.0, 1.0
        self.flagged.append(time)
        self.run += 1
        steps = np.clip(np.diff(self.flagged), 0, int(LONGEST_STEP * self.accept_after))
        longest = SHORTEST_RUN + EARNED * (event + 1 - self.since)
        if steps.sum() >= self.accept_after or self.run > longest:
            return 1.0, 1.0
        counts = min(self.credit, 1.0)
        self.credit = max(self.credit - 1.0, 0.0)
        return 0.0, counts


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.2, 0.95, 1.0]),
    accept_after=st.sampled_from([40, ACCEPT_AFTER, 2000]),
    pauses=st.sampled_from([0.0, 0.02]),
    cuts=st.lists(st.integers(1, 199), max_size=6, unique=True).map(sorted),
)
def test_weights_equal_those_of_one_event_at_a_time(
    seed: int, share: float, accept_after: int, pauses: float, cuts: list[int]
) -> None:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 3, 200)
    steps = random.integers(-1, 7, 200)
    paused = random.random(200) < pauses
    steps[paused] = random.choice([-3000, -100, 100, 3000], paused.sum())
    times = np.cumsum(steps).astype(np.int64)
    anomalous = random.random(200) < share
    made, parts = protection(accept_after), []
    for part in np.split(np.arange(200), cuts):
        parts.append(made.weights(slots[part], times[part], anomalous[part], level=LEVEL))
    model, threshold = (np.concatenate(column) for column in zip(*parts, strict=True))

    vehicles = [OneByOne(accept_after) for _ in range(3)]
    for row, slot in enumerate(slots.tolist()):
        expected = vehicles[slot].weights(row, int(times[row]), anomalous=bool(anomalous[row]))
        assert (model[row], threshold[row]) == expected


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.02, 0.2, 0.6]),
    level=st.sampled_from([0.5, 0.98, 0.9999]),
)
def test_a_flagged_event_is_not_learned_by_the_model_in_a_short_run_however_little_is_known(
    seed: int, share: float, level: float
) -> None:
    anomalous = np.random.default_rng(seed).random(300) < share
    anomalous[:: int(SHORTEST_RUN) + 1] = False
    made = protection()
    model, _ = made.weights(np.zeros(300, np.intp), np.arange(300), anomalous, level=level)
    assert (model == np.where(anomalous, 0.0, 1.0)).all()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_anomalies_count_for_the_threshold_no_more_than_twice_as_often_as_promised(share: float) -> None:
    anomalous = np.random.default_rng(0).random(20_000) < share
    _, threshold = of_one_vehicle(anomalous)
    assert threshold[anomalous].sum() <= 2 * (1 - LEVEL) * len(anomalous) + RESERVE
    assert (threshold[~anomalous] == 1.0).all()


def test_anomalies_as_rare_as_promised_count_fully_for_the_threshold() -> None:
    anomalous = np.random.default_rng(0).random(20_000) < 1 - LEVEL
    _, threshold = of_one_vehicle(anomalous)
    assert threshold[anomalous].mean() > 0.99


@pytest.mark.parametrize("normal", [0, 100, 500, 2000])
def test_a_run_is_accepted_when_it_is_longer_than_what_is_known_about_the_vehicle_allows(normal: int) -> None:
    longest = (SHORTEST_RUN + EARNED * normal) / (1 - EARNED)
    expected = np.arange(1, 201) > longest
    np.testing.assert_array_equal(after_normal_events(normal, 200), expected)


def test_the_events_of_other_vehicles_are_known_about_a_vehicle_too_but_not_those_before_it_came() -> None:
    made = protection(LONG)
    made.weights(np.zeros(1, np.intp), np.zeros(1, np.int64), np.array([False]), level=LEVEL)
    made.weights(np.ones(1000, np.intp), np.arange(1000), np.zeros(1000, np.bool_), level=LEVEL)
    flagged, times = np.ones(60, np.bool_), np.arange(1000, 1060)
    old, _ = made.weights(np.zeros(60, np.intp), times, flagged, level=LEVEL)
    new, _ = made.weights(np.full(60, 2), times, flagged, level=LEVEL)
    # The longest runs that are not learned: n ≤ SHORTEST_RUN + EARNED · (1001 + n) and … · n.
    assert np.flatnonzero(old)[0] == int((SHORTEST_RUN + EARNED * 1001) / (1 - EARNED))
    assert np.flatnonzero(new)[0] == int(SHORTEST_RUN / (1 - EARNED))


def test_a_lasting_anomaly_is_learned_fully_once_it_is_accepted_and_not_before() -> None:
    anomalous = np.arange(10_200) >= 10_000
    model, threshold = of_one_vehicle(anomalous)
    early, late = slice(10_000, 10_000 + ACCEPT_AFTER), slice(10_000 + ACCEPT_AFTER, None)
    assert (model[early] == 0.0).all()
    assert threshold[early].sum() == RESERVE
    assert (model[late] == 1.0).all()
    assert (threshold[late] == 1.0).all()


def test_one_normal_event_ends_a_lasting_anomaly() -> None:
    anomalous = np.arange(10_200) >= 10_000
    anomalous[10_100] = False
    model, _ = of_one_vehicle(anomalous)
    assert (model == np.where(anomalous, 0.0, 1.0)).all()


@pytest.mark.parametrize("leap", [ACCEPT_AFTER - 1, -(ACCEPT_AFTER - 1)])
def test_a_clock_jump_during_a_fault_does_not_make_it_accepted(leap: int) -> None:
    anomalous = np.arange(10_100) >= 10_000
    times = np.arange(10_100, dtype=np.int64)
    times[10_050:] += leap
    model, _ = of_one_vehicle(anomalous, times)
    assert (model[10_000:] == 0.0).all()


@pytest.mark.parametrize("pause", [ACCEPT_AFTER + 1, -(ACCEPT_AFTER + 2)])
def test_a_pause_ends_a_run_and_lets_the_next_one_be_accepted_as_soon_as_that_of_a_new_vehicle(
    pause: int,
) -> None:
    anomalous = np.arange(10_100) >= 10_000
    times = np.arange(10_100, dtype=np.int64)
    times[10_050:] += pause
    model, _ = of_one_vehicle(anomalous, times)
    assert (model[10_000:10_050] == 0.0).all()
    np.testing.assert_array_equal(model[10_050:], after_normal_events(0, 50))


def test_a_vehicle_that_is_forgotten_and_returns_is_new() -> None:
    made, slots, times = protection(), np.zeros(200, np.intp), np.arange(200, dtype=np.int64)
    anomalous = np.ones(200, np.bool_)
    before = made.weights(slots, times, anomalous, level=LEVEL)
    made.forget(np.array([0]))
    after = made.weights(slots, times, anomalous, level=LEVEL)
    np.testing.assert_array_equal(before, after)


def test_a_vehicle_that_sends_less_often_than_accept_after_is_accepted_by_time_as_well() -> None:
    times = 3 * ACCEPT_AFTER * np.arange(30, dtype=np.int64)
    model, _ = of_one_vehicle(np.ones(30, np.bool_), times)
    accepted = int(1 / LONGEST_STEP)
    assert (model[:accepted] == 0.0).all()
    assert (model[accepted:] == 1.0).all()
