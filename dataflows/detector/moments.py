"""Running moments: how a block of rows is merged into a mean and a scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataflows.detector.rowwise import Floats


@dataclass(frozen=True, slots=True)
class Merge:
    """What a block of n rows does to running moments, signal by signal.

    Attributes:
        added: weight of the block, shape (S,).
        step: by how much it moves the mean, shape (S,).
        within: D, deviations from the block's own mean, times the root of their weight, shape (n, S).
        between: E, deviation of the block's mean from the old one, as one row, shape (1, S). ``DᵀD + EᵀE``
            is what the block adds to the scatter, off the diagonal too.
    """

    added: Floats
    step: Floats
    within: Floats
    between: Floats


def merge(count: Floats, mean: Floats, values: Floats, weights: Floats) -> Merge:
    """Merge a block into moments (Chan, Golub & LeVeque, 1979).

    Args:
        count, mean: weight and mean so far, shape (S,).
        values: shape (n, S), finite.
        weights: shape (n, S), ≥ 0.
    """
    added = weights.sum(axis=0)
    block_mean = np.einsum("ij,ij->j", weights, values) / np.maximum(added, 1e-300)
    shift = np.where(added > 0, block_mean - mean, 0.0)
    total = np.maximum(count + added, 1e-300)
    within = np.sqrt(weights) * (values - block_mean)
    between = shift * np.sqrt(count * added / total)
    return Merge(added, shift * (added / total), within, between[None, :])
