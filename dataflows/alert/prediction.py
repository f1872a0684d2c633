"""How each signal is predicted from all others, computed from what was learned, for the evidence kernel."""

from __future__ import annotations

import numpy as np

from dataflows.alert import evidence_arrays as at
from dataflows.compiled import Floats, compiled

RIDGE = 1e-3
"""Added to the diagonal of the correlations; as the detector's `ridge`."""

LEAST_DEVIATION = 1e-9
"""Of a value or a change, in its standard deviations: with less it does not move."""

LARGEST_OFF, LARGEST_MOVED, CHANGES_KNOWN = 10.0, 10.0, 50.0
"""Standard deviations to which values and changes are limited before they are learned; changes only once more
than `CHANGES_KNOWN` of them have been seen."""


def precision_matrix(scatter: Floats, weight: float) -> Floats:
    """The inverse of the correlations of S values and S changes, shape (2 · S, 2 · S).

    Args:
        scatter: sums of their weighted products, shape (2 · S, 2 · S).
        weight: sum of the weights.
    """
    return np.linalg.inv(_correlations(scatter, weight)).astype(np.float64, copy=False)


def scales_and_residual(precision: Floats, sums: Floats) -> tuple[Floats, Floats]:
    """Leave out value and change of one signal at a time, and predict both from all others.

    The inverse of a signal's block of the precision matrix is the covariance of its two residuals
    (Lauritzen, "Graphical Models", 1996, section 5.1.3).

    Args:
        precision: as returned by `precision_matrix`.
        sums: as in `evidence_arrays.Learned`.

    Returns:
        ``scales`` and ``residual`` of `evidence_arrays.InForce`.
    """
    count = sums.shape[1]
    scales, residual = np.empty((at.SCALES, count)), np.empty((2 * count, 2 * count))
    _fill(precision, sums, scales, residual)
    return scales, residual


@compiled
def _correlations(scatter: Floats, weight: float) -> Floats:
    """With the ridge; what does not move correlates with nothing."""
    correlations = np.zeros_like(scatter)
    for first in range(len(scatter)):
        own = np.sqrt(scatter[first, first] / weight)
        correlations[first, first] = 1.0 + RIDGE
        for second in range(first):
            other = np.sqrt(scatter[second, second] / weight)
            if min(own, other) > LEAST_DEVIATION:
                correlations[first, second] = scatter[first, second] / weight / (own * other)
                correlations[second, first] = correlations[first, second]
    return correlations


@compiled
def _fill(precision: Floats, sums: Floats, scales: Floats, residual: Floats) -> None:
    count = sums.shape[1]
    for signal in range(count):
        # A signal that moves by a single step of its resolution is never unusual.
        least = sums[at.RESOLUTION, signal]
        least = least if np.isfinite(least) else 0.0
        deviation, change = 0.0, 0.0
        if sums[at.MOVES, signal] > 0.0:
            square = sums[at.SCATTER, signal] / max(sums[at.SCATTER_ROWS, signal], 1e-300)
            deviation = max(np.sqrt(square), least)
            square = sums[at.CHANGE_SQUARE, signal] / max(sums[at.CHANGES, signal], 1e-300)
            change = max(np.sqrt(square), least)
        of_level, of_jump = precision[signal, signal], precision[count + signal, count + signal]
        of_both = precision[signal, count + signal]
        determinant = of_level * of_jump - of_both * of_both
        level, shared, jump = of_jump / determinant, -of_both / determinant, of_level / determinant
        by_level, by_jump = np.sqrt(level), np.sqrt(jump)
        for other in range(2 * count):
            row, moved = precision[other, signal], precision[other, count + signal]
            residual[other, signal] = row * (level / by_level) + moved * (shared / by_level)
            residual[other, count + signal] = row * (shared / by_jump) + moved * (jump / by_jump)
        level_unit, jump_unit = deviation * by_level, change * by_jump
        per_level_unit = 1.0 / level_unit if level_unit > 0.0 else 0.0
        per_jump_unit = 1.0 / jump_unit if jump_unit > 0.0 else 0.0
        scales[at.PER_DEVIATION, signal] = 1.0 / deviation if deviation > 0.0 else 0.0
        scales[at.PER_CHANGE, signal] = 1.0 / change if change > 0.0 else 0.0
        scales[at.MOST_OFF, signal] = LARGEST_OFF * deviation if deviation > 0.0 else np.inf
        known = sums[at.CHANGES, signal] > CHANGES_KNOWN
        scales[at.MOST_MOVED, signal] = LARGEST_MOVED * change if known else np.inf
        scales[at.LEVEL_UNIT, signal], scales[at.JUMP_UNIT, signal] = level_unit, jump_unit
        scales[at.PER_LEVEL_UNIT, signal] = per_level_unit
        scales[at.LEAST_LEVEL, signal] = least * per_level_unit
        scales[at.PER_JUMP_UNIT, signal] = per_jump_unit
        scales[at.LEAST_JUMP, signal] = least * per_jump_unit
        scales[at.CORRELATION, signal] = shared / (by_level * by_jump)
