"""Expectations with faulty signals left out, against conditional expectations of a normal distribution."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.linear import BLAMED_ABOVE, BLAMED_AT_MOST, LinearReconstructor
from dataflows.detector.mlp import MlpReconstructor

SIGNALS = 8
RIDGE = 0.01


def some_rows(rows: int, seed: int = 0) -> np.ndarray:
    """Correlated standard scores of which no residual is close to `BLAMED_ABOVE`."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(rows, 3)) @ np.random.default_rng(99).normal(size=(3, SIGNALS))
    values = hidden + np.clip(random.normal(size=(rows, SIGNALS)), -2.0, 2.0)
    scores: np.ndarray = values / np.sqrt((values * values).mean(axis=0))
    return scores


@pytest.fixture(scope="module")
def model() -> LinearReconstructor:
    made = LinearReconstructor(SIGNALS, ridge=RIDGE, memory=1e9)
    values = some_rows(5000)
    made.learn(values, np.ones_like(values))
    return made


def conditional(model: LinearReconstructor, scores: np.ndarray, known: np.ndarray) -> np.ndarray:
    """``E(z_i | z_k, k known and k ≠ i)`` of one row, from the covariance matrix."""
    covariance = np.linalg.inv(model.precision)
    expected = np.empty(SIGNALS)
    for signal in range(SIGNALS):
        given_by = [other for other in np.flatnonzero(known) if other != signal]
        weights = np.linalg.solve(covariance[np.ix_(given_by, given_by)], covariance[given_by, signal])
        expected[signal] = weights @ scores[given_by]
    return expected


def all_observed(scores: np.ndarray) -> np.ndarray:
    return np.ones_like(scores, bool)


@pytest.mark.parametrize("faulty", [[2], [0, 5], [1, 3, 6]])
def test_faults_leave_every_expectation_where_the_healthy_signals_put_it(
    model: LinearReconstructor, faulty: list[int]
) -> None:
    scores = some_rows(20, seed=1)
    scores[:, faulty] += np.array([40.0, -70.0, 150.0])[: len(faulty)]
    known = all_observed(scores[0])
    known[faulty] = False
    expected, _ = model.reconstruct(scores, all_observed(scores))
    for row in range(len(scores)):
        np.testing.assert_allclose(expected[row], conditional(model, scores[row], known), atol=1e-9)


@pytest.mark.parametrize("missing", [[4], [0, 4]])
def test_faults_beside_missing_signals(model: LinearReconstructor, missing: list[int]) -> None:
    scores = some_rows(20, seed=2)
    scores[:, 1] += 60.0
    scores[:, missing] = 0.0
    observed = all_observed(scores)
    observed[:, missing] = False
    known = observed[0].copy()
    known[1] = False
    expected, residuals = model.reconstruct(scores, observed)
    assert (residuals[:, missing] == 0).all()
    for row in range(len(scores)):
        np.testing.assert_allclose(expected[row], conditional(model, scores[row], known), atol=1e-9)


def test_the_size_of_a_fault_makes_no_difference(model: LinearReconstructor) -> None:
    small, large = some_rows(30, seed=3), some_rows(30, seed=3)
    small[:, 3] += 50.0
    large[:, 3] -= 5000.0
    first, second = (model.reconstruct(scores, all_observed(scores))[0] for scores in (small, large))
    np.testing.assert_allclose(first, second, atol=1e-8)


def test_residuals_do_not_depend_on_who_is_blamed(model: LinearReconstructor) -> None:
    scores = some_rows(50, seed=4)
    scores[::2, 5] += 30.0
    expected, residuals = model.reconstruct(scores, all_observed(scores))
    alone, without_blame = model.reconstruct(scores, all_observed(scores), np.zeros(SIGNALS, bool))
    assert residuals.tobytes() == without_blame.tobytes()
    usual = np.abs(residuals).max(axis=1) <= BLAMED_ABOVE
    assert usual.tolist() == [False, True] * 25
    assert expected[usual].tobytes() == alone[usual].tobytes()


def test_most_signals_of_a_row_are_always_trusted() -> None:
    apart = LinearReconstructor(4, ridge=0.1, memory=1e9)
    apart.precision = np.linalg.inv(np.full((4, 4), 0.8) + 0.3 * np.eye(4)).astype(np.float64)
    scores = np.array([[90.0, -50.0, 0.0, 0.0]])
    observed = np.ones((1, 4), bool)
    expected, _ = apart.reconstruct(scores, observed)
    # Only the first is left out: with the second one, half of the signals would be.
    covariance = np.linalg.inv(apart.precision)
    weights = np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    np.testing.assert_allclose(expected[0, 0], weights @ scores[0, 1:])
    assert BLAMED_AT_MOST == 3


def test_two_signals_that_contradict_each_other_are_both_believed() -> None:
    pair = LinearReconstructor(2, ridge=0.1, memory=1e9)
    pair.precision = np.linalg.inv(np.array([[1.1, 0.9], [0.9, 1.1]])).astype(np.float64)
    scores, observed = np.array([[30.0, 0.0]]), np.ones((1, 2), bool)
    np.testing.assert_allclose(pair.reconstruct(scores, observed)[0], [[0.0, 30.0 * 0.9 / 1.1]], atol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 200), rows=st.integers(1, 12), kind=st.sampled_from(["linear", "mlp"]))
def test_a_row_with_faults_is_identical_alone_and_among_others(
    model: LinearReconstructor, seed: int, rows: int, kind: str
) -> None:
    made = model if kind == "linear" else network()
    random = np.random.default_rng(seed)
    scores = some_rows(rows, seed) + 30.0 * (random.random((rows, SIGNALS)) < 0.2)
    observed = random.random((rows, SIGNALS)) < 0.8
    scores = np.where(observed, scores, 0.0)
    together = made.reconstruct(scores, observed)
    for row in range(rows):
        alone = made.reconstruct(scores[row : row + 1], observed[row : row + 1])
        for whole, part in zip(together, alone, strict=True):
            assert whole[row].tobytes() == part[0].tobytes()


@lru_cache
def network() -> MlpReconstructor:
    made = MlpReconstructor(SIGNALS, hidden=12, learning_rate=0.01, steps=4, memory=1e9)
    for block in np.array_split(some_rows(4000), 60):
        made.learn(block, np.ones_like(block))
    return made


def test_a_fault_moves_what_the_network_expects_of_healthy_signals_less_than_a_usual_error() -> None:
    made, scores = network(), some_rows(200, seed=5)
    clean, _ = made.reconstruct(scores, all_observed(scores))
    scores[:, 2] += 20.0
    spoilt, residuals = made.reconstruct(scores, all_observed(scores))
    healthy = [signal for signal in range(SIGNALS) if signal != 2]
    assert (np.abs(residuals[:, 2]) > BLAMED_ABOVE).all()
    assert np.abs(spoilt - clean)[:, healthy].mean() < 0.1
