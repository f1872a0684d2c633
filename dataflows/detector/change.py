"""How far a signal jumped, against how far it usually does."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats
from dataflows.detector.state import ArrayState

LARGEST_SCORE = 8.0
"""Jumps beyond this many times the usual one are all the same: they are rare, and must not rule the mean."""

OUTLIER_CLIP = 10.0
"""A jump is learned as at most so many times the usual one."""


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
        """Size of n rows of changes, given in standard deviations; shape (n, S), 0–`LARGEST_SCORE`."""
        usual = self.usual
        scale = np.where(usual > 0, 1.0 / np.where(usual > 0, usual, 1.0), 0.0)
        scores: Floats = np.minimum(np.abs(jumps) * scale, LARGEST_SCORE)
        return scores

    def learn(self, jumps: Floats, weights: Floats) -> None:
        """Merge a block of changes in standard deviations, and their weights, both of shape (n, S)."""
        usual = self.usual
        clipped = np.minimum(np.abs(jumps), np.where(usual > 0, OUTLIER_CLIP * usual, np.inf))
        self.total += np.einsum("ij,ij,ij->j", clipped, clipped, weights)
        self.rows += weights.sum(axis=0)
        kept = self.memory / np.maximum(self.rows, self.memory)
        self.total *= kept
        self.rows *= kept
