"""The percentile threshold against numpy's quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.histogram import BUCKETS, CENTRES, EDGES, FAULTS_AT_MOST, first_faulty, quantile
from dataflows.detector.threshold import CLIMB, SETTLED_AFTER, SETTLED_CLIMB, PercentileThreshold, winsorised

ONE = np.array([0], np.intp)
BUCKET = EDGES[1] / EDGES[0]


LEVEL = 0.95


def threshold(*, prior: float = 1e-6, memory: float = 1e12) -> PercentileThreshold:
    made = PercentileThreshold(prior=prior, memory=memory)
    made.grow(3)
    return made


def teach(made: PercentileThreshold, errors: np.ndarray, slot: int = 0, level: float = LEVEL) -> None:
    made.learn(np.full(len(errors), slot, np.intp), errors, np.ones(len(errors)), level)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), percentile=st.sampled_from([50.0, 90.0, 95.0, 99.0]))
def test_it_is_the_quantile_within_one_bucket(seed: int, percentile: float) -> None:
    errors = np.random.default_rng(seed).lognormal(0.5, 0.7, 30_000)
    made = threshold()
    teach(made, errors, level=percentile / 100)
    exact = np.quantile(errors, percentile / 100, method="inverted_cdf")
    assert exact / BUCKET <= made.of(ONE)[0] <= exact * BUCKET


def test_the_expected_share_of_later_errors_is_above_it() -> None:
    random = np.random.default_rng(0)
    made = threshold()
    teach(made, random.lognormal(size=50_000), level=0.99)
    above = (random.lognormal(size=200_000) > made.of(ONE)[0]).mean()
    assert above == pytest.approx(0.01, rel=0.1)


def test_a_new_vehicle_has_the_threshold_of_the_fleet() -> None:
    made = threshold(prior=100.0)
    teach(made, np.random.default_rng(1).lognormal(size=5000))
    assert made.of(np.array([2]))[0] == pytest.approx(made.of(ONE)[0], rel=0.02)


def test_a_vehicle_that_differs_from_the_fleet_gets_its_own_threshold() -> None:
    random = np.random.default_rng(2)
    made = threshold(prior=100.0, memory=5000.0)
    for _ in range(60):
        teach(made, random.lognormal(size=500), slot=0)
        teach(made, 5 * random.lognormal(size=500), slot=1)
    quiet, loud = made.of(np.array([0, 1]))
    assert loud / quiet == pytest.approx(5, rel=0.15)


def test_a_settled_threshold_climbs_in_small_steps_and_a_young_one_at_once() -> None:
    steps = {}
    for rows in (SETTLED_AFTER // 2, SETTLED_AFTER):
        made = threshold()
        teach(made, np.ones(rows))
        before = made.of(ONE)[0]
        teach(made, np.full(rows, 100.0))
        steps[rows] = made.of(ONE)[0] / before
    assert steps[SETTLED_AFTER // 2] > 50
    assert steps[SETTLED_AFTER] < SETTLED_CLIMB * BUCKET


def test_single_faults_are_distinguished_from_normal_errors_though_they_hardly_count() -> None:
    random = np.random.default_rng(6)
    errors = np.maximum(random.normal(1.0, 0.1, 20_000), 0.0)
    faulty = random.random(20_000) < 0.05
    errors[faulty] = 20.0
    bounds = []
    for weight in (1.0, 0.2):
        made = threshold()
        for part in np.split(np.arange(20_000), 20):
            slots = np.zeros(len(part), np.intp)
            made.learn(slots, errors[part], np.where(faulty[part], weight, 1.0), level=0.995)
        bounds.append(made.of(ONE)[0])
    assert max(bounds) < 1.6


def test_old_errors_fade() -> None:
    made = threshold(memory=500.0)
    for level in (8.0, 1.0):
        for _ in range(50):
            teach(made, np.full(100, level))
    assert made.of(ONE)[0] < 1.2


def test_before_anything_is_counted_it_is_zero() -> None:
    assert threshold().of(np.array([0, 1])).tolist() == [0.0, 0.0]


def test_an_error_counts_as_no_more_than_a_few_times_its_threshold() -> None:
    counted = winsorised(np.array([1.0, 100.0, 100.0]), np.array([2.0, 2.0, np.nan]))
    assert counted.tolist() == [1.0, 2.0 * CLIMB, 100.0]


@pytest.mark.parametrize("beyond", [1e-3, 1e-4, 1e-5])
def test_a_quantile_rarer_than_what_was_counted_is_extrapolated(beyond: float) -> None:
    random = np.random.default_rng(4)
    estimates = []
    for _ in range(20):
        errors = 1.0 + random.exponential(0.5, 5000)
        counts = np.bincount(np.searchsorted(EDGES, errors), minlength=len(EDGES)).astype(float)
        estimates.append(quantile(counts, float(counts.sum()), 1.0 - beyond))
    # The quantile of an exponential tail in closed form.
    assert np.median(estimates) == pytest.approx(1.0 - 0.5 * np.log(beyond), rel=0.15)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), faulty=st.sampled_from([-1.0, 0.0, 0.05]))
def test_a_rarer_quantile_is_never_lower(seed: int, faulty: float) -> None:
    counts = np.random.default_rng(seed).poisson(3.0, len(CENTRES)).astype(float)
    levels = [0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-9]
    quantiles = np.array([quantile(counts, float(counts.sum()), level, faulty) for level in levels])
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


@pytest.mark.parametrize("level", [0.99, 0.995, 0.999])
def test_in_a_steep_tail_the_expected_share_is_still_above_it(level: float) -> None:
    random = np.random.default_rng(7)
    made = threshold()
    teach(made, np.sqrt(random.chisquare(12, 100_000) / 12), level=level)
    above = (np.sqrt(random.chisquare(12, 1_000_000) / 12) > made.of(ONE)[0]).mean()
    assert above == pytest.approx(1 - level, rel=0.15)


def with_faults(normal: np.ndarray, positions: np.ndarray) -> np.ndarray:
    errors = normal.copy()
    errors[positions] = np.random.default_rng(9).uniform(3.0, 12.0, len(positions))
    return errors


def normal_errors(seed: int, rows: int = 10_000) -> np.ndarray:
    return 1.0 + np.random.default_rng(seed).exponential(0.17, rows)


@pytest.mark.parametrize("level", [0.99, 0.999, 0.9999])
@pytest.mark.parametrize("share", [0.03, 0.05, 0.08])
def test_single_faults_do_not_count_as_normal_events(level: float, share: float) -> None:
    normal = normal_errors(1)
    single = np.arange(5, len(normal), round(1 / share))
    made = threshold()
    teach(made, with_faults(normal, single), level=level)
    bound = made.of(ONE)[0]
    above = np.exp(-(bound - 1.0) / 0.17)
    assert 0.5 < above / (1 - level) < 2.0
    assert bound < 3.0


def test_consecutive_faults_are_not_mistaken_for_single_ones() -> None:
    normal = normal_errors(2)
    lasting = (np.arange(0, len(normal), 200)[:, None] + np.arange(8)).ravel()
    made = threshold()
    teach(made, with_faults(normal, lasting), level=0.99)
    assert made.of(ONE)[0] > 6.0


def test_faults_of_several_vehicles_at_once_are_single_ones_of_each() -> None:
    normal = np.repeat(normal_errors(3), 3)
    single = (np.arange(0, len(normal), 60)[:, None] + np.arange(3)).ravel()
    errors, slots = with_faults(normal, single), np.resize(np.arange(3), len(normal))
    made = threshold()
    made.learn(slots, errors, np.ones(len(errors)), 0.999)
    assert (made.of(np.arange(3)) < 3.0).all()


def test_more_than_a_few_are_not_considered_faults() -> None:
    normal = normal_errors(4)
    often = np.arange(0, len(normal), round(0.5 / FAULTS_AT_MOST))
    made = threshold()
    teach(made, with_faults(normal, often), level=0.95)
    assert made.of(ONE)[0] > 4.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("level", [0.95, 0.99, 0.999])
def test_a_heavy_tail_is_not_mistaken_for_faults(seed: int, level: float) -> None:
    random = np.random.default_rng(seed)
    made = threshold()
    teach(made, 1.0 + random.pareto(3.0, 50_000), level=level)
    exact = (1.0 - level) ** (-1.0 / 3.0)
    assert made.of(ONE)[0] == pytest.approx(exact, rel=0.25)


def test_a_vehicle_with_few_faults_of_its_own_is_judged_by_the_faults_of_the_fleet() -> None:
    made = threshold(prior=100.0)
    normal = normal_errors(5)
    teach(made, with_faults(normal, np.arange(5, len(normal), 20)), slot=0, level=0.999)
    few = normal_errors(6, 60)
    teach(made, with_faults(few, np.array([30])), slot=1, level=0.999)
    assert made.of(np.array([1]))[0] < 3.0


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    memory=st.sampled_from([20.0, 40.0, 1000.0, 1e12]),
    level=st.sampled_from([0.5, 0.95, 0.999]),
)
def test_empty_buckets_make_no_difference(seed: int, memory: float, level: float) -> None:
    random = np.random.default_rng(seed)
    made = threshold(prior=50.0, memory=memory)
    teach(made, 400.0 * random.lognormal(size=50), slot=1, level=level)
    # Long enough for a fleet with a short memory to forget the errors of the silent vehicle completely.
    for _ in range(4):
        teach(made, random.lognormal(size=random.integers(5_000, 10_000)), level=level)
    teach(made, random.lognormal(size=3), slot=1, level=level)
    assert made.of(np.array([1]))[0] == by_all_buckets(made, 1, level)


@pytest.mark.parametrize("bucket", range(20, 28))
def test_the_highest_bucket_may_be_any(bucket: int) -> None:
    made = threshold(prior=50.0)
    teach(made, np.repeat([0.99 * EDGES[bucket - 1], 0.99 * EDGES[bucket]], [200, 300]))
    assert made.of(ONE)[0] == by_all_buckets(made, 0, LEVEL)


def by_all_buckets(made: PercentileThreshold, slot: int, level: float) -> float:
    """The threshold of a vehicle after its errors were counted, from all buckets, empty or not."""
    rows = float(made.fleet_counts.sum())
    whole = made.fleet_counts * (made.prior / rows) + made.counts[slot]
    first = first_faulty(made.fleet_shape, made.fleet_pairs, level)
    faulty = float(made.fleet_counts[first:].sum()) / rows if first < BUCKETS else -1.0
    sums = [whole[start::4].cumsum()[-1] for start in range(4)]
    return quantile(whole, (sums[0] + sums[1]) + (sums[2] + sums[3]), level, faulty)
