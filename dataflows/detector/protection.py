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
        flagged, ordered_times = anomalous[runs.order], times[runs.order]
        positions = np.arange(len(flagged))
        first = runs.rank == 0
        continued = first & flagged & (self.since[runs.slots] != NEVER)
        begins = flagged & (first | ~np.roll(flagged, 1))
        begin = np.maximum.accumulate(np.where(begins, positions, 0))
        began_at = np.where(continued, self.since[runs.slots], ordered_times)[begin]
        length = positions - begin + 1 + np.where(continued, self.run[runs.slots], 0)[begin]

        last = runs.starts + runs.sizes - 1
        vehicles = runs.slots[runs.starts]
        self.since[vehicles] = np.where(flagged[last], began_at[last], NEVER)
        self.run[vehicles] = np.where(flagged[last], length[last], 0)

        accepted = ordered_times - began_at >= self.accept_after
        trusted = ~flagged | accepted
        for_model = np.where(trusted, 1.0, self.weight)
        for_threshold = np.where(trusted | (length <= COUNTED_RUN), 1.0, self.weight)
        model, threshold = np.empty_like(for_model), np.empty_like(for_threshold)
        model[runs.order], threshold[runs.order] = for_model, for_threshold
        return model, threshold
