"""How the evidence against the signals becomes one error with shares per signal."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.terms import (
    FIRST_CLIP,
    FLOOR,
    NAMES,
    OUTLIER_CLIP,
    TRUSTED_AFTER,
    WORST,
    Combination,
    term_values,
)

COUNT = len(NAMES)


def test_some_terms_are_their_worst_signal_and_the_others_a_mean() -> None:
    evidence = np.zeros((COUNT, 1, 4))
    evidence[:, 0] = [0.0, 8.0, 4.0, 0.0]
    assert term_values(evidence)[:, 0].tolist() == [8.0] * WORST + [3.0] * (COUNT - WORST)


def test_each_term_is_divided_by_its_own_mean() -> None:
    combination = Combination(np.array([3.0, 4.0]), memory=1e9)
    combination.learn(np.array([[2.0, 4.0], [0.1, 0.3]]), np.ones(2))
    error, _ = combination.combine(np.array([[3.0], [0.2]]), np.ones((2, 1, 2)))
    np.testing.assert_allclose(error, [5.0])


def test_contributions_follow_the_squares_of_terms_and_evidence() -> None:
    combination = Combination(np.array([1.0, 1.0]), memory=1e9)
    combination.learn(np.full((2, 1), 1.0 - FLOOR), np.ones(1))
    evidence = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    error, contributions = combination.combine(np.array([[3.0], [1.0]]) - FLOOR, evidence)
    np.testing.assert_allclose(error, [10.0**0.5])
    np.testing.assert_allclose(contributions, [[0.9, 0.1]])


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_contributions_sum_to_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    combination = Combination(random.random(COUNT), memory=1e9)
    evidence = random.random((COUNT, 9, 5))
    combination.learn(term_values(random.random((COUNT, 20, 5))), random.random(20))
    _, contributions = combination.combine(term_values(evidence), evidence)
    np.testing.assert_allclose(contributions.sum(axis=1), 1.0)


def test_without_evidence_against_any_signal_there_are_no_contributions() -> None:
    combination = Combination(np.ones(COUNT), memory=1e9)
    _, contributions = combination.combine(np.zeros((COUNT, 1)), np.zeros((COUNT, 1, 3)))
    assert contributions.tolist() == [[0.0, 0.0, 0.0]]


def test_a_mean_is_the_weighted_mean_of_what_was_learned() -> None:
    random = np.random.default_rng(0)
    combination = Combination(np.ones(2), memory=1e9)
    terms, weights = 1.0 + random.random((2, 60)), random.random(60)
    for block in np.split(np.arange(60), [1, 5, 20]):
        combination.learn(terms[:, block], weights[block])
    np.testing.assert_allclose(combination.mean, np.average(terms, axis=1, weights=weights))


def test_a_model_of_a_few_rows_does_not_divide_a_term_away_for_hundreds_of_them() -> None:
    combination = Combination(np.ones(1), memory=1e9)
    for _ in range(10):
        combination.learn(np.array([[1e4]]), np.ones(1))
    combination.learn(np.ones((1, 190)), np.ones(190))
    assert combination.mean[0] <= 1.0 + FIRST_CLIP * 10 / 200


def test_one_extreme_event_does_not_dull_a_term() -> None:
    combination = Combination(np.ones(1), memory=1e9)
    combination.learn(np.ones((1, 100)), np.ones(100))
    combination.learn(np.array([[1e9]]), np.ones(1))
    assert combination.mean[0] <= 1.0 + OUTLIER_CLIP * (1.0 + FLOOR) / 101
    assert combination.rows > TRUSTED_AFTER
