"""The percentile threshold against numpy's quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.detector.threshold import CENTRES, CLIMB, EDGES, PercentileThreshold, quantile, restrained

ONE = np.array([0], np.intp)
BUCKET = EDGES[1] / EDGES[0]


LEVEL = 0.95


def threshold(*, prior: float = 1e-6, memory: float = 1e12) -> PercentileThreshold:
    made = PercentileThreshold(prior=prior, memory=memory)
    made.grow(3)
    return made


def teach(made: PercentileThreshold, errors: np.ndarray, slot: int = 0, level: float = LEVEL) -> None:
    made.learn(np.full(len(errors), slot, np.intp), errors, np.ones(len(errors)), level)


@given(seed=st.integers(0, 1000), percentile=st.sampled_from([50.0, 90.0, 95.0, 99.0]))
def test_it_is_the_quantile_within_one_bucket(seed: int, percentile: float) -> None:
    errors = np.random.default_rng(seed).lognormal(0.5, 0.7, 30_000)
    made = threshold()
    teach(made, errors, level=percentile / 100)
    exact = np.quantile(errors, percentile / 100, method="inverted_cdf")
    assert exact / BUCKET <= made.of(ONE)[0] <= exact * BUCKET


def test_the_share_of_later_errors_above_it_is_what_was_asked_for() -> None:
    random = np.random.default_rng(0)
    made = threshold()
    teach(made, random.lognormal(size=50_000), level=0.99)
    above = (random.lognormal(size=200_000) > made.of(ONE)[0]).mean()
    assert above == pytest.approx(0.01, rel=0.1)


def test_a_new_vehicle_has_the_threshold_of_the_fleet() -> None:
    made = threshold(prior=100.0)
    teach(made, np.random.default_rng(1).lognormal(size=5000))
    assert made.of(np.array([2]))[0] == pytest.approx(made.of(ONE)[0], rel=0.02)


def test_a_vehicle_of_its_own_kind_gets_its_own_threshold() -> None:
    random = np.random.default_rng(2)
    made = threshold(prior=100.0)
    teach(made, random.lognormal(size=20_000), slot=0)
    teach(made, 5 * random.lognormal(size=20_000), slot=1)
    quiet, loud = made.of(np.array([0, 1]))
    assert loud / quiet == pytest.approx(5, rel=0.15)


def test_old_errors_fade() -> None:
    made = threshold(memory=500.0)
    for level in (8.0, 1.0):
        for _ in range(50):
            teach(made, np.full(100, level))
    assert made.of(ONE)[0] < 1.2


def test_before_anything_is_counted_it_is_nothing() -> None:
    assert threshold().of(np.array([0, 1])).tolist() == [0.0, 0.0]


def test_an_error_counts_as_no_more_than_a_few_times_its_threshold() -> None:
    counted = restrained(np.array([1.0, 100.0, 100.0]), np.array([2.0, 2.0, np.nan]))
    assert counted.tolist() == [1.0, 2.0 * CLIMB, 100.0]


@pytest.mark.parametrize("beyond", [1e-3, 1e-4, 1e-5])
def test_a_quantile_rarer_than_what_was_counted_is_extrapolated(beyond: float) -> None:
    random = np.random.default_rng(4)
    estimates = []
    for _ in range(20):
        errors = 1.0 + random.exponential(0.5, 5000)
        counts = np.bincount(np.searchsorted(EDGES, errors), minlength=len(EDGES)).astype(float)
        estimates.append(quantile(counts, 1.0 - beyond))
    # The quantile of an exponential tail in closed form.
    assert np.median(estimates) == pytest.approx(1.0 - 0.5 * np.log(beyond), rel=0.15)


@given(seed=st.integers(0, 1000))
def test_a_rarer_quantile_is_never_lower(seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(3.0, len(CENTRES)).astype(float)
    levels = [0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-9]
    quantiles = np.array([quantile(counts, level) for level in levels])
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=0) >= -1e-9).all()


def test_a_threshold_follows_errors_that_change_while_it_is_young() -> None:
    made = threshold(memory=10_000.0)
    random = np.random.default_rng(6)
    for scale in (1.0, 1.0, 2.0, 2.0, 2.0, 2.0):
        for _ in range(10):
            teach(made, scale * random.lognormal(size=50))
    above = (2.0 * random.lognormal(size=100_000) > made.of(ONE)[0]).mean()
    assert above == pytest.approx(1 - LEVEL, rel=0.4)


def with_faults(*, lasting: bool) -> np.ndarray:
    """Errors around 1, one in twenty of them around 5: each by itself, or all in long runs."""
    random = np.random.default_rng(8)
    errors = random.gamma(20.0, 1 / 20.0, 20_000)
    faulty = (np.arange(20_000) // 50 % 20 == 0) if lasting else random.random(20_000) < 0.05
    return np.where(faulty, random.uniform(4.0, 8.0, 20_000), errors)


def test_single_faults_are_not_counted_as_the_tail_of_what_is_normal() -> None:
    made = threshold()
    teach(made, with_faults(lasting=False), level=0.999)
    normal = np.random.default_rng(9).gamma(20.0, 1 / 20.0, 20_000)
    assert np.quantile(normal, 0.995) < made.of(ONE)[0] < 4.0


def test_what_lasts_is_another_kind_of_normal_and_is_counted() -> None:
    made = threshold()
    teach(made, with_faults(lasting=True), level=0.999)
    assert made.of(ONE)[0] > 6.0
