"""The network against finite differences, Adam's formulas and relations that it must learn."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.linear import LinearReconstructor
from dataflows.detector.mlp import (
    ERROR_LIMIT,
    MlpReconstructor,
    Weights,
    loss_and_gradient,
    predictions,
)

SIGNALS, HIDDEN = 3, 4


def some_weights(seed: int = 0) -> Weights:
    random = np.random.default_rng(seed)
    return (
        random.normal(size=(SIGNALS, HIDDEN)),
        random.normal(size=HIDDEN),
        random.normal(size=(HIDDEN, SIGNALS)),
        random.normal(size=SIGNALS),
    )


def made(signals: int = SIGNALS, hidden: int = HIDDEN, steps: int = 4) -> MlpReconstructor:
    return MlpReconstructor(signals, hidden=hidden, learning_rate=0.01, steps=steps, memory=1e9)


@settings(deadline=None)
@given(seed=st.integers(0, 200))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    random = np.random.default_rng(seed)
    weights, scores, importance = (
        some_weights(seed),
        random.normal(size=(7, SIGNALS)),
        random.random((7, SIGNALS)),
    )
    _, gradient = loss_and_gradient(weights, scores, importance)
    tiny = 1e-6
    for part, slope in zip(weights, gradient, strict=True):
        for place in np.ndindex(part.shape):
            kept = part[place]
            part[place] = kept + tiny
            above, _ = loss_and_gradient(weights, scores, importance)
            part[place] = kept - tiny
            below, _ = loss_and_gradient(weights, scores, importance)
            part[place] = kept
            assert slope[place] == pytest.approx((above - below) / (2 * tiny), abs=1e-6)


def test_no_signal_is_reconstructed_from_itself() -> None:
    scores = np.random.default_rng(1).normal(size=(5, SIGNALS))
    before, _ = predictions(some_weights(), scores)
    scores[:, 1] += 2.0
    after, _ = predictions(some_weights(), scores)
    np.testing.assert_allclose(after[:, 1], before[:, 1])
    assert (np.abs(after - before)[:, [0, 2]] > 1e-6).all()


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate() -> None:
    # Kingma & Ba, section 2.1: the first step is the learning rate times the sign of the gradient.
    scores = np.random.default_rng(2).normal(size=(20, SIGNALS))
    network = made(steps=1)
    network.weights = some_weights()
    before = [part.copy() for part in network.weights]
    _, gradient = loss_and_gradient(network.weights, scores, np.ones_like(scores))
    network.learn(scores, np.ones_like(scores))
    for old, new, slope in zip(before, network.weights, gradient, strict=True):
        np.testing.assert_allclose(new - old, -0.01 * np.sign(slope), rtol=1e-4)


def test_a_nonlinear_relation_is_learned_that_the_linear_one_cannot_represent() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=6000)
    values = np.stack((x, (x * x - 1.0) / np.sqrt(2.0)), axis=1) + 0.05 * random.normal(size=(6000, 2))
    network, linear = made(2, hidden=8), LinearReconstructor(2, ridge=0.001, memory=1e9)
    for block in np.array_split(values[:5000], 150):
        network.learn(block, np.ones_like(block))
        linear.learn(block, np.ones_like(block))
    rest = np.clip(values[5000:], -2, 2)
    seen = np.ones_like(rest, bool)
    error = [np.abs(model.reconstruct(rest, seen)[0] - rest)[:, 1].mean() for model in (network, linear)]
    assert error[0] < 0.5 * error[1]


def test_before_it_has_learned_every_signal_is_expected_at_its_mean() -> None:
    scores = np.array([[1.0, -2.0, 0.5]])
    expected, residuals = made().reconstruct(scores, np.ones_like(scores, bool))
    assert expected.tolist() == [[0.0, 0.0, 0.0]]
    np.testing.assert_allclose(residuals, scores)


def test_an_outlier_leaves_the_network_usable() -> None:
    random = np.random.default_rng(4)
    drive = random.normal(size=(3000, 1))
    values = np.concatenate((drive, -drive, drive), axis=1) + 0.1 * random.normal(size=(3000, 3))
    network = made()
    for block in np.array_split(values, 100):
        network.learn(block, np.ones_like(block))
    before = network.reconstruct(values, np.ones_like(values, bool))[0]
    network.learn(np.full((1, SIGNALS), 1e4), np.ones((1, SIGNALS)))
    after = network.reconstruct(values, np.ones_like(values, bool))[0]
    assert np.abs(after - before).mean() < 0.2
    assert network.error.max() / network.rows.max() < ERROR_LIMIT


def test_a_missing_signal_has_no_residual() -> None:
    network = made()
    observed = np.array([[True, False, True]])
    assert network.reconstruct(np.array([[1.0, 0.0, 2.0]]), observed)[1][0, 1] == 0.0


@settings(deadline=None)
@given(seed=st.integers(0, 200), rows=st.integers(1, 20))
def test_a_row_is_reconstructed_identically_alone_and_among_others(seed: int, rows: int) -> None:
    network = made()
    network.weights = some_weights(seed)
    scores = np.random.default_rng(seed).normal(0, 3, (rows, SIGNALS))
    observed = np.ones_like(scores, bool)
    together = network.reconstruct(scores, observed)
    for row in range(rows):
        alone = network.reconstruct(scores[row : row + 1], observed[row : row + 1])
        for whole, part in zip(together, alone, strict=True):
            assert whole[row].tobytes() == part[0].tobytes()


def test_a_restored_network_keeps_learning_with_bit_identical_results() -> None:
    scores = np.random.default_rng(5).normal(size=(90, SIGNALS))
    network, copy = made(), made()
    network.learn(scores[:50], np.ones((50, SIGNALS)))
    copy.restore(pickle.loads(pickle.dumps(network.snapshot(0))))  # noqa: S301
    for one in (network, copy):
        one.learn(scores[50:], np.ones((40, SIGNALS)))
    for left, right in zip(network.weights, copy.weights, strict=True):
        assert left.tobytes() == right.tobytes()


def test_rows_without_weight_are_not_learned() -> None:
    network = made()
    network.learn(np.ones((5, SIGNALS)), np.zeros((5, SIGNALS)))
    assert network.steps_taken == 0
