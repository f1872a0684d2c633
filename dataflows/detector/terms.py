"""The terms of the error, and how they are combined into one number with shares per signal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, compiled
from dataflows.detector.state import ArrayState

NAMES = ("reconstruction", "activity", "restless", "z_energy", "flat_line")
"""Names of the terms, in the order in which their evidence is stacked."""

WORST = 4
"""The first terms, this many, are the evidence of their worst signal; the others are means over signals."""

FLOOR = 0.05
"""Added to every term before its logarithm is taken; smaller values are all the same."""

STEP, BUCKETS = 0.1, 192
"""Width and number of the buckets in which logarithms are counted, from that of `FLOOR` upwards."""

STEEPEST = 0.02
"""Lower limit of the mean excess over the median, a tail's 1/α: a term with hardly any spread says little."""

OUTLIER = 6.0
"""Mean excesses over the median: larger values are learned as this, or a fault could make the tail heavy."""

KNOWN_AFTER = 32.0
"""Rows that a term must have been learned from before its values are judged."""

FIRST = 200.0
"""First rows that count less when tails are learned, the k-th of them (k / `FIRST`)²: a model of few rows is
wrong by thousands of standard deviations, which would make the tails heavy for long."""

LARGEST = 40.0
"""Nats: upper limit of a surprise, a probability of 10⁻¹⁷."""

POWER = 4.0
"""Order of the norm that combines the terms: the one that stands out decides, two that agree say more."""


def log_terms(evidence: Floats) -> Floats:
    """Logarithm of each term.

    Args:
        evidence: evidence against each signal, ≥ 0, shape (T, n, S).

    Returns:
        Shape (T, n), ≥ log(`FLOOR`).
    """
    return _log_terms(evidence)


@compiled
def _log_terms(evidence: Floats) -> Floats:
    terms, rows, signals = evidence.shape
    values = np.zeros((terms, rows))
    for term in range(terms):
        for row in range(rows):
            value = 0.0
            for signal in range(signals):
                part = evidence[term, row, signal]
                value = max(value, part) if term < WORST else value + part / signals
            values[term, row] = np.log(FLOOR + value)
    return values


class Combination(ArrayState):
    """Norm of the weighted surprises of the terms.

    A term's surprise is the negative logarithm of the share of rows in which it is at least as large. Up to
    its median that is taken to be nothing; above, the tail is a Pareto's, whose 1/α is the mean excess of the
    logarithms over that of the median (Hill, "A simple general approach to inference about the tail of a
    distribution", The Annals of Statistics 1975). So all terms are on one scale whatever their tails are and
    over however many signals the worst one is sought, and the weights mean the same on every fleet.

    Args:
        weights: weight of each term, shape (T,), ≥ 0.
        memory: rows after which old ones are forgotten.

    Attributes:
        counts: rows per term and bucket of their logarithm, shape (T, `BUCKETS`).
        tails: for each term where its tail starts, the surprise there, and the mean excess, shape (T, 3).
        rows: total weight of the rows counted, at most `memory`.
    """

    SHARED: ClassVar = ("counts", "tails", "rows")

    def __init__(self, weights: Floats, *, memory: float) -> None:
        self.weights, self.memory = weights, memory
        self.counts = np.zeros((len(weights), BUCKETS))
        self.tails = np.zeros((len(weights), 3))
        self.rows = 0.0

    def combine(self, logs: Floats, evidence: Floats) -> tuple[Floats, Floats]:
        """Error and contributions of n rows.

        Args:
            logs: as returned by `log_terms`, shape (T, n).
            evidence: shape (T, n, S).

        Returns:
            The error, shape (n,): 0 where no term is above its median. And each signal's share of its fourth
            power, shape (n, S); rows sum to 1, or to 0 where the error is 0.
        """
        if self.rows < min(KNOWN_AFTER, self.memory):
            return np.zeros(logs.shape[1]), np.zeros(evidence.shape[1:])
        return _combined(logs, evidence, self.tails, self.weights)

    def learn(self, logs: Floats, weights: Floats) -> None:
        """Learn a block of logarithms, shape (T, n), with the weight of each row, ≥ 0, shape (n,)."""
        known = self.rows >= min(KNOWN_AFTER, self.memory)
        most = self.tails[:, 0] + OUTLIER * self.tails[:, 2] if known else np.full(len(logs), np.inf)
        self.rows += float(weights.sum())
        _count(logs, weights * min(self.rows / FIRST, 1.0) ** 2, most, self.counts)
        if self.rows > self.memory:
            self.counts *= self.memory / self.rows
            self.rows = self.memory
        if self.rows > 0.0:
            self.tails = _tails(self.counts)


@compiled
def _count(logs: Floats, weights: Floats, most: Floats, counts: Floats) -> None:
    lowest = np.log(FLOOR)
    for term in range(logs.shape[0]):
        for row in range(logs.shape[1]):
            bucket = int((min(logs[term, row], most[term]) - lowest) / STEP)
            counts[term, min(max(bucket, 0), BUCKETS - 1)] += weights[row]


@compiled
def _tails(counts: Floats) -> Floats:
    """`Combination.tails` of what was counted, not nothing."""
    tails = np.empty((len(counts), 3))
    for term in range(len(counts)):
        whole = counts[term].sum()
        above, bucket = 0.0, BUCKETS
        while bucket > 0 and above + counts[term, bucket - 1] <= 0.5 * whole:
            bucket -= 1
            above += counts[term, bucket]
        # The median lies in the bucket below; half of the rows of a term that is nearly always 0 are in one.
        excess = 0.0
        for higher in range(bucket, BUCKETS):
            excess += counts[term, higher] * (higher - bucket + 0.5) * STEP
        share = (above + 1.0) / (whole + 1.0)
        tails[term, 0] = np.log(FLOOR) + bucket * STEP
        tails[term, 1] = -np.log(min(share, 1.0))
        tails[term, 2] = max(excess / max(above, 1e-300), STEEPEST)
    return tails


@compiled
def _combined(logs: Floats, evidence: Floats, tails: Floats, weights: Floats) -> tuple[Floats, Floats]:
    count, rows, signals = evidence.shape
    error, shares = np.zeros(rows), np.zeros((rows, signals))
    for row in range(rows):
        for term in range(count):
            above = logs[term, row] - tails[term, 0]
            if above <= 0.0 or weights[term] == 0.0:
                continue
            surprise = min(tails[term, 1] + above / tails[term, 2], LARGEST)
            power = (weights[term] * surprise) ** POWER
            error[row] += power
            # Above 0, as the term is above its floor.
            total = 1e-300
            for signal in range(signals):
                total += evidence[term, row, signal] ** 2
            for signal in range(signals):
                shares[row, signal] += (power / total) * evidence[term, row, signal] ** 2
        if error[row] > 0.0:
            for signal in range(signals):
                shares[row, signal] /= error[row]
        error[row] = error[row] ** (1.0 / POWER)
    return error, shares
