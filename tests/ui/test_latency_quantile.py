"""Quantiles of a histogram are those that Prometheus computes."""

from __future__ import annotations

import math

import pytest

from ui.pipeline.latency import quantile

BUCKETS = {0.1: 10.0, 1.0: 90.0, 10.0: 100.0, math.inf: 100.0}


@pytest.mark.parametrize(
    ("share", "seconds"),
    # As `histogram_quantile` of Prometheus 2.42 gives them.
    [(0.05, 0.05), (0.1, 0.1), (0.5, 0.55), (0.9, 1.0), (0.95, 5.5), (1.0, 10.0)],
)
def test_a_quantile_is_interpolated_within_its_bucket(share: float, seconds: float) -> None:
    assert quantile(BUCKETS, share) == pytest.approx(seconds)


def test_what_is_beyond_the_last_bound_counts_as_that_bound() -> None:
    assert quantile({1.0: 1.0, math.inf: 100.0}, 0.95) == 1.0


@pytest.mark.parametrize("buckets", [{}, {1.0: 0.0, math.inf: 0.0}])
def test_without_observations_there_is_no_quantile(buckets: dict[float, float]) -> None:
    assert quantile(buckets, 0.5) is None
