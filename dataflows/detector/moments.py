"""Running mean and scatter, one row after the other."""

from __future__ import annotations

import numpy as np

from dataflows.detector.compiled import compiled
from dataflows.detector.rowwise import Floats, Slots


@compiled
def learn_rows(
    slots: Slots, values: Floats, weights: Floats, memory: float, count: Floats, mean: Floats, scatter: Floats
) -> Floats:
    """Take n rows into the moments of their vehicles, in place.

    Welford's algorithm with weights (West, "Updating mean and variance estimates", CACM 1979), with a
    memory of 1/n up to `memory` rows and exponential forgetting beyond.

    Args:
        slots: vehicle of each row, shape (n,).
        values: shape (n, S), finite; what stands where the weight is 0 is ignored.
        weights: shape (n, S), ≥ 0.
        memory: rows.
        count, mean, scatter: weight, mean and sum of squared deviations so far, shape (V, S).

    Returns:
        E, shape (n, S), such that EᵀE is what the rows add to the scatter, off the diagonal too: the
        deviation of each value from the mean before it, times the root of its weight's share.
    """
    deviations = np.zeros_like(values)
    for row in range(len(slots)):
        slot = slots[row]
        for signal in range(values.shape[1]):
            weight = weights[row, signal]
            if weight == 0.0:
                continue
            before = count[slot, signal]
            total = before + weight
            share = weight / total
            step = values[row, signal] - mean[slot, signal]
            deviation = step * np.sqrt(before * share)
            deviations[row, signal] = deviation
            mean[slot, signal] += step * share
            grown = scatter[slot, signal] + deviation * deviation
            kept = memory / total if total > memory else 1.0
            scatter[slot, signal] = grown * kept
            count[slot, signal] = total * kept
    return deviations
