"""How unusual each signal of an event is, given the others and the past: the evidence for an anomaly alert.

The detector's error says that an event as a whole is unlike what was learned. An alert has to name the
signal, and must see what single events do not show: a slow drift, a sensor that repeats itself. So each
signal is judged by itself:

* Its value and its change since the event before are predicted from the values and changes of all *other*
  signals, through the precision matrix of both (Lauritzen, "Graphical Models", 1996, section 5.1.3, for a
  block of two variables). A speed that rises without acceleration is seen even if the speed is usual.
* From the two residuals, in units of the vehicle's own spread, come four statistics: the *jump* of this
  event, the *trend* (mean of the last jumps), the *shift* (mean deviation from a slow baseline), and for how
  long the signal has been *stuck* at a value at which it does not usually rest. Jumps of several signals
  count against the one that explains the event best.
* A statistic becomes a tail probability by the peaks over a high threshold of the same statistic on all
  vehicles so far (Pickands, "Statistical Inference Using Extreme Order Statistics", 1975). Its negative
  logarithm, in nats, means the same for every signal and statistic: once in e^nats events.

What was measured, and how the parameters were chosen, stands in docs/alerts.md.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataflows.alert import evidence_arrays as at
from dataflows.alert import evidence_kernel as kernel
from dataflows.alert.evidence_arrays import TAIL, InForce, Learned, Results, Vehicles
from dataflows.alert.prediction import RIDGE, precision_matrix, scales_and_residual
from dataflows.alert.tails import fitted_tails
from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Mask, Slots
from dataflows.detector.state import ArrayState

RENEWAL, LARGEST_RENEWAL = 0.05, 4096
"""The model and the tails are recomputed after this share of new rows, but no sooner than after as many rows
as there are vehicles, and no later than after the second number."""

MEMORY = 100_000.0
"""Rows after which old ones have faded from a vehicle's means."""

COUNTED = 1_000_000.0
"""Rows that the shared sums span: they are halved when they have reached it."""

OF_BUDGET = 0.65
"""The bar, as a share of the nats that the budget stands for if statistics were independent and tails exact.

Signals deviate together, and tails are fitted rather too wide than too narrow.
"""

AGE = 0.9
"""Hours of data at which the bar is higher by one: rare events of normal driving have not been seen yet."""

LONE = 2.5
"""How much higher the bar is for a lone vehicle: its hours are less varied than those of many vehicles."""

NOTABLE = 6.0
"""Nats from which on a statistic is worth the logarithm; an alert takes twice as many."""

DAY = 86_400.0


Arrays = TypeVar("Arrays", Learned, InForce)


class Verdicts(NamedTuple):
    """The evidence in n events.

    Attributes:
        nats: minus the natural logarithm of how often a normal event is as unusual, ≥ 0, shape (n, S).
        bar: nats from which on an alert is due, shape (n,); infinite before anything is known.
        statistic: `JUMP`, `TREND`, `SHIFT` or `STUCK`, where `nats` is above 0, shape (n, S).
        upwards: whether the signal deviates upwards, shape (n, S).
        typical: the value that was expected, in the signal's unit, shape (n, S); NaN where none is.
    """

    nats: Floats
    bar: Floats
    statistic: NDArray[np.uint8]
    upwards: Mask
    typical: Floats


class Evidence(ArrayState):
    """Judges every signal of every event by what was learned from the events before.

    The model and the tails are recomputed at fixed row counts and everything else is learned row by row, so
    results do not depend on how events are batched.

    Args:
        signals: number of signals S.
        judged: which of them can lead to an alert, shape (S,); the others only explain them.
        false_alerts_per_day: anomaly alerts per vehicle in 24 h of sending, at most about.
        hold: seconds that a signal's last value counts as its value; a longer pause starts a new trip.
        settle: seconds after a pause in which nothing is judged: a cold engine is no fault.

    Attributes:
        times, exact, rough: see `Vehicles`.
        sums, rests, scatter, weight, histogram, totals, seconds: see `Learned`.
        scales, residual, near, tails, survival: see `InForce`.
        bar: nats from which on an alert is due.
        rows: rows judged so far.
        renew_at: row at which what is in force is next recomputed.
    """

    PER_VEHICLE: ClassVar = Vehicles._fields
    SHARED: ClassVar = (*Learned._fields, *InForce._fields, "precision", "bar", "rows", "renew_at")

    def __init__(
        self, signals: int, *, judged: Mask, false_alerts_per_day: float, hold: float, settle: float
    ) -> None:
        self._judged = judged
        self._tests_per_alert = max(int(judged.sum()), 1) * kernel.STATISTICS * 2 * DAY / false_alerts_per_day
        self._hold, self._settle = int(hold * 1e6), int(settle * 1e6)
        by_statistic = (signals, kernel.STATISTICS, 2)
        self.times = np.zeros((0, 3), np.int64)
        self.exact = np.zeros((0, at.EXACT, signals))
        self.rough = np.zeros((0, at.ROUGH, signals), np.float32)
        self.sums = np.zeros((at.SUMS, signals))
        self.sums[[at.RESOLUTION, at.LOWEST]] = np.inf
        self.sums[at.HIGHEST] = -np.inf
        self.rests = np.zeros((signals, 2, kernel.RESTS))
        self.scatter = np.zeros((2 * signals, 2 * signals))
        self.weight = np.zeros(1)
        self.histogram = np.zeros((*by_statistic, kernel.BUCKETS))
        self.totals = np.zeros(signals)
        self.seconds = np.zeros(1)
        self.precision = np.eye(2 * signals) / (1.0 + RIDGE)
        self.scales, self.residual = scales_and_residual(self.precision, self.sums)
        self.near = np.zeros((kernel.STATISTICS, 2, signals))
        self.tails = np.zeros(by_statistic, TAIL)
        self.survival = np.zeros((*by_statistic, kernel.BUCKETS))
        self.bar = np.inf
        self.rows = 0
        self.renew_at = 1
        self._renew_tails()

    def fill_value(self, name: str) -> Any:
        if name == "times":
            return np.array((NEVER, NEVER, 0))
        if name == "exact":
            return np.where(np.arange(at.EXACT) == at.HELD_AT, -np.inf, 0.0)[:, None]
        spreads = np.isin(np.arange(at.ROUGH), (at.LEVEL_SPREAD, at.JUMP_SPREAD))
        return spreads.astype(np.float32)[:, None]

    def judge(self, slots: Slots, times: Integers, values: Floats) -> Verdicts:
        """Judge n events, no vehicle's of which is older than one before it, and learn them.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds since 1970-01-01 UTC, shape (n,).
            values: in the signals' units, NaN where missing, shape (n, S).
        """
        shape = values.shape
        results = Results(
            np.zeros(shape), np.zeros(shape, np.uint8), np.zeros(shape, np.bool_), np.full(shape, np.nan)
        )
        bar = np.empty(len(slots))
        # In one memory layout: the loop is compiled for each that it meets, for seconds.
        values = np.ascontiguousarray(values)
        vehicles = Vehicles(self.times, self.exact, self.rough)
        start = 0
        while start < len(slots):
            part = slice(start, min(len(slots), start + self.renew_at - self.rows))
            kernel.judge(
                slots[part],
                times[part],
                values[part],
                self._hold,
                self._settle,
                MEMORY,
                self.bar,
                self._judged,
                vehicles,
                self._of(Learned),
                self._of(InForce),
                Results._make(column[part] for column in results),
            )
            bar[part] = self.bar
            self.rows += part.stop - start
            start = part.stop
            if self.rows == self.renew_at:
                self._renew()
        return Verdicts(results.nats, bar, results.statistic, results.upwards, results.typical)

    def _of(self, arrays: type[Arrays]) -> Arrays:
        return arrays(*(getattr(self, name) for name in arrays._fields))

    def _renew(self) -> None:
        if self.weight[0] >= 2.0 * len(self.scatter):
            self.precision = precision_matrix(self.scatter, self.weight[0])
        self.scales, self.residual = scales_and_residual(self.precision, self.sums)
        self._renew_tails()
        vehicles = max(int(np.count_nonzero(self.times[:, at.LATEST] != NEVER)), 1)
        self._renew_bar(vehicles)
        self._fade()
        self.renew_at = self.rows + min(max(vehicles, int(self.rows * RENEWAL)), LARGEST_RENEWAL)

    def _renew_bar(self, vehicles: int) -> None:
        """The bar that holds the budget, and more while little is known."""
        if self.seconds[0] <= 0.0:
            return
        rate = self.rows / self.seconds[0]
        share = OF_BUDGET + AGE * 3600.0 / self.seconds[0] + LONE / vehicles
        self.bar = float(np.log(max(self._tests_per_alert * rate, np.e))) * share

    def _renew_tails(self) -> None:
        self.tails, self.survival = fitted_tails(self.histogram, self.totals, NOTABLE)
        start = self.tails["start"].transpose(1, 2, 0)
        # Until there is a tail, everything is counted.
        self.near = np.ascontiguousarray(np.where(np.isnan(start), -1.0, kernel.NEAR_TAIL * start))

    def _fade(self) -> None:
        """Halve the shared sums when they span more than `COUNTED` rows."""
        if self.rows <= COUNTED:
            return
        if self.weight[0] > COUNTED:
            self.scatter, self.weight = self.scatter / 2.0, self.weight / 2.0
        for weight, square in ((at.SCATTER_ROWS, at.SCATTER), (at.CHANGES, at.CHANGE_SQUARE)):
            old = self.sums[weight] > COUNTED
            self.sums[weight, old] /= 2.0
            self.sums[square, old] /= 2.0
        old = self.totals > COUNTED
        if old.any():
            self.totals[old] /= 2.0
            self.histogram[old] /= 2.0
