"""Signals outside their alarm limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from config.settings import SignalSettings
from dataflows.alert.lifecycle import Conditions
from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.state import ArrayState

JUST_OUTSIDE, A_QUARTER_BEYOND = 4.0, 9.0
"""Strengths of a value at its limit, and of one that is a quarter of the limit beyond it: major, critical."""

MOST_BEYOND = 1e6
"""Quarters of the limit that count at most: the strength is kept in 32 bits and must stay finite."""


class Limits(ArrayState):
    """How far signals are outside their alarm limits, and since when.

    A value outside its plausible range is a broken sensor and no danger: it does not count.

    Args:
        signals: the catalogue, in its order.
        after: seconds that a signal must stay outside.

    Attributes:
        since: event time since which each signal has been outside, microseconds, shape (V, S).
    """

    PER_VEHICLE: ClassVar = ("since",)

    def __init__(self, signals: Sequence[SignalSettings], *, after: float) -> None:
        self._after = int(after * 1e6)
        self.low, self.high = _bounds([signal.low for signal in signals], [s.high for s in signals])
        self._least, self._most = _bounds([signal.min for signal in signals], [s.max for s in signals])
        self.since = np.full((0, len(signals)), NEVER)

    def fill_value(self, name: str) -> Any:
        return NEVER

    def judge(self, slots: Slots, times: Integers, values: Floats) -> Conditions:
        """Judge n events.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, shape (n,).
            values: in the signals' units, NaN where missing, shape (n, S).

        Returns:
            Strength of each signal's condition, and since when it has been outside; shape (n, S).
        """
        strengths, onsets = np.zeros(values.shape), np.full(values.shape, NEVER)
        limits = (self.low, self.high, self._least, self._most)
        _judge(slots, times, values, *limits, self._after, self.since, strengths, onsets)
        return Conditions(strengths, onsets)


def _bounds(lows: Sequence[float | None], highs: Sequence[float | None]) -> tuple[Floats, Floats]:
    low = np.array([-math.inf if value is None else value for value in lows])
    high = np.array([math.inf if value is None else value for value in highs])
    return low, high


@compiled
def _judge(
    slots: Slots,
    times: Integers,
    values: Floats,
    low: Floats,
    high: Floats,
    least: Floats,
    most: Floats,
    after: int,
    since: Integers,
    strengths: Floats,
    onsets: Integers,
) -> None:
    for row in range(len(slots)):
        for signal in range(values.shape[1]):
            value = values[row, signal]
            if not (np.isfinite(low[signal]) or np.isfinite(high[signal])) or np.isnan(value):
                continue
            if value < least[signal] or value > most[signal]:
                continue
            beyond, limit = low[signal] - value, low[signal]
            if value > high[signal]:
                beyond, limit = value - high[signal], high[signal]
            if beyond <= 0.0:
                since[slots[row], signal] = NEVER
                continue
            if since[slots[row], signal] == NEVER:
                since[slots[row], signal] = times[row]
            if times[row] - since[slots[row], signal] >= after:
                share = min(4.0 * beyond / max(abs(limit), 1e-12), MOST_BEYOND)
                strengths[row, signal] = JUST_OUTSIDE + (A_QUARTER_BEYOND - JUST_OUTSIDE) * share
                onsets[row, signal] = since[slots[row], signal]
