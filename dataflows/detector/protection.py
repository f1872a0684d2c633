"""Protected learning: what looks anomalous is learned with a small weight, until it is accepted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.detector.arrival import NEVER
from dataflows.detector.state import ArrayState

COUNTED_RUN = 8.0
"""Anomalies in a row that count fully for the threshold.

A percentile promises that a share of normal events lies above it, so those must be counted; an
anomaly that lasts must not, or it would raise its own threshold until it disappears.
"""

ALLOWED = 2.0
"""Anomalies that count for a settled threshold, over those that the percentile promises.

Not fewer, or a threshold that is too low could never rise; with many more, faults in a few per cent of a
vehicle's events would lift it above them all.
"""

SETTLED_SHARE = 0.1
"""Share of their weight for the model that anomalies have once the threshold is settled.

At a weight of 0.1, one fault of five minutes would widen what is usual until the fault is within it.
"""

LASTING_WEIGHT = 0.015
"""Weight for a threshold that is not settled of the anomalies after `COUNTED_RUN`.

So little that a strong fault stays one for hundreds of events, and enough that a mild new regime, just above
the threshold, does not stay flagged for all of `accept_after`.
"""

LONGEST_STEP = 0.1
"""Share of `accept_after` that the time between two events counts for at most: a clock that jumps is no proof
that anything lasted."""


class Protection(ArrayState):
    """How much each event may teach the model and the threshold.

    A vehicle that has been anomalous without a break for `accept_after` is in a new regime, and is
    learned fully from then on.

    Args:
        accept_after: microseconds.
        weight: of an anomalous event for the model, 0–1, until the threshold is settled.
    """

    PER_VEHICLE: ClassVar = ("lasted", "latest", "credit")

    def __init__(self, *, accept_after: int, weight: float) -> None:
        self.accept_after, self.weight = accept_after, weight
        self.lasted = np.zeros(0, np.int64)
        self.latest = np.full(0, NEVER)
        self.credit = np.zeros(0)

    def fill_value(self, name: str) -> float:
        return {"latest": NEVER, "credit": COUNTED_RUN}.get(name, 0)

    def anomaly_weight(self, settled: bool) -> float:
        """Weight of an anomalous event for the model."""
        return self.weight * SETTLED_SHARE if settled else self.weight

    def weights(
        self, slots: Slots, times: Integers, anomalous: Mask, *, level: float, settled: bool
    ) -> tuple[Floats, Floats]:
        """Weights of n in-order rows for the model and for the threshold, each of shape (n,).

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).
            anomalous: verdicts, shape (n,).
            level: the quantile that the thresholds are set to, 0–1.
            settled: the thresholds are, see `PercentileThreshold.settled`.
        """
        model, threshold = np.ones(len(times)), np.ones(len(times))
        earned, least = (ALLOWED * (1.0 - level), 0.0) if settled else (COUNTED_RUN, LASTING_WEIGHT)
        _weigh(
            slots,
            times,
            anomalous,
            self.lasted,
            self.latest,
            self.credit,
            self.accept_after,
            int(LONGEST_STEP * self.accept_after),
            self.anomaly_weight(settled),
            earned,
            least,
            COUNTED_RUN,
            model,
            threshold,
        )
        return model, threshold


@compiled
def _weigh(
    slots: Slots,
    times: Integers,
    anomalous: Mask,
    lasted: Integers,
    latest: Integers,
    credit: Floats,
    accept_after: int,
    longest_step: int,
    weight: float,
    earned: float,
    least: float,
    most: float,
    model: Floats,
    threshold: Floats,
) -> None:
    for row in range(len(slots)):
        slot = slots[row]
        if not anomalous[row]:
            lasted[slot], latest[slot] = 0, NEVER
            credit[slot] = min(credit[slot] + earned, most)
            continue
        if latest[slot] != NEVER:
            # No less than 0 also when the vehicle's clock was set back.
            lasted[slot] += min(max(times[row] - latest[slot], 0), longest_step)
        latest[slot] = times[row]
        if lasted[slot] < accept_after:
            model[row] = weight
            threshold[row] = min(max(credit[slot], least), 1.0)
            credit[slot] = max(credit[slot] - 1.0, 0.0)
