"""How terms become one error with shares per signal."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.detector.terms import Combination, energy, shares, worst_residual


def test_the_worst_residual_has_no_sign() -> None:
    assert worst_residual(np.array([[1.0, -3.0], [0.5, 0.2]])).tolist() == [3.0, 0.5]


def test_energy_is_the_mean_square_of_what_was_observed() -> None:
    scores = np.array([[1.0, 3.0], [2.0, 9.0], [1.0, 1.0]])
    observed = np.array([[True, True], [True, False], [False, False]])
    assert energy(scores, observed).tolist() == [5.0, 4.0, 0.0]


def test_each_term_counts_over_its_own_mean() -> None:
    combination = Combination(np.array([1.0, 0.3]), start_up=0.0, memory=1e9)
    combination.learn(np.array([[2.0, 50.0], [4.0, 150.0]]), np.ones(2))
    evenly = np.full((1, 2), 0.5)
    error, _ = combination.combine(np.array([[3.0, 100.0]]), (evenly, evenly))
    np.testing.assert_allclose(error, [1.3])


def test_contributions_are_weighted_like_the_terms() -> None:
    combination = Combination(np.array([1.0, 1.0]), start_up=0.0, memory=1e9)
    combination.learn(np.array([[1.0, 1.0]]), np.ones(1))
    first, second = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    error, contributions = combination.combine(np.array([[3.0, 1.0]]), (first, second))
    assert error.tolist() == [4.0]
    assert contributions.tolist() == [[0.75, 0.25]]


@given(st.integers(0, 1000))
def test_shares_and_contributions_sum_to_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    combination = Combination(np.array([1.0, 0.3, 0.1]), start_up=0.0, memory=1e9)
    combination.learn(random.random((20, 3)), random.random(20))
    term_shares = tuple(shares(random.normal(size=(9, 5))) for _ in range(3))
    for share in term_shares:
        np.testing.assert_allclose(share.sum(axis=1), 1.0)
    _, contributions = combination.combine(random.random((9, 3)), term_shares)
    np.testing.assert_allclose(contributions.sum(axis=1), 1.0)


def test_an_error_of_nothing_has_no_contributions() -> None:
    combination = Combination(np.array([1.0]), start_up=0.0, memory=1e9)
    error, contributions = combination.combine(np.array([[5.0]]), (np.array([[1.0, 0.0]]),))
    assert error.tolist() == [0.0]
    assert contributions.tolist() == [[0.0, 0.0]]
