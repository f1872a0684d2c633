"""The tail of a statistic: how rare values are that were hardly ever seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.alert.evidence_arrays import Records
from dataflows.alert.evidence_kernel import BUCKETS, STATISTICS, _bucket, _surprise
from dataflows.alert.tails import EDGES, LEAST_ROWS, fitted_tails
from dataflows.compiled import Floats


def counted(values: Floats) -> tuple[Floats, Floats]:
    """Histogram and total of the upward values of one signal's first statistic."""
    histogram = np.zeros((1, STATISTICS, 2, BUCKETS))
    for value in values:
        if value > 0.0:
            histogram[0, 0, 0, _bucket(value)] += 1.0
    return histogram, np.array([float(len(values))])


def tails_of(values: Floats, notable: float = 6.0) -> Records:
    return fitted_tails(*counted(values), notable)[0]


def surprise_of(values: Floats) -> list[float]:
    tail = tails_of(values)[0, 0, 0]
    return [float(_surprise(tail, float(value))) for value in np.linspace(0.0, 60.0, 400)]


normals = np.random.default_rng(0).normal(size=50_000)
samples = st.sampled_from(
    [normals, normals[:200], np.abs(normals) ** 3, np.round(normals), np.full(500, 2.0), np.zeros(5000)]
)


@given(samples)
def test_the_larger_the_value_the_larger_the_surprise(values: Floats) -> None:
    found = surprise_of(values)
    assert found == sorted(found)
    assert found[0] == 0.0
    assert all(math.isfinite(value) for value in found)
    assert found[-1] > 0.0


def test_too_few_rows_say_nothing() -> None:
    tails = tails_of(normals[: int(LEAST_ROWS) - 1])
    assert np.isnan(tails["start"]).all()
    assert _surprise(tails[0, 0, 0], 1e9) == 0.0


def test_what_was_never_large_is_as_rare_as_there_were_rows() -> None:
    tail = tails_of(normals)[0, 1, 0]
    assert _surprise(tail, tail["start"] * 1.001) == pytest.approx(math.log(len(normals)), abs=0.1)


@given(samples, st.floats(0.0, 40.0))
def test_a_notable_value_is_as_surprising_as_was_asked(values: Floats, notable: float) -> None:
    tail = tails_of(values, notable)[0, 0, 0]
    expected = max(notable, float(tail["nats"]))
    assert _surprise(tail, float(tail["notable"]) * (1.0 + 1e-9)) == pytest.approx(expected, abs=1e-3)


@given(st.floats(0.01, 250.0))
def test_a_value_is_within_five_percent_of_its_bucket(value: float) -> None:
    assert EDGES[_bucket(value)] == pytest.approx(value, rel=0.05)


@pytest.mark.parametrize("deviations", [2.5, 3.0, 3.5])
def test_within_the_data_it_is_how_often_it_was_so_large(deviations: float) -> None:
    """In nats, and rather less: what is rare must not be called rarer than it is."""
    share = 0.5 * math.erfc(deviations / math.sqrt(2.0))
    [surprise] = [_surprise(tails_of(normals)[0, 0, 0], deviations)]
    assert -math.log(share) - 2.5 <= surprise <= -math.log(share) + 0.7


def test_a_heavy_tail_is_less_surprising_than_a_light_one() -> None:
    heavy = np.random.default_rng(1).standard_t(3, 50_000)
    at = [_surprise(tails_of(values)[0, 0, 0], 12.0) for values in (normals, heavy)]
    assert at[0] > at[1] > 0.0


def test_one_faulty_value_in_a_thousand_changes_little() -> None:
    faulty = normals.copy()
    faulty[::1000] = 200.0
    at = [_surprise(tails_of(values)[0, 0, 0], 8.0) for values in (normals, faulty)]
    assert at[1] >= 0.5 * at[0]


def test_sides_are_fitted_by_themselves() -> None:
    histogram, totals = counted(normals)
    histogram[0, 0, 1] = np.roll(histogram[0, 0, 0], 20)
    tails = fitted_tails(histogram, totals, 6.0)[0][0, 0]
    assert _surprise(tails[0], 5.0) > _surprise(tails[1], 5.0)
