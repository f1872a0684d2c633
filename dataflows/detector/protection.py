"""Protected learning: what looks anomalous is learned with a small weight, until it is accepted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.rowwise import Floats, Integers, Mask
from dataflows.detector.state import ArrayState
from dataflows.detector.window import NEVER, Runs

COUNTED_RUN = 5
"""Anomalies in a row that count fully for the threshold.

A percentile promises that a share of normal events lies above it, so those must be counted; an
anomaly that lasts must not, or it would raise its own threshold until it disappears.
"""

LASTING_WEIGHT = 0.015
"""Weight for the threshold of the anomalies after those.

So little that a strong fault stays one for hundreds of events, and enough that a mild new regime, just above
the threshold, does not stay flagged for all of `accept_after`.
"""


class Protection(ArrayState):
    """How much each event may teach the model and the threshold.

    A vehicle that has been anomalous without a break for `accept_after` is in a new regime, and is
    learned fully from then on.

    Args:
        accept_after: microseconds.
        weight: of an anomalous event, 0–1.
    """

    PER_VEHICLE: ClassVar = ("since", "run")

    def __init__(self, *, accept_after: int, weight: float) -> None:
        self.accept_after, self.weight = accept_after, weight
        self.since = np.full(0, NEVER)
        self.run = np.zeros(0, np.int64)

    def fill_value(self, name: str) -> float:
        return NEVER if name == "since" else 0

    def weights(self, runs: Runs, times: Integers, anomalous: Mask) -> tuple[Floats, Floats]:
        """Weights of n in-order rows for the model and for the threshold, each of shape (n,).

        Args:
            runs: the rows by vehicle.
            times: event times in microseconds, shape (n,).
            anomalous: verdicts, shape (n,).
        """
        model, threshold = np.empty(len(times)), np.empty(len(times))
        for rows in runs.rounds():
            slots, flagged, now = runs.slots[rows], anomalous[rows], times[rows]
            since, length = self.since[slots], self.run[slots] + 1
            began = np.where(since == NEVER, now, since)
            self.since[slots] = np.where(flagged, began, NEVER)
            self.run[slots] = np.where(flagged, length, 0)
            trusted = ~flagged | (now - began >= self.accept_after)
            model[rows] = np.where(trusted, 1.0, self.weight)
            threshold[rows] = np.where(trusted | (length <= COUNTED_RUN), 1.0, LASTING_WEIGHT)
        return model, threshold
