"""Protected learning: flagged events are not learned until the new regime is accepted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.detector.arrival import NEVER
from dataflows.detector.state import ArrayState

ALLOWED = 2.0
"""How many times the share of anomalies that the percentile promises counts for the threshold.

With less, a threshold that is too low could never rise; with much more, faults in a few per cent of a
vehicle's events would lift it above all of them.
"""

RESERVE = 6.0
"""Flagged events that count for the threshold at most before normal ones have to earn the next."""

SHORTEST_RUN = 14.0
"""Consecutive flagged events of a vehicle that are learned after `accept_after` only, whatever is known."""

LONGEST_STEP = 0.1
"""Upper limit for the time between two events as it counts towards `accept_after`, as a share of
`accept_after`: a clock that jumps is no proof that anything has lasted."""


class Protection(ArrayState):
    """How much each event counts when the model and the threshold are learned.

    A flagged event counts for the threshold as far as the promise allows, and not at all for the model. A
    vehicle that has been flagged without a break for `accept_after` is taken to be in a new regime: from then
    on its events count fully. While little is known, what is flagged is more often new than wrong, such as
    the first motorway of a lone vehicle. Then it is accepted sooner: after `SHORTEST_RUN` events, and
    `ALLOWED` times the promised share of all events of the shard since the vehicle was new or came back from
    a pause longer than `accept_after`.

    Args:
        accept_after: microseconds.
        shortest_run: `SHORTEST_RUN`.

    Attributes:
        run: events for which each vehicle has been flagged without a break or a pause, shape (V,).
        lasted: how long that has been, microseconds, shape (V,).
        latest: time of its latest event, microseconds; `NEVER` before the first; shape (V,).
        credit: how many more of its flagged events count for the threshold, shape (V,).
        since: events of the shard before its first event, or the first after a pause, shape (V,).
        events: events of the shard, shape (1,).
    """

    PER_VEHICLE: ClassVar = ("run", "lasted", "latest", "credit", "since")
    SHARED: ClassVar = ("events",)

    def __init__(self, *, accept_after: int, shortest_run: float = SHORTEST_RUN) -> None:
        self.accept_after, self.shortest_run = accept_after, shortest_run
        self.run = np.zeros(0, np.int64)
        self.lasted = np.zeros(0, np.int64)
        self.latest = np.full(0, NEVER)
        self.credit = np.zeros(0)
        self.since = np.zeros(0)
        self.events = np.zeros(1)

    def fill_value(self, name: str) -> float:
        return {"latest": NEVER, "credit": RESERVE}.get(name, 0)

    def weights(
        self, slots: Slots, times: Integers, anomalous: Mask, *, level: float
    ) -> tuple[Floats, Floats]:
        """Weights of n in-order rows for the model and for the threshold, each 0–1 and of shape (n,).

        Args:
            slots: shape (n,).
            times: event times in microseconds, shape (n,).
            anomalous: verdicts, shape (n,).
            level: quantile level of the thresholds, 0–1.
        """
        model, threshold = np.ones(len(times)), np.ones(len(times))
        state = (self.run, self.lasted, self.latest, self.credit, self.since, self.events)
        _weigh(
            slots,
            times,
            anomalous,
            self.accept_after,
            int(LONGEST_STEP * self.accept_after),
            self.shortest_run,
            ALLOWED * (1.0 - level),
            *state,
            model,
            threshold,
        )
        return model, threshold


@compiled
def _weigh(
    slots: Slots,
    times: Integers,
    anomalous: Mask,
    accept_after: int,
    longest_step: int,
    shortest_run: float,
    earned: float,
    run: Integers,
    lasted: Integers,
    latest: Integers,
    credit: Floats,
    since: Floats,
    events: Floats,
    model: Floats,
    threshold: Floats,
) -> None:
    """Update the state of `Protection` with n rows, and lower the weights of flagged ones, in place.

    Args:
        slots, times, anomalous: as in `Protection.weights`.
        accept_after, longest_step: microseconds; the latter limits the time between two events.
        shortest_run: flagged events.
        earned: share of the events that may be flagged and count.
        run, lasted, latest, credit, since, events: as in `Protection`; updated.
        model, threshold: weights of the rows, 1 on entry.
    """
    for row in range(len(slots)):
        slot = slots[row]
        gap = times[row] - latest[slot] if latest[slot] != NEVER else 0
        goes_on = run[slot] > 0
        if latest[slot] == NEVER or abs(gap) > accept_after:
            run[slot], since[slot] = 0, events[0]
        events[0] += 1.0
        latest[slot] = times[row]
        if not anomalous[row]:
            run[slot], lasted[slot] = 0, 0
            credit[slot] = min(credit[slot] + earned, RESERVE)
            continue
        if goes_on:
            # Not negative even if the vehicle's clock was set back.
            lasted[slot] += min(max(gap, 0), longest_step)
        run[slot] += 1
        if lasted[slot] < accept_after and run[slot] <= shortest_run + earned * (events[0] - since[slot]):
            model[row] = 0.0
            threshold[row] = min(credit[slot], 1.0)
            credit[slot] = max(credit[slot] - 1.0, 0.0)
