"""Runs: what is known of consecutive events of a vehicle in the same window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dataflows.compiled import Floats
from dataflows.stored_state import ROLLUP, Stored

COUNT, SUM, MIN, MAX, LAST, CHANGE = range(6)
"""Of a signal: values, their sum, least, largest and last one, and by how much it rose, all in its unit."""

SUMMARIES = 6

ANOMALIES, ERROR_SUM, ERROR_PEAK, METRES, MOVING, IDLE = range(6)
"""Of a vehicle: flagged events, sum and peak of the error, metres driven, seconds moving and idle."""

TOTALS = 6


class Run(NamedTuple):
    """Events of a vehicle in one window, or several such runs merged.

    Attributes:
        start: the window begins here, microseconds since 1970-01-01 UTC ...
        end: ... and ends before this.
        part: number of the part of the vehicle's time; in each part, a window comes once.
        first, last: event times of the earliest and the latest event, microseconds.
        events: how many, ≥ 1.
        totals: shape (`TOTALS`,).
        signals: shape (S, `SUMMARIES`).
    """

    start: int
    end: int
    part: int
    first: int
    last: int
    events: int
    totals: Floats
    signals: Floats

    def merged(self, later: Run) -> Run:
        """This run and a later one of the same window as one."""
        totals = self.totals + later.totals
        totals[ERROR_PEAK] = max(self.totals[ERROR_PEAK], later.totals[ERROR_PEAK])
        mine, its = self.signals, later.signals
        signals = mine + its
        signals[:, MIN] = np.minimum(mine[:, MIN], its[:, MIN])
        signals[:, MAX] = np.maximum(mine[:, MAX], its[:, MAX])
        signals[:, LAST] = np.where(its[:, COUNT] > 0.0, its[:, LAST], mine[:, LAST])
        first, last = min(self.first, later.first), max(self.last, later.last)
        return self._replace(
            first=first, last=last, events=self.events + later.events, totals=totals, signals=signals
        )

    def stored(self, names: Sequence[str]) -> Stored:
        """A copy as plain data, with the layout `ROLLUP`.

        Args:
            names: of the S signals.
        """
        numbers = tuple(self[:6])
        return ROLLUP.wrap((tuple(names), *numbers, self.totals.copy(), self.signals.copy()))

    @classmethod
    def restored(cls, stored: Any, names: Sequence[str]) -> Run:
        """The run that was stored, with these signals: new ones had no value.

        Raises:
            SnapshotError: it has another layout.
        """
        before, start, end, part, first, last, events, totals, signals = ROLLUP.unwrap(stored)
        summaries = empty(len(names))
        there, here = kept(before, names)
        summaries[here] = signals[there]
        return cls(start, end, part, first, last, events, totals, summaries)


def empty(signals: int) -> Floats:
    """Summaries of no values, shape (S, `SUMMARIES`)."""
    summaries = np.zeros((signals, SUMMARIES))
    summaries[:, MIN], summaries[:, MAX] = math.inf, -math.inf
    return summaries


def kept(before: Sequence[str], now: Sequence[str]) -> tuple[list[int], list[int]]:
    """Columns of the signals that are still there after the catalogue has changed: theirs before, and now."""
    places = {name: place for place, name in enumerate(before)}
    pairs = [(places[name], place) for place, name in enumerate(now) if name in places]
    return [there for there, _ in pairs], [here for _, here in pairs]
