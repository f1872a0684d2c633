"""The terms of the error, and how they are combined into one number with shares per signal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, compiled
from dataflows.detector.state import ArrayState

OUTLIER_CLIP = 10.0
"""Times a term's mean: larger values are learned as this, or one event could dull the term for long."""

TRUSTED_AFTER = 64.0
"""Rows that a mean must have been learned from before the values of its term are clipped by it."""

FIRST_CLIP = 5.0
"""Upper limit of a term's value as it is learned before that.

A model of a few rows is wrong by thousands of standard deviations. In a running mean, such a value would keep
the term divided down to nothing for about a hundred times as many rows.
"""

FLOOR = 0.05
"""Added to every term: one that is almost always 0 must not dwarf all others when for once it is not."""

NAMES = ("reconstruction", "activity", "restless", "z_energy", "change", "flat_line")
"""Names of the terms, in the order in which their evidence is stacked."""

WORST = 4
"""The first terms, this many, are the evidence of their worst signal; the others are means over signals."""


def term_values(evidence: Floats) -> Floats:
    """Value of each term.

    Args:
        evidence: evidence against each signal, ≥ 0, shape (T, n, S).

    Returns:
        Shape (T, n), ≥ 0.
    """
    return _values(evidence)


@compiled
def _values(evidence: Floats) -> Floats:
    terms, rows, signals = evidence.shape
    values = np.zeros((terms, rows))
    for term in range(terms):
        for row in range(rows):
            value = 0.0
            for signal in range(signals):
                part = evidence[term, row, signal]
                value = max(value, part) if term < WORST else value + part / signals
            values[term, row] = value
    return values


class Combination(ArrayState):
    """Root of the weighted sum of squares of the terms, each over its own running mean.

    Dividing by its mean makes each term about 1 on normal data whatever the signals are, so that the weights
    mean the same on every fleet. Because of the squares, the one term that stands out decides; in a plain sum
    it would drown in the noise of the others.

    Args:
        weights: weight of each term, shape (T,), ≥ 0.
        memory: rows after which old ones are forgotten.

    Attributes:
        mean: running mean of each term, shape (T,).
        rows: total weight of the rows behind it, at most `memory`.
    """

    SHARED: ClassVar = ("mean", "rows")

    def __init__(self, weights: Floats, *, memory: float) -> None:
        self.weights, self.memory = weights, memory
        self.mean = np.zeros(len(weights))
        self.rows = 0.0

    def combine(self, terms: Floats, evidence: Floats) -> tuple[Floats, Floats]:
        """Error and contributions of n rows.

        Args:
            terms: shape (T, n).
            evidence: shape (T, n, S).

        Returns:
            The error, shape (n,), and each signal's share of its square, shape (n, S); rows sum to 1, or to
            0 where there is no evidence against any signal.
        """
        scale = self.weights / (self.mean + FLOOR)
        return _combined(terms, evidence, scale)

    def learn(self, terms: Floats, weights: Floats) -> None:
        """Learn a block of terms, shape (T, n), with the weight of each row, ≥ 0, shape (n,)."""
        trusted = self.rows >= TRUSTED_AFTER
        terms = np.minimum(terms, OUTLIER_CLIP * (self.mean + FLOOR)[:, None] if trusted else FIRST_CLIP)
        added = float(weights.sum())
        self.rows += added
        if added > 0:
            self.mean = self.mean + ((terms - self.mean[:, None]) @ weights) / self.rows
        self.rows = min(self.rows, self.memory)


@compiled
def _combined(terms: Floats, evidence: Floats, scale: Floats) -> tuple[Floats, Floats]:
    count, rows, signals = evidence.shape
    error, shares = np.zeros(rows), np.zeros((rows, signals))
    for row in range(rows):
        whole = 0.0
        for term in range(count):
            square = ((terms[term, row] + FLOOR) * scale[term]) ** 2
            error[row] += square
            total = 0.0
            for signal in range(signals):
                total += evidence[term, row, signal] ** 2
            if total > 0.0:
                whole += square
                for signal in range(signals):
                    shares[row, signal] += (square / total) * evidence[term, row, signal] ** 2
        error[row] = np.sqrt(error[row])
        if whole > 0.0:
            for signal in range(signals):
                shares[row, signal] /= whole
    return error, shares
