"""The terms of the error, and how they are combined into one number with shares per signal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats, Mask, row_sum
from dataflows.detector.state import ArrayState

NAMES = ("reconstruction", "z_energy", "change")


def worst_residual(residuals: Floats) -> Floats:
    """Largest absolute residual of each row; shape (n, S) → (n,)."""
    worst: Floats = np.abs(residuals).max(axis=1)
    return worst


def energy(scores: Floats, observed: Mask) -> Floats:
    """Mean square of the observed scores of each row; shapes (n, S), (n, S) → (n,)."""
    count = row_sum(observed.astype(np.float64))
    return row_sum(np.where(observed, scores * scores, 0.0)) / np.maximum(count, 1.0)


def shares(scores: Floats) -> Floats:
    """Share of each signal in the row's sum of squares; shape (n, S); 0 where the sum is 0."""
    squares = scores * scores
    total = row_sum(squares)
    return squares / np.where(total > 0, total, 1.0)[:, None]


class Combination(ArrayState):
    """Weighted sum of the terms, each over its own running mean.

    Dividing by its mean makes each term about 1 on normal data whatever the signals are, so that
    the weights mean the same on every fleet and the error of a normal event is about their sum.

    Args:
        weights: weight of each term, shape (T,), ≥ 0.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("total", "rows")

    def __init__(self, weights: Floats, *, memory: float) -> None:
        self.weights, self.memory = weights, memory
        self.total = np.zeros(len(weights))
        self.rows = 0.0

    def combine(self, terms: Floats, term_shares: tuple[Floats, ...]) -> tuple[Floats, Floats]:
        """Error and contributions of n rows.

        Args:
            terms: shape (n, T).
            term_shares: T matrices of shape (n, S): the signals' shares in each term.

        Returns:
            The error, shape (n,), and each signal's share of it, shape (n, S), rows summing to 1
            (to 0 where the error is 0).
        """
        mean = self.total / max(self.rows, 1e-300)
        scale = np.where(mean > 0, self.weights / np.where(mean > 0, mean, 1.0), 0.0)
        weighted = terms * scale
        error = row_sum(weighted)
        contributions = weighted[:, :1] * term_shares[0]
        for term in range(1, len(term_shares)):
            contributions += weighted[:, term : term + 1] * term_shares[term]
        return error, contributions / np.where(error > 0, error, 1.0)[:, None]

    def learn(self, terms: Floats, weights: Floats) -> None:
        """Merge a block of terms, shape (n, T), with the weight of each row, shape (n,)."""
        self.total += (terms * weights[:, None]).sum(axis=0)
        self.rows += float(weights.sum())
        if self.rows > self.memory:
            self.total *= self.memory / self.rows
            self.rows = self.memory
