"""The terms of the error, and how they are combined into one number with shares per signal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats, Mask, row_sum
from dataflows.detector.state import ArrayState

LEAST_REACH = 10.0
"""Rows that the means reach back over at least."""

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

    The first `start_up` rows were scored by a model that knew next to nothing: the means forget them,
    or every later error would be measured against them for a long time.

    Args:
        weights: weight of each term, shape (T,), ≥ 0.
        start_up: rows that the means forget.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("total", "rows", "seen")

    def __init__(self, weights: Floats, *, start_up: float, memory: float) -> None:
        self.weights, self.start_up, self.memory = weights, start_up, memory
        self.total = np.zeros(len(weights))
        self.rows = 0.0
        self.seen = 0.0

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
        added = float(weights.sum())
        self.rows += added
        self.seen += added
        reach = min(self.memory, max(LEAST_REACH, self.seen - self.start_up))
        if self.rows > reach:
            self.total *= reach / self.rows
            self.rows = reach
