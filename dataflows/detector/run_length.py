"""How long a signal has been standing still, or moving, compared with how long it usually does."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Integers, Mask, compiled
from dataflows.detector.state import ArrayState

LARGEST_SURPRISE = 30.0
"""Nats: a longer run is no more surprising than one of about this probability, 10⁻¹³."""

PRIOR = 1.0
"""Samples that each transition counts for before any was seen."""


class RunLength(ArrayState):
    """Surprise at the length of a run, from a two-state Markov chain per signal.

    Between two samples a signal moves or stands still. The chain learns how often it keeps doing what it did;
    a run of n equal transitions has probability ``p^(n-1)``, and its surprise is ``-(n-1) · log p`` nats
    (Shannon, 1948). So a sensor that has never repeated a value is stuck after a few repeats, one that idles
    for minutes is not, and a slow temperature that suddenly changes with every sample is restless.

    The transition probabilities are shared by all vehicles: they are a property of the sensor.

    Args:
        signals: number of signals S.
        memory: rows after which old ones are forgotten.
    """

    SHARED: ClassVar = ("stayed", "left")

    def __init__(self, signals: int, *, memory: float) -> None:
        self.memory = memory
        self.stayed = np.zeros((2, signals))
        self.left = np.zeros((2, signals))

    def surprise(self, run: Integers) -> tuple[Floats, Floats]:
        """Surprise at how long each signal has been standing still, and at how long it has been moving.

        Args:
            run: as in `Samples.run`, shape (n, S).

        Returns:
            Two matrices in nats of shape (n, S), within 0–`LARGEST_SURPRISE`; for each signal at most one of
            them is not 0.
        """
        per_sample = np.log((self.stayed + self.left + 2 * PRIOR) / (self.stayed + PRIOR))
        return _surprise(run, per_sample)

    def learn(self, run: Integers, changed: Mask, weights: Floats) -> None:
        """Count a block of transitions.

        Args:
            run: shape (n, S).
            changed: as in `Samples.changed`, shape (n, S).
            weights: weight of each row, shape (n,), ≥ 0.
        """
        _count(run, changed, weights, self.stayed, self.left)
        seen = (self.stayed + self.left).sum(axis=0)
        kept = self.memory / np.maximum(seen, self.memory)
        self.stayed *= kept
        self.left *= kept


@compiled
def _surprise(run: Integers, per_sample: Floats) -> tuple[Floats, Floats]:
    still, moving = np.zeros(run.shape), np.zeros(run.shape)
    for row in range(run.shape[0]):
        for signal in range(run.shape[1]):
            length = run[row, signal]
            if length < -1:
                still[row, signal] = min((-length - 1) * per_sample[0, signal], LARGEST_SURPRISE)
            elif length > 1:
                moving[row, signal] = min((length - 1) * per_sample[1, signal], LARGEST_SURPRISE)
    return still, moving


@compiled
def _count(run: Integers, changed: Mask, weights: Floats, stayed: Floats, left: Floats) -> None:
    for row in range(run.shape[0]):
        for signal in range(run.shape[1]):
            if not changed[row, signal]:
                continue
            moves = 1 if run[row, signal] > 0 else 0
            if abs(run[row, signal]) > 1:
                stayed[moves, signal] += weights[row]
            else:
                # A signal that starts to move has left standing still, and the other way round.
                left[1 - moves, signal] += weights[row]
