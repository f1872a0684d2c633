"""The percentile threshold against numpy's quantiles, closed forms and a reference of one event at a time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dataflows.detector.histogram import (
    ASSUMED_TAIL,
    BODY,
    BUCKETS,
    EDGES,
    TAIL_ROWS,
    buckets_of,
    quantile,
    tail_of,
)
from dataflows.detector.threshold import (
    ASSUMED_MEAN,
    ASSUMED_ROWS,
    CLIMB,
    LEAST_MEMORY,
    PercentileThreshold,
)

ONE = np.array([0], np.intp)
BUCKET = EDGES[1] / EDGES[0]


LEVEL = 0.95


def threshold(*, prior: float = 1e-6, memory: float = 1e12) -> PercentileThreshold:
    made = PercentileThreshold(prior=prior, memory=memory)
    made.grow(3)
    return made


def teach(
    made: PercentileThreshold,
    errors: np.ndarray,
    slot: int = 0,
    level: float = LEVEL,
    *,
    block: int | None = None,
    limited: bool = False,
) -> None:
    """Count errors of one vehicle, all at once or in blocks; those after the first block may be limited."""
    for start in range(0, len(errors), block or len(errors)):
        part = errors[start : start + (block or len(errors))]
        slots = np.full(len(part), slot, np.intp)
        known = limited and made.rows_seen > 0
        made.learn(slots, made.limited(slots, part) if known else part, np.ones(len(part)), level)


def histogram(errors: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows per bucket, and their sum."""
    counts = np.bincount(buckets_of(errors), minlength=BUCKETS).astype(float)
    return counts, float(counts.sum())


class OneByOne:
    """What is counted of all vehicles, one event at a time."""

    def __init__(self, memory: float) -> None:
        self.memory = memory
        self.own: dict[int, np.ndarray] = {}
        self.rows: dict[int, int] = {}
        self.fleet = threshold().fleet_counts.copy()

    def count(self, slot: int, error: float, weight: float) -> None:
        added = weight * (np.arange(BUCKETS) == buckets_of(np.array([error]))[0])
        self.rows[slot] = self.rows.get(slot, 0) + 1
        spanned = np.clip(self.rows[slot], LEAST_MEMORY, self.memory)
        self.own[slot] = self.own.get(slot, 0.0) * np.exp(-1 / spanned) + added
        spanned = np.clip(sum(self.rows.values()), LEAST_MEMORY, self.memory * len(self.rows))
        self.fleet = self.fleet * np.exp(-1 / spanned) + added


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    memory=st.sampled_from([150.0, 1e6]),
    level=st.sampled_from([0.9, 0.99]),
    cuts=st.lists(st.integers(1, 399), max_size=6, unique=True).map(sorted),
)
def test_counts_are_those_of_one_event_at_a_time(
    seed: int, memory: float, level: float, cuts: list[int]
) -> None:
    random = np.random.default_rng(seed)
    slots, weights = random.integers(0, 3, 400), random.choice([0.0, 0.4, 1.0], 400)
    errors = random.lognormal(0.0, 1.5, 400)
    made, reference = threshold(prior=50.0, memory=memory), OneByOne(memory)
    for part in np.split(np.arange(400), cuts):
        made.learn(slots[part], errors[part], weights[part], level)
        for row in part.tolist():
            reference.count(int(slots[row]), float(errors[row]), float(weights[row]))
    np.testing.assert_allclose(made.fleet_counts, reference.fleet, rtol=1e-9, atol=1e-12)
    for slot, own in reference.own.items():
        np.testing.assert_allclose(made.counts[slot], own, rtol=1e-4, atol=1e-6)
        assert made.seen[slot] == reference.rows[slot]
    assert made.vehicles == len(reference.own)
    assert made.rows_seen == 400


@settings(deadline=None)
@given(seed=st.integers(0, 1000), percentile=st.sampled_from([50.0, 90.0, 95.0, 99.0]))
def test_it_is_the_quantile_within_one_bucket(seed: int, percentile: float) -> None:
    errors = np.random.default_rng(seed).lognormal(0.5, 0.7, 30_000)
    made = threshold()
    teach(made, errors, level=percentile / 100)
    exact = np.quantile(errors, percentile / 100, method="inverted_cdf")
    assert exact / BUCKET <= made.of(ONE)[0] <= exact * BUCKET


@pytest.mark.parametrize(("block", "limited"), [(50_000, False), (100, False), (100, True)])
def test_the_expected_share_of_later_errors_is_above_it(block: int, *, limited: bool) -> None:
    random = np.random.default_rng(0)
    made = threshold()
    teach(made, random.lognormal(size=50_000), level=0.99, block=block, limited=limited)
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


def test_before_anything_is_counted_it_is_zero() -> None:
    assert threshold().of(np.array([0, 1])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_at_first_errors_are_assumed_to_be_exponential(level: float) -> None:
    made = threshold()
    made.learn(ONE, np.ones(1), np.zeros(1), level)
    assert made.fleet_counts.sum() == pytest.approx(ASSUMED_ROWS, rel=0.02)
    assert made.of(ONE + 1)[0] == pytest.approx(-ASSUMED_MEAN * np.log(1 - level), rel=0.05)


def test_what_is_assumed_at_first_is_soon_outweighed() -> None:
    made = threshold(prior=400.0)
    teach(made, np.random.default_rng(3).exponential(0.3, 4000), block=50)
    assert made.of(ONE)[0] == pytest.approx(-0.3 * np.log(1 - LEVEL), rel=0.1)


def test_errors_are_limited_to_a_little_more_than_the_threshold_they_were_judged_by() -> None:
    made = threshold(prior=10.0)
    teach(made, np.ones(1000), slot=0)
    teach(made, np.full(1000, 5.0), slot=1)
    slots, errors = np.array([0, 1, 2, 0, 1, 2]), np.array([100.0, 100.0, 100.0, 0.5, 5.0, 0.0])
    expected = [*(CLIMB * made.of(np.arange(3))), 0.5, 5.0, 0.0]
    np.testing.assert_array_equal(made.limited(slots, errors), expected)


def test_it_climbs_in_small_steps_as_long_as_too_many_errors_lie_above_it() -> None:
    made, bounds = threshold(), []
    teach(made, np.ones(2000))
    for _ in range(60):
        bounds.append(made.of(ONE)[0])
        teach(made, np.full(500, 100.0), limited=True)
    steps = np.array(bounds[1:]) / bounds[:-1]
    assert steps.max() < CLIMB * BUCKET
    assert bounds[-1] == pytest.approx(100.0, rel=BUCKET - 1)


def test_old_errors_fade() -> None:
    made = threshold(memory=500.0)
    for level in (8.0, 1.0):
        for _ in range(50):
            teach(made, np.full(100, level))
    assert made.of(ONE)[0] < 1.2


def test_it_follows_errors_that_change_while_it_is_young() -> None:
    made = threshold(memory=10_000.0)
    random = np.random.default_rng(6)
    teach(made, random.lognormal(size=1000), block=50)
    teach(made, 2.0 * random.lognormal(size=5000), block=50)
    above = (2.0 * random.lognormal(size=100_000) > made.of(ONE)[0]).mean()
    assert above == pytest.approx(1 - LEVEL, rel=0.6)


def test_rows_that_do_not_count_do_not_change_it() -> None:
    random = np.random.default_rng(7)
    errors = random.exponential(1.0, 5000)
    bounds = []
    for gross in (1.0, 50.0):
        made = threshold()
        faulty = np.arange(5000) % 3 == 0
        for part in np.split(np.arange(5000), 50):
            shown = np.where(faulty[part], gross * errors[part], errors[part])
            made.learn(np.zeros(100, np.intp), shown, np.where(faulty[part], 0.0, 1.0), LEVEL)
        bounds.append(made.of(ONE)[0])
    assert bounds[0] == bounds[1]


@pytest.mark.parametrize("level", [0.99, 0.995, 0.999])
def test_in_a_steep_tail_the_expected_share_is_still_above_it(level: float) -> None:
    random = np.random.default_rng(7)
    made = threshold()
    teach(made, np.sqrt(random.chisquare(12, 100_000) / 12), level=level)
    above = (np.sqrt(random.chisquare(12, 1_000_000) / 12) > made.of(ONE)[0]).mean()
    assert above == pytest.approx(1 - level, rel=0.15)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("level", [0.95, 0.99, 0.999])
def test_a_heavy_tail_is_counted_where_enough_rows_lie_in_it(seed: int, level: float) -> None:
    random = np.random.default_rng(seed)
    made = threshold()
    teach(made, 1.0 + random.pareto(3.0, 50_000), level=level)
    exact = (1.0 - level) ** (-1.0 / 3.0)
    assert made.of(ONE)[0] == pytest.approx(exact, rel=0.25)


@pytest.mark.parametrize("beyond", [1e-3, 1e-4, 1e-5])
def test_a_quantile_rarer_than_what_was_counted_is_extrapolated_by_a_tail_that_becomes_gaussian(
    beyond: float,
) -> None:
    random = np.random.default_rng(4)
    estimates = [
        quantile(*histogram(1.0 + random.exponential(0.5, 5000)), 1.0 - beyond, 1.0) for _ in range(20)
    ]
    # In closed form: exponential up to the level of 0.995.
    reach = np.sqrt(np.log(0.1 / beyond) * np.log(0.1 / 0.005))
    assert np.median(estimates) == pytest.approx(1.0 - 0.5 * np.log(0.1) + 0.5 * reach, rel=0.05)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), tail=st.sampled_from([0.3, 1.0, ASSUMED_TAIL]))
def test_the_highest_errors_make_no_difference_to_a_quantile_rarer_than_what_was_counted(
    seed: int, tail: float
) -> None:
    errors = np.random.default_rng(seed).exponential(1.0, 2000)
    gross = errors.copy()
    gross[errors > np.quantile(errors, 0.97)] *= 20.0
    plain = quantile(*histogram(errors), 0.9999, tail)
    assert quantile(*histogram(gross), 0.9999, tail) == pytest.approx(plain, rel=1e-9)


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    rows=st.sampled_from([1.0, 30.0, 1000.0, 1e6]),
    tail=st.sampled_from([0.0, 0.5, 1.0, ASSUMED_TAIL]),
    counted=st.booleans(),
)
def test_a_rarer_quantile_is_never_lower(seed: int, rows: float, tail: float, *, counted: bool) -> None:
    counts = np.random.default_rng(seed).poisson(3.0, BUCKETS).astype(float)
    counts *= rows / counts.sum()
    levels = 1.0 - np.logspace(-12, 0, 200)[::-1]
    levels = levels[(((1.0 - levels) * rows >= TAIL_ROWS) | (levels <= BODY)) == counted]
    assume(len(levels))
    quantiles = np.array([quantile(counts, rows, level, tail) for level in levels])
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles) >= -1e-9).all()


def test_of_no_rows_there_is_no_quantile() -> None:
    assert quantile(np.zeros(BUCKETS), 0.0, 0.99, 1.0) == 0.0


@pytest.mark.parametrize("level", [0.99, 0.995])
@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_the_tail_that_the_fleet_shows_extrapolates_a_part_of_it_to_what_was_counted(
    level: float, shape: float
) -> None:
    counts, rows = histogram(np.random.default_rng(8).weibull(shape, 100_000))
    counted = quantile(counts, rows, level, 1.0)
    few = TAIL_ROWS / 2 / (1.0 - level) / rows
    extrapolated = quantile(few * counts, few * rows, level, tail_of(counts, rows, level))
    assert extrapolated == pytest.approx(counted, rel=1e-3)


def test_a_tail_that_is_not_counted_or_too_heavy_is_the_assumed_one() -> None:
    heavy, rows = histogram(np.random.default_rng(9).pareto(1.0, 100_000))
    assert tail_of(heavy, rows, 0.999) == ASSUMED_TAIL
    few = 0.9 * TAIL_ROWS / 0.001
    assert tail_of(heavy * few / rows, few, 0.999) == ASSUMED_TAIL
    assert tail_of(heavy, rows, BODY) == ASSUMED_TAIL


@pytest.mark.parametrize("shape", [0.8, 1.0, 2.0])
def test_the_threshold_of_a_vehicle_with_few_rows_has_the_tail_of_the_fleet(shape: float) -> None:
    fleet = threshold(prior=1.0)
    random = np.random.default_rng(10)
    teach(fleet, random.weibull(shape, 300_000), slot=0, level=0.995, block=1000)
    bounds = []
    for _ in range(20):
        made = copy.deepcopy(fleet)
        teach(made, 2.0 * random.weibull(shape, 400), slot=1, level=0.995, block=50)
        bounds.append(made.of(ONE + 1)[0])
    exact = 2.0 * np.log(200) ** (1 / shape)
    assert np.median(bounds) == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize("level", [0.99, 0.995])
@pytest.mark.parametrize("rows", [300, 1000, 5000])
def test_few_exponential_errors_are_not_flagged_more_often_than_promised(level: float, rows: int) -> None:
    above = []
    for seed in range(10):
        made = threshold(prior=400.0)
        teach(made, np.random.default_rng(seed).exponential(1.0, rows), level=level, block=50)
        above.append(np.exp(-made.of(ONE)[0]))
    assert np.mean(above) < 1.3 * (1 - level)


@pytest.mark.parametrize("level", [0.999, 0.9999])
@pytest.mark.parametrize("share", [0.03, 0.05, 0.08])
@pytest.mark.parametrize("rows", [500, 5000])
def test_single_faults_less_than_double_an_extrapolated_threshold(
    level: float, share: float, rows: int
) -> None:
    random = np.random.default_rng(11)
    for _ in range(5):
        normal = random.exponential(1.0, rows)
        faulty = np.where(random.random(rows) < share, 10.0 * normal, normal)
        clean, lifted = threshold(prior=400.0), threshold(prior=400.0)
        teach(clean, normal, level=level, block=50, limited=True)
        teach(lifted, faulty, level=level, block=50, limited=True)
        # Counted, it would be several times as high.
        assert lifted.of(ONE)[0] < 2 * clean.of(ONE)[0]


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
    made.fleet_counts[:] = 0.0
    teach(made, np.repeat([0.99 * EDGES[bucket - 1], 0.99 * EDGES[bucket]], [200, 300]))
    assert made.of(ONE)[0] == by_all_buckets(made, 0, LEVEL)


def by_all_buckets(made: PercentileThreshold, slot: int, level: float) -> float:
    """The threshold of a vehicle after its errors were counted, from all buckets, empty or not."""
    rows = float(made.fleet_counts.sum())
    whole = made.fleet_counts * (made.prior / rows) + made.counts[slot]
    sums = [whole[start::4].cumsum()[-1] for start in range(4)]
    tail = tail_of(made.fleet_counts, rows, level)
    return quantile(whole, (sums[0] + sums[1]) + (sums[2] + sums[3]), level, tail)


def test_a_vehicle_that_is_forgotten_has_the_threshold_of_the_fleet_again() -> None:
    made = threshold(prior=1.0)
    teach(made, np.full(3000, 1.0), slot=0)
    teach(made, np.full(300, 0.2), slot=1)
    assert made.of(ONE + 1)[0] < made.of(ONE)[0] / 2
    made.forget(np.array([1]))
    assert made.of(ONE + 1)[0] == made.fleet_bound
    assert made.vehicles == 1
