"""How the evidence against the signals becomes one error with shares per signal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.terms import (
    BUCKETS,
    FIRST,
    FLOOR,
    KNOWN_AFTER,
    LARGEST,
    NAMES,
    OUTLIER,
    POWER,
    STEEPEST,
    STEP,
    WORST,
    Combination,
    log_terms,
)

COUNT = len(NAMES)
LOWEST = float(np.log(FLOOR))


def combination(weights: list[float], *, memory: float = 1e9) -> Combination:
    return Combination(np.array(weights), memory=memory)


def teach(made: Combination, logs: np.ndarray, block: int = 50) -> None:
    """Learn n rows in blocks, as the detector does."""
    for start in range(0, logs.shape[1], block):
        part = logs[:, start : start + block]
        made.learn(part, np.ones(part.shape[1]))


def errors(made: Combination, logs: np.ndarray) -> np.ndarray:
    return made.combine(logs, np.ones((*logs.shape, 1)))[0]


def pareto(mean: float, rows: int, seed: int = 0) -> np.ndarray:
    """Logarithms of the values of one term whose tail is a Pareto's with α = 1 / mean, shape (1, rows)."""
    return LOWEST + 2.0 + np.random.default_rng(seed).exponential(mean, (1, rows))


class OneByOne:
    """The tails of one term from a list of all rows."""

    def __init__(self, memory: float) -> None:
        self.memory, self.total = memory, 0.0
        self.rows: list[tuple[int, float]] = []
        self.start = self.surprise = self.excess = 0.0

    def learn(self, logs: np.ndarray, weights: np.ndarray) -> None:
        known = self.total >= KNOWN_AFTER
        self.total += float(weights.sum())
        counted = weights > 0
        for log, weight in zip(logs[counted].tolist(), weights[counted].tolist(), strict=True):
            limited = min(log, self.start + OUTLIER * self.excess) if known else log
            bucket = min(max(int((limited - LOWEST) / STEP), 0), BUCKETS - 1)
            self.rows.append((bucket, weight * min(1.0, self.total / FIRST) ** 2))
        if self.total > self.memory:
            self.rows = [(bucket, weight * self.memory / self.total) for bucket, weight in self.rows]
            self.total = self.memory
        whole = sum(weight for _, weight in self.rows)

        def above(least: int) -> float:
            return sum(weight for bucket, weight in self.rows if bucket >= least)

        first = next(least for least in range(BUCKETS + 1) if above(least) <= whole / 2)
        self.start = LOWEST + first * STEP
        self.surprise = -np.log((above(first) + 1) / (whole + 1))
        excesses = [
            (weight, (bucket - first + 0.5) * STEP) for bucket, weight in self.rows if bucket >= first
        ]
        mean = sum(weight * excess for weight, excess in excesses) / above(first) if excesses else 0.0
        self.excess = max(mean, STEEPEST)

    def of(self, log: float) -> float:
        """The surprise of a value."""
        if self.total < KNOWN_AFTER or log <= self.start:
            return 0.0
        return min(self.surprise + (log - self.start) / self.excess, LARGEST)


def test_some_terms_are_their_worst_signal_and_the_others_a_mean() -> None:
    evidence = np.zeros((COUNT, 1, 4))
    evidence[:, 0] = [0.0, 8.0, 4.0, 0.0]
    terms = np.exp(log_terms(evidence)[:, 0]) - FLOOR
    np.testing.assert_allclose(terms, [8.0] * WORST + [3.0] * (COUNT - WORST))


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    memory=st.sampled_from([60.0, 1e9]),
    spread=st.sampled_from([0.0, 0.3, 2.0, 8.0]),
    cuts=st.lists(st.integers(1, 249), max_size=8, unique=True).map(sorted),
)
def test_the_errors_are_those_of_the_reference(
    seed: int, memory: float, spread: float, cuts: list[int]
) -> None:
    random = np.random.default_rng(seed)
    logs = np.maximum(random.normal(-1.0, spread, (2, 250)), LOWEST)
    weights = random.random(250) * (random.random(250) < 0.7)
    made, references = combination([0.5, 2.0], memory=memory), [OneByOne(memory), OneByOne(memory)]
    asked = random.uniform(LOWEST, 8.0, (2, 20))
    for block in np.split(np.arange(250), cuts):
        made.learn(logs[:, block], weights[block])
        if weights[: block[-1] + 1].any():
            for reference, own in zip(references, logs, strict=True):
                reference.learn(own[block], weights[block])
        surprises = [
            [reference.of(log) for log in own]
            for reference, own in zip(references, asked.tolist(), strict=True)
        ]
        expected = ((np.array([[0.5], [2.0]]) * surprises) ** POWER).sum(axis=0) ** (1 / POWER)
        np.testing.assert_allclose(errors(made, asked), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("mean", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("share", [0.2, 0.01, 1e-3, 1e-6])
def test_a_surprise_is_how_rare_a_value_is_whatever_the_tail_of_its_term(mean: float, share: float) -> None:
    made = combination([1.0])
    teach(made, pareto(mean, 20_000))
    value = LOWEST + 2.0 - mean * np.log(share)
    assert errors(made, np.array([[value]]))[0] == pytest.approx(-np.log(share), rel=0.1)


def test_half_of_the_rows_are_no_surprise() -> None:
    made = combination([1.0])
    logs = pareto(0.5, 20_000)
    teach(made, logs)
    assert (errors(made, logs) == 0.0).mean() == pytest.approx(0.5, abs=0.1)


def test_a_term_that_is_nearly_always_nothing_is_as_surprising_as_it_is_rare() -> None:
    made = combination([1.0])
    logs = np.full((1, 20_000), LOWEST)
    logs[0, ::100] = 0.0
    teach(made, logs)
    assert errors(made, np.array([[LOWEST, 0.0]])) == pytest.approx([0.0, -np.log(0.01)], abs=1.1)


def test_no_surprise_is_larger_than_a_limit() -> None:
    made = combination([0.5])
    teach(made, pareto(0.1, 1000))
    assert errors(made, np.array([[100.0]])).tolist() == [0.5 * LARGEST]


def test_terms_are_combined_by_the_norm_of_their_weighted_surprises() -> None:
    logs = np.repeat(pareto(0.5, 5000), 2, axis=0)
    both, first = combination([3.0, 4.0]), combination([1.0])
    teach(both, logs)
    teach(first, logs[:1])
    asked = np.full((2, 1), LOWEST + 5.0)
    ratio = errors(both, asked)[0] / errors(first, asked[:1])[0]
    assert ratio == pytest.approx((3.0**4 + 4.0**4) ** 0.25)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_an_error_never_falls_when_a_term_rises(seed: int) -> None:
    random = np.random.default_rng(seed)
    made = combination(random.random(3).tolist())
    teach(made, np.maximum(random.normal(-1.0, 1.0, (3, 500)), LOWEST))
    rising = np.repeat(random.uniform(LOWEST, 3.0, (3, 1)), 100, axis=1)
    rising[random.integers(3)] = np.linspace(LOWEST, 20.0, 100)
    assert (np.diff(errors(made, rising)) >= -1e-9).all()


def test_contributions_follow_the_fourth_powers_of_surprises_and_the_squares_of_evidence() -> None:
    made = combination([1.0, 0.5])
    teach(made, np.repeat(pareto(0.5, 5000), 2, axis=0))
    evidence = np.array([[[1.0, 0.0, 3.0]], [[0.0, 1.0, 0.0]]])
    _, contributions = made.combine(np.full((2, 1), LOWEST + 5.0), evidence)
    np.testing.assert_allclose(contributions, np.array([[1.6, 1.0, 14.4]]) / 17)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_contributions_sum_to_one_where_there_is_an_error_and_to_nothing_elsewhere(seed: int) -> None:
    random = np.random.default_rng(seed)
    made = combination(random.random(COUNT).tolist())
    teach(made, log_terms(random.random((COUNT, 300, 5))))
    evidence = random.random((COUNT, 9, 5)) * random.choice([0.0, 0.5, 1.0, 3.0], 9)[:, None]
    error, contributions = made.combine(log_terms(evidence), evidence)
    np.testing.assert_allclose(contributions.sum(axis=1), error > 0)
    assert (contributions >= 0).all()


def test_before_enough_rows_are_known_there_is_no_error() -> None:
    made = combination([1.0])
    made.learn(pareto(0.5, int(KNOWN_AFTER) - 1), np.ones(int(KNOWN_AFTER) - 1))
    assert errors(made, np.array([[5.0]])).tolist() == [0.0]
    made.learn(pareto(0.5, 1), np.ones(1))
    assert errors(made, np.array([[5.0]]))[0] > 0.0


def test_the_first_rows_of_a_young_model_do_not_make_a_tail_heavy_for_hundreds_of_them() -> None:
    usual = pareto(0.5, 300)
    wrong = np.full((1, 20), np.log(1e4))
    clean, young = combination([1.0]), combination([1.0])
    teach(clean, usual, block=10)
    teach(young, np.concatenate([wrong, usual], axis=1), block=10)
    asked = np.array([[LOWEST + 5.0]])
    assert errors(young, asked)[0] > 0.8 * errors(clean, asked)[0]


@pytest.mark.parametrize(("share", "least"), [(0.002, 0.95), (0.05, 0.4)])
def test_gross_faults_make_a_tail_heavier_by_a_limited_factor_only(share: float, least: float) -> None:
    usual = pareto(0.5, 5000)
    faulty = usual.copy()
    faulty[0, 1000 :: round(1 / share)] = np.log(1e8)
    clean, dulled = combination([1.0]), combination([1.0])
    teach(clean, usual)
    teach(dulled, faulty)
    asked = np.array([[LOWEST + 6.0]])
    assert errors(dulled, asked)[0] > least * errors(clean, asked)[0]


def test_old_rows_are_forgotten() -> None:
    made = combination([1.0], memory=500.0)
    teach(made, pareto(2.0, 5000))
    teach(made, pareto(0.2, 5000))
    fresh = combination([1.0], memory=500.0)
    teach(fresh, pareto(0.2, 5000))
    asked = np.array([[LOWEST + 3.0]])
    np.testing.assert_allclose(errors(made, asked), errors(fresh, asked), rtol=0.02)
