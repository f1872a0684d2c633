"""Running mean and scatter, updated row by row."""

from __future__ import annotations

import numpy as np

from dataflows.compiled import Floats, Slots, compiled


@compiled
def learn_rows(
    slots: Slots,
    values: Floats,
    weights: Floats,
    memory: float,
    count: Floats,
    mean: Floats,
    scatter: Floats | None,
) -> Floats:
    """Update the moments of the vehicles with n rows, in place.

    Welford's algorithm with weights (West, "Updating mean and variance estimates", CACM 1979): each row
    counts the same for up to `memory` rows, older ones are forgotten exponentially beyond.

    Args:
        slots: vehicle of each row, shape (n,).
        values: shape (n, C · S), finite; ignored where the weight is 0.
        weights: shape (n, S), ≥ 0, the same for each of the C sets of columns.
        memory: rows.
        count: weight so far, shape (V, S).
        mean: mean so far, shape (V, C · S).
        scatter: sum of squared deviations so far, shape (V, C · S); ``None`` if it is not needed.

    Returns:
        E, shape (n, C · S), such that EᵀE is what the rows add to the scatter, including the entries off the
        diagonal: the deviation of each value from the mean before it, times the root of its weight's share.
    """
    deviations = np.zeros_like(values)
    signals = weights.shape[1]
    for row in range(len(slots)):
        slot = slots[row]
        for signal in range(signals):
            weight = weights[row, signal]
            if weight == 0.0:
                continue
            before = count[slot, signal]
            total = before + weight
            share = weight / total
            root = np.sqrt(before * share)
            kept = memory / total if total > memory else 1.0
            count[slot, signal] = total * kept
            for column in range(signal, values.shape[1], signals):
                step = values[row, column] - mean[slot, column]
                deviation = step * root
                deviations[row, column] = deviation
                mean[slot, column] += step * share
                if scatter is not None:
                    scatter[slot, column] = (scatter[slot, column] + deviation * deviation) * kept
    return deviations
