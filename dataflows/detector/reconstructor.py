"""Rebuild every signal from all the others: a masked linear autoencoder in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats, Mask, row_product
from dataflows.detector.state import ArrayState

IMPUTATION_SWEEPS = 3
"""Jacobi sweeps that fill in missing signals; one is exact for one missing signal."""

RENEWAL = 0.01
"""Share of new rows from which on the precision matrix is computed anew."""


class LinearReconstructor(ArrayState):
    """Leave-one-out linear reconstruction through the running precision matrix.

    With the precision matrix P = (R + ridge · I)⁻¹ of the correlation matrix R of the standardised
    signals z, the best linear estimate of signal i from all the others is
    ``z_i - (P z)_i / P_ii``, and its error has variance ``1 / P_ii`` (Lauritzen, "Graphical
    Models", 1996, section 5.1.3). It is what a linear autoencoder whose input i is masked converges
    to, without a learning rate and after a few hundred rows.

    One matrix serves all vehicles of a shard: it holds how signals move together *within* vehicles,
    whatever their levels and scales are.

    Args:
        signals: number of signals S.
        ridge: added to the diagonal of R; > 0. Small values see small breaks of exact relations.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("scatter", "weight", "precision", "pending")

    def __init__(self, signals: int, *, ridge: float, memory: float) -> None:
        self.ridge, self.memory = ridge, memory
        self.scatter = np.zeros((signals, signals))
        self.weight = np.zeros((signals, signals))
        self.precision = np.eye(signals) / (1.0 + ridge)
        self.pending = 0.0

    def reconstruct(self, scores: Floats, observed: Mask) -> tuple[Floats, Floats]:
        """Rebuild n rows of standard scores.

        Args:
            scores: standard scores z, shape (n, S), finite; 0 where not observed.
            observed: shape (n, S).

        Returns:
            The expected standard scores, and the residuals in units of their own standard deviation,
            ``(P z)_i / √P_ii``; both of shape (n, S). Where a signal is not observed its expectation is
            given the observed ones, and its residual is 0.
        """
        complete = self._complete(scores, observed)
        gradient = row_product(complete, self.precision)
        diagonal = np.diag(self.precision)
        expected = complete - gradient / diagonal
        return expected, _observed(gradient / np.sqrt(diagonal), observed)

    def residuals(self, scores: Floats, observed: Mask) -> Floats:
        """The residuals of `reconstruct` alone."""
        gradient = row_product(self._complete(scores, observed), self.precision)
        return _observed(gradient / np.sqrt(np.diag(self.precision)), observed)

    def _complete(self, scores: Floats, observed: Mask) -> Floats:
        """Missing scores replaced by what the others imply."""
        if observed.all():
            return scores
        diagonal = np.diag(self.precision)
        complete = scores
        for _ in range(IMPUTATION_SWEEPS):
            gradient = row_product(complete, self.precision)
            complete = np.where(observed, scores, complete - gradient / diagonal)
        return complete

    @property
    def deviation(self) -> Floats:
        """Standard deviation of each signal, shape (S,); 0 where it has never moved."""
        deviation: Floats = np.sqrt(np.diag(self.scatter) / np.maximum(np.diag(self.weight), 1e-300))
        return deviation

    def learn(self, deviations: Floats, weights: Floats) -> None:
        """Learn a block of n rows.

        Args:
            deviations: from the mean before each row, as from `learn_rows`, shape (n, S).
            weights: weight of each value, shape (n, S), ≥ 0; 0 where not observed.
        """
        root = np.sqrt(weights)
        together = root.T @ root
        self.scatter += deviations.T @ deviations
        self.weight += together
        heaviest = float(self.weight.max())
        if heaviest > self.memory:
            self.scatter *= self.memory / heaviest
            self.weight *= self.memory / heaviest
        self.pending += float(together.max())
        if self.pending >= RENEWAL * heaviest:
            self.precision = self._precision()
            self.pending = 0.0

    def _precision(self) -> Floats:
        covariance = self.scatter / np.maximum(self.weight, 1e-300)
        deviation = self.deviation
        moves = deviation > 0
        scale = np.where(moves, deviation, 1.0)
        correlation = np.where(np.outer(moves, moves), covariance / np.outer(scale, scale), 0.0)
        np.fill_diagonal(correlation, 1.0)
        # Pairs of signals seen at different times can give a matrix that is no correlation matrix;
        # a larger ridge makes it one.
        ridge, identity = self.ridge, np.eye(len(scale))
        while True:
            regularised = correlation + ridge * identity
            try:
                np.linalg.cholesky(regularised)
            except np.linalg.LinAlgError:
                ridge *= 4.0
                continue
            precision: Floats = np.linalg.inv(regularised).astype(np.float64)
            return precision


def _observed(residuals: Floats, observed: Mask) -> Floats:
    return np.where(observed, residuals, 0.0)
