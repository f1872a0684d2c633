"""Leave-one-out reconstruction against one regression per signal."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from dataflows.detector.linear import LinearReconstructor

SIGNALS = 4
TINY_RIDGE = 1e-9


def correlated(rows: int = 400) -> np.ndarray:
    random = np.random.default_rng(5)
    values = random.normal(size=(rows, SIGNALS)) @ random.normal(size=(SIGNALS, SIGNALS))
    values -= values.mean(axis=0)
    standardised: np.ndarray = values / values.std(axis=0)
    return standardised


def taught(values: np.ndarray, ridge: float = TINY_RIDGE) -> LinearReconstructor:
    made = LinearReconstructor(SIGNALS, ridge=ridge, memory=1e9)
    made.learn(values, np.ones_like(values))
    return made


@pytest.mark.parametrize("signal", range(SIGNALS))
def test_each_signal_is_what_a_regression_on_the_others_predicts(signal: int) -> None:
    values = correlated()
    others = np.delete(values, signal, axis=1)
    regression = LinearRegression(fit_intercept=False).fit(others, values[:, signal])
    expected, residuals = taught(values).reconstruct(values, np.ones_like(values, bool))
    predicted = regression.predict(others)
    np.testing.assert_allclose(expected[:, signal], predicted, atol=1e-5)
    error = values[:, signal] - predicted
    np.testing.assert_allclose(residuals[:, signal], error / error.std(), atol=1e-4)


def test_a_ridge_shrinks_the_expectation_as_ridge_regression_does() -> None:
    values, ridge = correlated(), 0.3
    correlation = values.T @ values / len(values)
    expected, _ = taught(values, ridge).reconstruct(values, np.ones_like(values, bool))
    for signal in range(SIGNALS):
        rest = [other for other in range(SIGNALS) if other != signal]
        gram = correlation[np.ix_(rest, rest)] + ridge * np.eye(SIGNALS - 1)
        coefficients = np.linalg.solve(gram, correlation[rest, signal])
        np.testing.assert_allclose(expected[:, signal], values[:, rest] @ coefficients, atol=1e-9)


def test_a_missing_signal_is_replaced_by_what_the_others_imply_and_has_no_residual() -> None:
    values = correlated()
    model = taught(values)
    complete, _ = model.reconstruct(values, np.ones_like(values, bool))
    observed = np.ones_like(values, bool)
    observed[:, 2] = False
    expected, residuals = model.reconstruct(np.where(observed, values, 0.0), observed)
    np.testing.assert_allclose(expected[:, 2], complete[:, 2], atol=1e-9)
    assert (residuals[:, 2] == 0).all()


def test_before_anything_is_learned_a_residual_is_the_signal_itself() -> None:
    expected, residuals = LinearReconstructor(2, ridge=0.001, memory=10.0).reconstruct(
        np.array([[1.0, -2.0]]), np.ones((1, 2), bool)
    )
    np.testing.assert_allclose(expected, 0.0, atol=1e-12)
    np.testing.assert_allclose(residuals, [[1.0, -2.0]], rtol=1e-3)


def test_pairs_that_contradict_each_other_still_give_a_usable_model() -> None:
    # Seen pair by pair: a with b and b with c agree, a with c disagrees; no joint distribution does that.
    model = LinearReconstructor(3, ridge=1e-6, memory=1e9)
    wave = np.random.default_rng(0).normal(size=500)
    for first, second, sign in ((0, 1, 1.0), (1, 2, 1.0), (0, 2, -1.0)):
        values, observed = np.zeros((500, 3)), np.zeros((500, 3), bool)
        values[:, first], values[:, second] = wave, sign * wave
        observed[:, [first, second]] = True
        model.learn(values, observed.astype(np.float64))
    assert (np.linalg.eigvalsh(model.precision) > 0).all()
