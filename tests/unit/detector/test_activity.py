"""Activity of a signal against that of the others."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from dataflows.detector.activity import RIDGE, STILLNESS, Activity, log_activity


def driving(rows: int = 2000) -> np.ndarray:
    """Activity of three correlated signals."""
    random = np.random.default_rng(0)
    together = random.normal(size=(rows, 1))
    return -2.0 + together + 0.2 * random.normal(size=(rows, 3))


def taught(rows: np.ndarray) -> Activity:
    activity = Activity(rows.shape[1], memory=1e9)
    for block in np.array_split(rows, 20):
        activity.learn(block, np.ones_like(block))
    return activity


def test_activity_is_the_logarithm_of_the_mean_change_in_deviations() -> None:
    activity = log_activity(np.array([[1.0, 0.0]]), np.array([[2.0, 3.0]]))
    np.testing.assert_allclose(activity, np.log([[STILLNESS + 0.5, STILLNESS]]))


def test_activity_is_unknown_for_a_signal_without_a_mean_change_or_that_never_moved() -> None:
    assert np.isnan(log_activity(np.array([[np.nan, 1.0]]), np.array([[1.0, 0.0]]))).all()


def test_residuals_are_those_of_a_ridge_regression_on_the_others() -> None:
    activity = driving()
    residuals = taught(activity).residuals(activity)
    standard = (activity - activity.mean(axis=0)) / activity.std(axis=0)
    for signal in range(3):
        others = np.delete(standard, signal, axis=1)
        ridge = Ridge(alpha=RIDGE * len(activity), fit_intercept=False).fit(others, standard[:, signal])
        error = standard[:, signal] - ridge.predict(others)
        assert np.corrcoef(error, residuals[:, signal])[0, 1] > 0.99999


def test_a_signal_that_stands_still_while_the_others_move_stands_out() -> None:
    activity = driving()
    stuck = np.array([[-0.5, -0.5, np.log(STILLNESS)]])
    residuals = np.abs(taught(activity).residuals(stuck))[0]
    assert residuals.argmax() == 2
    assert residuals[2] > 10


def test_signals_that_are_all_still_do_not_stand_out() -> None:
    residuals = np.abs(taught(driving()).residuals(np.full((1, 3), -4.0)))
    assert (residuals < 2).all()


def test_unknown_activity_has_no_residual_and_hides_no_other() -> None:
    residuals = taught(driving()).residuals(np.array([[-0.5, np.nan, np.log(STILLNESS)]]))[0]
    assert residuals[1] == 0.0
    assert abs(residuals[2]) > 8
