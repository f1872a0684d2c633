"""How far a signal jumped, compared with how far it usually does."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, compiled
from dataflows.detector.state import ArrayState

LARGEST_SCORE = 8.0
"""Times the usual jump: larger ones score the same. They are rare, and must not dominate the term's mean."""

OUTLIER_CLIP = 10.0
"""Times the usual jump: a larger one is learned as this."""

LARGEST_JUMP = 1e6
"""Standard deviations: bound of a change, whose square must stay finite."""


@compiled
def bounded_jumps(change: Floats, deviation: Floats) -> Floats:
    """Changes in standard deviations; 0 where the signal has never moved before.

    Args:
        change, deviation: in the signals' units, shape (n, S).

    Returns:
        Shape (n, S), within ±`LARGEST_JUMP`.
    """
    jumps = np.zeros(change.shape)
    for row in range(change.shape[0]):
        for signal in range(change.shape[1]):
            if deviation[row, signal] > 0.0:
                jump = change[row, signal] / deviation[row, signal]
                jumps[row, signal] = min(max(jump, -LARGEST_JUMP), LARGEST_JUMP)
    return jumps


class Change(ArrayState):
    """Root mean square of each signal's changes, in standard deviations of the vehicle's signal.

    It is shared by all vehicles: in units of the vehicle's own deviation, how much a signal jumps is a
    property of the signal.

    Args:
        signals: number of signals S.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("total", "rows")

    def __init__(self, signals: int, *, memory: float) -> None:
        self.memory = memory
        self.total = np.zeros(signals)
        self.rows = np.zeros(signals)

    @property
    def usual(self) -> Floats:
        """Root mean square change in standard deviations, shape (S,); 0 before anything is learned."""
        usual: Floats = np.sqrt(self.total / np.maximum(self.rows, 1e-300))
        return usual

    def scores(self, jumps: Floats) -> Floats:
        """Size of the jumps of n rows, as multiples of the usual one.

        Args:
            jumps: in standard deviations, shape (n, S).

        Returns:
            Shape (n, S), within 0–`LARGEST_SCORE`.
        """
        return _scores(jumps, self.usual)

    def learn(self, jumps: Floats, weights: Floats) -> None:
        """Learn a block of jumps in standard deviations with their weights ≥ 0, both of shape (n, S)."""
        _learn(jumps, weights, self.usual, self.total, self.rows)
        kept = self.memory / np.maximum(self.rows, self.memory)
        self.total *= kept
        self.rows *= kept


@compiled
def _scores(jumps: Floats, usual: Floats) -> Floats:
    scores = np.zeros(jumps.shape)
    for row in range(jumps.shape[0]):
        for signal in range(jumps.shape[1]):
            if usual[signal] > 0.0:
                scores[row, signal] = min(abs(jumps[row, signal]) / usual[signal], LARGEST_SCORE)
    return scores


@compiled
def _learn(jumps: Floats, weights: Floats, usual: Floats, total: Floats, rows: Floats) -> None:
    for row in range(jumps.shape[0]):
        for signal in range(jumps.shape[1]):
            size = abs(jumps[row, signal])
            if usual[signal] > 0.0:
                size = min(size, OUTLIER_CLIP * usual[signal])
            total[signal] += weights[row, signal] * size * size
            rows[signal] += weights[row, signal]
