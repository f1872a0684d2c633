"""Protected learning: what looks anomalous is learned with a small weight, until it is accepted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.detector.arrival import NEVER
from dataflows.detector.compiled import compiled
from dataflows.detector.rowwise import Floats, Integers, Mask, Slots
from dataflows.detector.state import ArrayState

COUNTED_RUN = 8
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

    def weights(self, slots: Slots, times: Integers, anomalous: Mask) -> tuple[Floats, Floats]:
        """Weights of n in-order rows for the model and for the threshold, each of shape (n,).

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).
            anomalous: verdicts, shape (n,).
        """
        model, threshold = np.ones(len(times)), np.ones(len(times))
        _weigh(
            slots, times, anomalous, self.since, self.run, self.accept_after, self.weight, model, threshold
        )
        return model, threshold


@compiled
def _weigh(
    slots: Slots,
    times: Integers,
    anomalous: Mask,
    since: Integers,
    run: Integers,
    accept_after: int,
    weight: float,
    model: Floats,
    threshold: Floats,
) -> None:
    for row in range(len(slots)):
        slot = slots[row]
        if not anomalous[row]:
            since[slot], run[slot] = NEVER, 0
            continue
        # Also when the vehicle's clock was set back.
        if since[slot] == NEVER or times[row] < since[slot]:
            since[slot] = times[row]
        run[slot] += 1
        if times[row] - since[slot] < accept_after:
            model[row] = weight
            if run[slot] > COUNTED_RUN:
                threshold[row] = LASTING_WEIGHT
