"""Protected learning: anomalous events are learned with a small weight until the new regime is accepted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.detector.arrival import NEVER
from dataflows.detector.state import ArrayState

COUNTED_RUN = 8.0
"""Consecutive anomalies that count fully for the threshold.

A percentile promises that a share of normal events lies above it, so those must be counted; an anomaly that
lasts must not be, or it would raise its own threshold until it disappears.
"""

ALLOWED = 2.0
"""How many times the share of anomalies that the percentile promises counts for a settled threshold.

With less, a threshold that is too low could never rise; with much more, faults in a few per cent of a
vehicle's events would lift it above all of them.
"""

SETTLED_SHARE = 0.1
"""Factor on an anomaly's weight for the model once the threshold is settled.

At a weight of 0.1, one fault of five minutes would widen what counts as usual until the fault is within it.
"""

LASTING_WEIGHT = 0.015
"""Weight of the anomalies after `COUNTED_RUN` for a threshold that is not settled.

Small enough that a strong fault stays flagged for hundreds of events, and large enough that a mild new
regime, just above the threshold, does not stay flagged for all of `accept_after`.
"""

LONGEST_STEP = 0.1
"""Upper limit for the time between two events as it counts towards `accept_after`, as a share of
`accept_after`: a clock that jumps is no proof that anything has lasted."""


class Protection(ArrayState):
    """How much each event counts when the model and the threshold are learned.

    A vehicle that has been anomalous without a break for `accept_after` is taken to be in a new regime: from
    then on its events count fully.

    Args:
        accept_after: microseconds.
        weight: weight of an anomalous event for the model, 0–1, until the threshold is settled.

    Attributes:
        lasted: for how long each vehicle has been anomalous without a break, microseconds, shape (V,).
        latest: event time of its last anomaly in that run, microseconds; `NEVER` outside a run; shape (V,).
        credit: how many more of its anomalies count for the threshold, shape (V,).
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
        """Weight of an anomalous event for the model, 0–1."""
        return self.weight * SETTLED_SHARE if settled else self.weight

    def weights(
        self, slots: Slots, times: Integers, anomalous: Mask, *, level: float, settled: bool
    ) -> tuple[Floats, Floats]:
        """Weights of n in-order rows for the model and for the threshold, each 0–1 and of shape (n,).

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).
            anomalous: verdicts, shape (n,).
            level: quantile level of the thresholds, 0–1.
            settled: as in `PercentileThreshold.settled`.
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
    """Update the state of `Protection` with n rows, and lower the weights of anomalous ones, in place.

    Args:
        slots, times, anomalous: as in `Protection.weights`.
        lasted, latest, credit: as in `Protection`; updated.
        accept_after, longest_step: microseconds; the latter limits the time between two events.
        weight: of an anomaly for the model.
        earned, most: credit that a normal event adds, and the limit of the credit.
        least: lower limit of an anomaly's weight for the threshold.
        model, threshold: weights of the rows, 1 on entry.
    """
    for row in range(len(slots)):
        slot = slots[row]
        if not anomalous[row]:
            lasted[slot], latest[slot] = 0, NEVER
            credit[slot] = min(credit[slot] + earned, most)
            continue
        if latest[slot] != NEVER:
            # Not negative even if the vehicle's clock was set back.
            lasted[slot] += min(max(times[row] - latest[slot], 0), longest_step)
        latest[slot] = times[row]
        if lasted[slot] < accept_after:
            model[row] = weight
            threshold[row] = min(max(credit[slot], least), 1.0)
            credit[slot] = max(credit[slot] - 1.0, 0.0)
