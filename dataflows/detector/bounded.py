"""Values as the detector takes them: finite, and not so large that their squares are infinite."""

from __future__ import annotations

import numpy as np

from dataflows.compiled import Floats, Integers, compiled

LARGEST_VALUE = 1e12
"""In the signal's unit: finite values beyond ± this are replaced by it, as their squares must stay finite."""


@compiled
def bounded(values: Floats) -> tuple[Floats, Integers]:
    """Values within ±`LARGEST_VALUE`, NaN where missing or infinite, and each row's number of finite ones."""
    within, present = np.empty(values.shape), np.zeros(len(values), np.int64)
    for row in range(values.shape[0]):
        for signal in range(values.shape[1]):
            value = values[row, signal]
            finite = np.isfinite(value)
            within[row, signal] = min(max(value, -LARGEST_VALUE), LARGEST_VALUE) if finite else np.nan
            present[row] += finite
    return within, present
