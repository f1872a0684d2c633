"""How unusual each signal of an event is, given the others and the past: the evidence for an anomaly alert.

The detector's error says that an event as a whole is unlike what was learned. An alert has to name the
signal, and must see what single events do not show: a slow drift, a sensor that repeats itself. So each
signal is judged by itself:

* Its value and its change since the event before are predicted from the values and changes of all *other*
  signals, through the precision matrix of both (Lauritzen, "Graphical Models", 1996, section 5.1.3, for a
  block of two variables). A speed that rises without acceleration is seen even if the speed is usual.
* From the two residuals, in units of the vehicle's own spread, come four statistics: the *jump* of this
  event, the *trend* (mean of the last jumps), the *shift* (mean deviation from a slow baseline), and for how
  long the signal has been *stuck* at a value at which it does not usually rest.
* A statistic becomes a tail probability by the peaks over a high threshold of the same statistic on all
  vehicles so far (Pickands, "Statistical Inference Using Extreme Order Statistics", 1975). Its negative
  logarithm, in nats, means the same for every signal and statistic: once in e^nats events.

What was measured, and how the parameters were chosen, stands in docs/alerts.md.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.alert import evidence_kernel as kernel
from dataflows.alert.tails import fitted_tails
from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Mask, Slots
from dataflows.detector.state import ArrayState

RIDGE = 1e-3
"""Added to the diagonal of the correlations; as the detector's `ridge`."""

RENEWAL = 0.05
"""Share of new rows at which the model and the tails are recomputed."""

LARGEST_RENEWAL = 1024
"""They are recomputed after at most this many rows."""

MEMORY = 100_000.0
"""Rows after which old ones have faded from a vehicle's means."""

COUNTED = 1_000_000.0
"""Rows that the shared sums span: they are halved when they have reached it."""


AGE = 0.5
"""Hours of data at which the bar is twice as high: rare events of normal driving have not been seen yet."""

LONE = 0.5
"""How much higher the bar is for a lone vehicle: its hours are less varied than those of many vehicles."""

DAY = 86_400.0


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
        vehicles, states, signals: see `evidence_kernel`, shapes (V,), (V, S) and (S,).
        rows: rows judged so far.
        renew_at: row at which the model and the tails are next recomputed.
    """

    PER_VEHICLE: ClassVar = ("vehicles", "states")
    SHARED: ClassVar = (
        "signals",
        "scatter",
        "weight",
        "precision",
        "predictions",
        "tails",
        "histogram",
        "totals",
        "seconds",
        "bar",
        "known_vehicles",
        "rows",
        "renew_at",
    )

    def __init__(
        self, signals: int, *, judged: Mask, false_alerts_per_day: float, hold: float, settle: float
    ) -> None:
        self._judged = judged
        self._tests_per_alert = max(int(judged.sum()), 1) * kernel.STATISTICS * 2 * DAY / false_alerts_per_day
        self._hold, self._settle = int(hold * 1e6), int(settle * 1e6)
        self.vehicles = np.zeros(0, kernel.VEHICLE)
        self.states = np.zeros((0, signals), kernel.VEHICLE_SIGNAL)
        self.signals = np.zeros(signals, kernel.SIGNAL)
        self.signals["resolution"] = np.inf
        self.scatter = np.zeros((2 * signals, 2 * signals))
        self.weight = np.zeros(1)
        self.precision = np.eye(2 * signals) / (1.0 + RIDGE)
        self.predictions = np.zeros(signals, kernel.PREDICTION)
        self.tails = np.zeros((signals, kernel.STATISTICS, 2), kernel.TAIL)
        self.tails["start"] = np.nan
        self.histogram = np.zeros((signals, kernel.STATISTICS, 2, kernel.BUCKETS))
        self.totals = np.zeros((signals, kernel.STATISTICS))
        self.seconds = np.zeros(1)
        self.bar = np.inf
        self.known_vehicles = 0
        self.rows = 0
        self.renew_at = 1
        self._renew_predictions()

    def fill_value(self, name: str) -> Any:
        if name == "vehicles":
            return np.array((NEVER, NEVER), kernel.VEHICLE)
        empty = np.zeros((), kernel.VEHICLE_SIGNAL)
        empty["held_at"] = NEVER
        empty["level_spread"] = empty["jump_spread"] = 1.0
        return empty

    def judge(self, slots: Slots, times: Integers, values: Floats) -> Verdicts:
        """Judge n events, no vehicle's of which is older than one before it, and learn them.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds since 1970-01-01 UTC, shape (n,).
            values: in the signals' units, NaN where missing, shape (n, S).
        """
        shape = values.shape
        verdicts = Verdicts(
            np.zeros(shape),
            np.full(len(slots), self.bar),
            np.zeros(shape, np.uint8),
            np.zeros(shape, np.bool_),
            np.full(shape, np.nan),
        )
        # In one memory layout: the loop is compiled for each that it meets, for seconds.
        values = np.ascontiguousarray(values)
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
                self.vehicles,
                self.states,
                self.signals,
                self.scatter,
                self.weight,
                self.precision,
                self.predictions,
                self._judged,
                self.tails,
                self.histogram,
                self.totals,
                self.seconds,
                verdicts.nats[part],
                verdicts.statistic[part],
                verdicts.upwards[part],
                verdicts.typical[part],
            )
            verdicts.bar[part] = self.bar
            self.rows += part.stop - start
            start = part.stop
            if self.rows == self.renew_at:
                self._renew()
        return verdicts

    def _renew(self) -> None:
        signals = self.signals
        counted = np.maximum(signals["scatter_count"], 1e-300)
        changes = np.maximum(signals["change_count"], 1e-300)
        moves = signals["moves"] > 0.0
        # A signal that moves by a single step of its resolution is never unusual.
        least = np.where(np.isfinite(signals["resolution"]), signals["resolution"], 0.0)
        deviation = np.sqrt(signals["scatter"] / counted)
        signals["deviation"] = np.where(moves, np.maximum(deviation, least), 0.0)
        change = np.sqrt(signals["change_square"] / changes)
        signals["change_deviation"] = np.where(moves, np.maximum(change, least), 0.0)
        if self.weight[0] >= 2.0 * len(self.scatter):
            self._renew_precision()
        self._renew_predictions()
        self.tails = fitted_tails(self.histogram, self.totals)
        self._renew_bar()
        self._fade()
        self.renew_at = self.rows + min(max(1, int(self.rows * RENEWAL)), LARGEST_RENEWAL)

    def _renew_bar(self) -> None:
        """The bar that holds the budget, if events were independent, and more while little is known."""
        if self.seconds[0] <= 0.0:
            return
        self.known_vehicles = int(np.count_nonzero(self.vehicles["latest"] != NEVER))
        rate = self.rows / self.seconds[0]
        more = AGE * 3600.0 / self.seconds[0] + LONE / self.known_vehicles
        self.bar = float(np.log(max(self._tests_per_alert * rate, np.e))) * (1.0 + more)

    def _renew_precision(self) -> None:
        deviation = np.sqrt(self.scatter.diagonal() / self.weight[0])
        moves = deviation > 1e-9
        scale = np.where(moves, deviation, 1.0)
        both = moves & moves[:, None]
        correlation = np.where(both, self.scatter / self.weight[0] / (scale * scale[:, None]), 0.0)
        diagonal = np.diag_indices(len(scale))
        correlation[diagonal] = 1.0 + RIDGE
        self.precision = np.linalg.inv(correlation)

    def _renew_predictions(self) -> None:
        """Leave out value and change of one signal at a time, and predict both from all others."""
        count, signals = len(self.signals), self.signals
        resolution = np.where(np.isfinite(signals["resolution"]), signals["resolution"], 0.0)
        for column in range(count):
            places = [column, count + column]
            block = np.linalg.inv(self.precision[np.ix_(places, places)])
            level, jump = np.sqrt(block.diagonal())
            deviation, change = (
                float(signals["deviation"][column]),
                float(signals["change_deviation"][column]),
            )
            least = float(resolution[column])
            self.predictions[column] = (
                1.0 / deviation if deviation > 0.0 else 0.0,
                1.0 / change if change > 0.0 else 0.0,
                block[0, 0] / level,
                block[0, 1] / level,
                block[1, 0] / jump,
                block[1, 1] / jump,
                deviation * level,
                change * jump,
                least / (deviation * level) if deviation > 0.0 else 0.0,
                least / (change * jump) if change > 0.0 else 0.0,
            )

    def _fade(self) -> None:
        """Halve the shared sums when they span more than `COUNTED` rows."""
        if self.weight[0] > COUNTED:
            self.scatter, self.weight = self.scatter / 2.0, self.weight / 2.0
        for total, others in (("scatter_count", "scatter"), ("change_count", "change_square")):
            old = self.signals[total] > COUNTED
            self.signals[total][old] /= 2.0
            self.signals[others][old] /= 2.0
        old = self.totals > COUNTED
        self.totals[old] /= 2.0
        self.histogram[old] /= 2.0
