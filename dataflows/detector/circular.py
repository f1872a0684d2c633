"""Signals that start over after one turn, such as a heading: as cosine and sine, which never jump."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dataflows.compiled import Floats, Slots, compiled


class Turn(NamedTuple):
    """The values of a circular signal, from `start` up to `start` + `period`, in its unit."""

    start: float
    period: float


class CircularColumns:
    """The columns that stand for S signals, C of which are circular, and the way back.

    The column of a circular signal holds its cosine. Their sines follow behind all signals, in the order of
    `turns`. Without any circular signal, every method returns what it is given.

    Args:
        signals: number of signals S.
        turns: position of each circular signal → its values.
    """

    def __init__(self, signals: int, turns: Mapping[int, Turn]) -> None:
        self._signals = signals
        self._places = np.array(list(turns), np.intp)
        self._starts = np.array([turn.start for turn in turns.values()])
        self._periods = np.array([turn.period for turn in turns.values()])

    def expanded(self, values: Floats) -> Floats:
        """Columns of n events, shape (n, S + C), from their values, shape (n, S).

        What is missing is NaN in both of its columns; an infinite value of a circular signal is missing.
        """
        if not len(self._places):
            return values
        columns = np.empty((len(values), self._signals + len(self._places)))
        columns[:, : self._signals] = values
        _expand(columns, self._places, self._periods)
        return columns

    def values(self, columns: Floats) -> Floats:
        """Values, shape (n, S), from columns, shape (n, S + C): the direction of each cosine and sine."""
        if not len(self._places):
            return columns
        values = columns[:, : self._signals].copy()
        _fold(columns, self._places, self._starts, self._periods, values)
        return values

    def straight(self, columns: Floats) -> Floats:
        """Those of n events, shape (n, S), from columns, shape (n, S + C); NaN for circular signals."""
        if not len(self._places):
            return columns
        straight = columns[:, : self._signals].copy()
        straight[:, self._places] = np.nan
        return straight

    def sums(self, columns: Floats) -> Floats:
        """The two columns of each circular signal added up, shape (n, S), from columns, shape (n, S + C)."""
        if not len(self._places):
            return columns
        sums = columns[:, : self._signals].copy()
        sums[:, self._places] += columns[:, self._signals :]
        return sums


@compiled
def _expand(columns: Floats, places: Slots, periods: Floats) -> None:
    signals = columns.shape[1] - len(places)
    for row in range(len(columns)):
        for number in range(len(places)):
            # The remainder first: a product could be infinite where the value is not.
            angle = 2.0 * np.pi * ((columns[row, places[number]] % periods[number]) / periods[number])
            columns[row, places[number]] = np.cos(angle)
            columns[row, signals + number] = np.sin(angle)


@compiled
def _fold(columns: Floats, places: Slots, starts: Floats, periods: Floats, values: Floats) -> None:
    signals = values.shape[1]
    for row in range(len(columns)):
        for number in range(len(places)):
            angle = np.arctan2(columns[row, signals + number], columns[row, places[number]])
            along = angle / (2.0 * np.pi) * periods[number]
            turned = (along - starts[number]) % periods[number]
            # A remainder of a tiny negative number is rounded up to the period itself.
            values[row, places[number]] = starts[number] + (turned if turned < periods[number] else 0.0)
