"""Quantiles of what a Prometheus histogram has counted."""

from __future__ import annotations

import math
from collections.abc import Mapping


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """The value that a share of the observations stays below, interpolated within its bucket.

    As Prometheus's ``histogram_quantile`` does it: what is in the last bucket counts as its lower bound.

    Args:
        buckets: upper bound, infinity included → observations up to it.
        share: 0–1.

    Returns:
        ``None`` if nothing was observed.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0.0:
        return None
    rank, lower, below = share * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if math.isinf(bound):
                return lower
            inside = buckets[bound] - below
            return lower + (bound - lower) * (rank - below) / inside if inside > 0.0 else bound
        lower, below = bound, buckets[bound]
    return lower
