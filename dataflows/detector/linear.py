"""Reconstruct every signal from all the others: a masked linear autoencoder in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Mask, compiled
from dataflows.detector.state import ArrayState

IMPUTATION_SWEEPS = 3
"""Jacobi iterations that fill in missing signals; one is exact if a single signal is missing."""

BLAMED_ABOVE = 4.0
"""Residual, in its standard deviations, above which a row's worst signal is taken to be faulty.

In benchmarks/explanations.py faults in the cars of kit move what is expected of healthy signals by 1.24
standard deviations if nobody is blamed, and with 3, 4 and 6 (without a margin) by 0.50, 0.57 and 0.68. In the
simulated fleet 4 % of the rows exceed 3, and 2 % exceed 4.
"""

BLAMED_MARGIN = 8.0
"""Excess of that residual's square over the next largest one's: twice the log likelihood ratio of the two.

Where two signals contradict each other and either may be wrong, both are believed: if the healthy one is
blamed, the expectation of the faulty one loses the signal that knows best. In kit it is off by 0.195 standard
deviations (median) if nobody is blamed, by 0.204 without a margin, 0.196 with 4 and 0.193 with 12.
"""

BLAMED_AT_MOST = 3
"""Signals of a row that are taken to be faulty; they are always fewer than half of those observed."""

RENEWAL = 0.01
"""Share of new rows at which the precision matrix is recomputed; fewer rows change it little."""


class LinearReconstructor(ArrayState):
    """Leave-one-out linear reconstruction through the running precision matrix.

    With the precision matrix P = (R + ridge · I)⁻¹ of the correlation matrix R of the standardised
    signals z, the best linear estimate of signal i from all the others is
    ``z_i - (P z)_i / P_ii``, and its error has variance ``1 / P_ii`` (Lauritzen, "Graphical
    Models", 1996, section 5.1.3). It is what a linear autoencoder whose input i is masked converges
    to, without a learning rate and after a few hundred rows.

    One matrix serves all vehicles of a shard: it describes how signals are correlated *within* vehicles,
    whatever their means and scales are.

    Args:
        signals: number of signals S.
        ridge: added to the diagonal of R; > 0. With small values, small deviations from exact relations are
            seen.
        memory: rows after which old ones are forgotten.

    Attributes:
        scatter, weight: weighted sums of products of deviations, and of the weights, shape (S, S).
        precision: P in force, shape (S, S).
        pending: weight of the rows learned since P was computed.
    """

    SHARED: ClassVar = ("scatter", "weight", "precision", "pending")

    def __init__(self, signals: int, *, ridge: float, memory: float) -> None:
        self.ridge, self.memory = ridge, memory
        self.scatter = np.zeros((signals, signals))
        self.weight = np.zeros((signals, signals))
        self.precision = np.eye(signals) / (1.0 + ridge)
        self.pending = 0.0
        self._diagonal = np.diag_indices(signals)

    def reconstruct(
        self, scores: Floats, observed: Mask, fallible: Mask | None = None
    ) -> tuple[Floats, Floats]:
        """Reconstruct n rows of standard scores.

        Args:
            scores: standard scores z, shape (n, S), finite; 0 where not observed.
            observed: shape (n, S).
            fallible: signals that may be taken to be faulty, shape (S,); all by default, and none where only
                the residuals are wanted, which do not depend on it.

        Returns:
            The expected standard scores, and the residuals in units of their own standard deviation,
            ``(P z)_i / √P_ii``; both of shape (n, S). Where a signal is not observed, its expectation follows
            from the observed ones, and its residual is 0. Signals that are taken to be faulty count as not
            observed for the expectations, but not for the residuals.
        """
        fallible = np.ones(len(self.precision), np.bool_) if fallible is None else fallible
        return _reconstructed(scores, observed, self.precision, fallible)

    @property
    def deviation(self) -> Floats:
        """Standard deviation of each signal, shape (S,); 0 where it has never moved."""
        variance = self.scatter.diagonal() / np.maximum(self.weight.diagonal(), 1e-300)
        deviation: Floats = np.sqrt(variance)
        return deviation

    @property
    def residual_deviation(self) -> Floats:
        """Standard deviation of each signal's residual, in those of the signal, ``1 / √P_ii``, shape (S,)."""
        deviation: Floats = 1.0 / np.sqrt(self.precision.diagonal())
        return deviation

    def learn(self, deviations: Floats, weights: Floats) -> None:
        """Learn a block of n rows.

        Args:
            deviations: from the mean before each row, as returned by `learn_rows`, shape (n, S).
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
        correlation = np.where(moves & moves[:, None], covariance / (scale * scale[:, None]), 0.0)
        correlation[self._diagonal] = 1.0
        # When pairs of signals were seen at different times, the result may not be positive definite, as a
        # correlation matrix is; a larger ridge makes it so.
        ridge = self.ridge
        while True:
            regularised = correlation.copy()
            regularised[self._diagonal] += ridge
            try:
                np.linalg.cholesky(regularised)
            except np.linalg.LinAlgError:
                ridge *= 4.0
                continue
            precision: Floats = np.linalg.inv(regularised).astype(np.float64)
            return precision


@compiled
def _reconstructed(
    scores: Floats, observed: Mask, precision: Floats, fallible: Mask
) -> tuple[Floats, Floats]:
    signals = scores.shape[1]
    expected, residuals = np.empty(scores.shape), np.zeros(scores.shape)
    roots = np.array([np.sqrt(precision[signal, signal]) for signal in range(signals)])
    gradient, complete = np.empty(signals), np.empty(signals)
    for row in range(len(scores)):
        missing, largest = 0, 0.0
        for signal in range(signals):
            complete[signal] = scores[row, signal]
            missing += not observed[row, signal]
        # Missing signals are first replaced by what the others imply.
        for sweep in range(IMPUTATION_SWEEPS if missing else 0, -1, -1):
            gradient[:] = 0.0
            for signal in range(signals):
                for other in range(signals):
                    gradient[other] += complete[signal] * precision[signal, other]
            for signal in range(signals):
                implied = complete[signal] - gradient[signal] / precision[signal, signal]
                if sweep == 0:
                    expected[row, signal] = implied
                    if observed[row, signal]:
                        residuals[row, signal] = gradient[signal] / roots[signal]
                        if fallible[signal]:
                            largest = max(largest, abs(residuals[row, signal]))
                elif not observed[row, signal]:
                    complete[signal] = implied
        if largest > BLAMED_ABOVE:
            expected[row] = _expected_by_healthy(complete, observed[row], gradient, precision, fallible)
    return expected, residuals


@compiled
def _expected_by_healthy(
    complete: Floats, observed: Mask, gradient: Floats, precision: Floats, fallible: Mask
) -> Floats:
    """What the healthy signals of a row imply, ``E(z_i | z_h, h healthy, h ≠ i)``, shape (S,).

    Signals are left out one by one, each by a step of Gauss and Jordan on (P | P z), the sweep operator
    (Goodnight, "A tutorial on the SWEEP operator", The American Statistician 1979). It turns P into the
    precision matrix of the others alone, a Schur complement, and the column into their gradient. To leave out
    the signal with the largest residual reduces the row's squared Mahalanobis distance most: by that residual
    squared. Signals that are not `fallible`, shape (S,), are healthy.
    """
    signals = len(complete)
    system = np.empty((signals, signals + 1))
    system[:, :signals] = precision
    system[:, signals] = gradient
    suspects, left = observed & fallible, min(BLAMED_AT_MOST, (observed.sum() - 1) // 2)
    unobserved = np.flatnonzero(~observed)
    for step in range(len(unobserved) + left):
        chosen, largest, second = -1, 0.0, 0.0
        if step < len(unobserved):
            chosen = unobserved[step]
        else:
            for signal in range(signals):
                if suspects[signal]:
                    residual = abs(system[signal, signals]) / np.sqrt(system[signal, signal])
                    if residual > largest:
                        chosen, largest, second = signal, residual, largest
                    second = max(second, residual) if signal != chosen else second
            if largest <= BLAMED_ABOVE or largest**2 - second**2 <= BLAMED_MARGIN:
                break
            suspects[chosen] = False
        system[chosen] /= system[chosen, chosen]
        for signal in range(signals):
            if signal != chosen:
                system[signal] -= system[signal, chosen] * system[chosen]
    for signal in range(signals):
        complete[signal] -= system[signal, signals] / system[signal, signal]
    return complete
