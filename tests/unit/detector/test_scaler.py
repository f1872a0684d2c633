"""The running scaler against numpy on everything it has learned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.scaler import SURPRISE, Scaler, standard_scores

SIGNALS = 3
NO_CLIP = 1e9


def scaler(*, prior: float = 0.0, memory: float = 1e9, clip: float = NO_CLIP, vehicles: int = 3) -> Scaler:
    made = Scaler(SIGNALS, prior=prior, memory=memory, clips=(clip,))
    made.grow(vehicles)
    return made


def sample(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 3, rows).astype(np.intp)
    values = random.normal(100, [1, 10, 0.1], (rows, SIGNALS)) + slots[:, None]
    weights = random.choice([0.0, 0.1, 1.0], (rows, SIGNALS), p=[0.1, 0.2, 0.7])
    return slots, values, weights


@settings(deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(1, 199), max_size=8, unique=True).map(sorted))
def test_moments_are_those_of_everything_learned_however_it_was_cut(seed: int, cuts: list[int]) -> None:
    slots, values, weights = sample(seed, 200)
    learned = scaler()
    for part in np.split(np.arange(200), cuts):
        learned.learn(slots[part], values[part], weights[part])
    (mean,), (deviation,) = learned.moments(np.arange(3, dtype=np.intp))
    for vehicle in range(3):
        own = slots == vehicle
        for signal in range(SIGNALS):
            weight, value = weights[own, signal], values[own, signal]
            expected = np.average(value, weights=weight)
            expected_deviation = np.sqrt(np.average((value - expected) ** 2, weights=weight))
            assert mean[vehicle, signal] == pytest.approx(expected)
            assert deviation[vehicle, signal] == pytest.approx(expected_deviation, rel=1e-6)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 199))
def test_the_returned_deviations_add_up_to_the_scatter_within_vehicles(seed: int, cut: int) -> None:
    slots, values, _ = sample(seed, 200)
    learned, scatter = scaler(), np.zeros((SIGNALS, SIGNALS))
    for part in np.split(np.arange(200), [cut]):
        deviations = learned.learn(slots[part], values[part], np.ones((len(part), SIGNALS)))
        scatter += deviations.T @ deviations
    centred = np.concatenate([values[slots == v] - values[slots == v].mean(axis=0) for v in range(3)])
    np.testing.assert_allclose(scatter, centred.T @ centred, rtol=1e-8, atol=1e-8)


def test_a_new_vehicle_is_judged_as_a_member_of_the_fleet() -> None:
    slots, values, weights = sample(1, 300)
    learned = scaler(prior=20.0, vehicles=4)
    learned.learn(slots, values, np.ones_like(weights))
    (mean,), (deviation,) = learned.moments(np.array([3]))
    np.testing.assert_allclose(mean[0], values.mean(axis=0))
    np.testing.assert_allclose(deviation[0], values.std(axis=0))


def test_with_many_events_a_vehicle_is_judged_as_itself() -> None:
    random = np.random.default_rng(2)
    learned = scaler(prior=20.0)
    fleet = random.normal(0, 1, (1000, SIGNALS))
    own = random.normal(50, 2, (5000, SIGNALS))
    learned.learn(np.zeros(1000, np.intp), fleet, np.ones_like(fleet))
    learned.learn(np.ones(5000, np.intp), own, np.ones_like(own))
    (mean,), (deviation,) = learned.moments(np.array([1]))
    np.testing.assert_allclose(mean[0], 50, atol=0.3)
    np.testing.assert_allclose(deviation[0], 2, atol=0.5)


def test_beyond_its_memory_it_follows_the_recent_past() -> None:
    learned = scaler(memory=100.0)
    for level in (0.0, 10.0):
        for _ in range(20):
            values = np.full((50, SIGNALS), level)
            learned.learn(np.zeros(50, np.intp), values, np.ones_like(values))
    (mean,), _ = learned.moments(np.array([0]))
    np.testing.assert_allclose(mean[0], 10.0, atol=0.01)


def test_an_outlier_pulls_no_further_than_the_clip() -> None:
    values = np.random.default_rng(3).normal(size=(100, SIGNALS))
    calm, shaken = scaler(clip=3.0), scaler(clip=3.0)
    for learned, last in ((calm, 3.0), (shaken, 1e6)):
        learned.learn(np.zeros(100, np.intp), values, np.ones_like(values))
        (mean,), (deviation,) = learned.moments(np.array([0]))
        outlier = mean + last * deviation
        learned.learn(np.zeros(1, np.intp), outlier, np.ones_like(outlier))
    np.testing.assert_allclose(calm.moments(np.array([0])), shaken.moments(np.array([0])))


def test_a_signal_that_has_never_moved_scores_zero_until_it_does() -> None:
    learned = scaler()
    values = np.full((50, SIGNALS), 0.1)
    learned.learn(np.zeros(50, np.intp), values, np.ones_like(values))
    (mean,), (deviation,) = learned.moments(np.array([0]))
    observed = np.ones((1, SIGNALS), bool)
    assert (deviation == 0).all()
    still = standard_scores(np.full((1, SIGNALS), 0.1), mean, deviation, observed, 50.0)
    moved = standard_scores(np.full((1, SIGNALS), -0.2), mean, deviation, observed, 50.0)
    assert still.tolist() == [[0.0] * SIGNALS]
    assert moved.tolist() == [[-SURPRISE] * SIGNALS]


def test_a_signal_that_is_not_observed_scores_zero() -> None:
    mean, deviation = np.zeros((1, 2)), np.ones((1, 2))
    scores = standard_scores(np.array([[7.0, np.nan]]), mean, deviation, np.array([[True, False]]), 5.0)
    assert scores.tolist() == [[5.0, 0.0]]
