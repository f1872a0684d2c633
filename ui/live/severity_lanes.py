"""The worst severity of each vehicle in every five minutes of the last six hours: a byte for each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

CELLS = 72
WIDTH = 300.0
"""Seconds of event time in a cell."""

AT_THRESHOLD = 50.0
"""Severity of an event whose error is the threshold."""

Bytes: TypeAlias = NDArray[np.uint8]

_FIRST_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """The lanes of a fleet at one moment.

    Attributes:
        start: event time at which the first cell begins, seconds since the epoch.
        vehicles: ids, in the order of the rows.
        cells: shape (vehicles, up to `CELLS`), the oldest first: 0 without an event, else 1 + severity.
    """

    start: float
    vehicles: tuple[str, ...]
    cells: Bytes


@dataclass(frozen=True, slots=True)
class PastCell:
    """What rollups say of a vehicle in the time of a cell.

    Attributes:
        number: event time // `WIDTH`.
        error_peak: the largest reconstruction error.
        anomalies: events that were flagged.
    """

    number: int
    error_peak: float
    anomalies: int

    def severity(self, threshold: float) -> float:
        """The severity of the worst event, 0–100.

        The threshold at that time is not in a rollup; today's tells how bad an anomaly was, but not whether
        something was one.

        Args:
            threshold: of the vehicle, now, above 0.
        """
        severity = 100.0 * self.error_peak / (self.error_peak + threshold)
        return max(severity, AT_THRESHOLD) if self.anomalies else min(severity, AT_THRESHOLD - 1.0)


class SeverityLanes:
    """A ring of `CELLS` cells for each vehicle, all ending with the newest event time of the fleet.

    Not safe to use from several threads. Takes `CELLS` bytes for each vehicle, and its id.
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._vehicles: list[str] = []
        self._cells: Bytes = np.zeros((_FIRST_ROWS, CELLS), np.uint8)
        self._newest: int | None = None

    def record(self, vehicle: str, at: float, severity: float, now: float) -> None:
        """Record one event.

        Args:
            vehicle: id.
            at: event time, seconds since the epoch; one before the oldest cell is ignored.
            severity: 0–100.
            now: seconds since the epoch. A vehicle whose clock is ahead does not move the others' lanes.
        """
        number = math.floor(min(at, now) / WIDTH)
        self._advance(number)
        self._raise(vehicle, number, severity)

    def merge(self, vehicle: str, cells: Iterable[tuple[int, float]]) -> None:
        """Add what is known from elsewhere, which moves no lane: the higher severity counts.

        Args:
            vehicle: id.
            cells: number of the cell, that is event time // `WIDTH`, and severity, 0–100.
        """
        for number, severity in cells:
            if self._newest is not None and number <= self._newest:
                self._raise(vehicle, number, severity)

    def forget(self, vehicle: str) -> None:
        """Drop a vehicle; the last row takes its place."""
        row = self._rows.pop(vehicle, None)
        if row is None:
            return
        mover = self._vehicles.pop()
        if mover != vehicle:
            self._vehicles[row], self._rows[mover] = mover, row
            self._cells[row] = self._cells[len(self._vehicles)]
        self._cells[len(self._vehicles)] = 0

    def snapshot(self) -> Lanes:
        """The lanes now."""
        newest = CELLS - 1 if self._newest is None else self._newest
        cells = np.roll(self._cells[: len(self._vehicles)], -((newest + 1) % CELLS), axis=1)
        return Lanes((newest - CELLS + 1) * WIDTH, tuple(self._vehicles), cells)

    def _advance(self, number: int) -> None:
        if self._newest is None:
            self._newest = number
        elif number > self._newest:
            first = max(self._newest + 1, number - CELLS + 1)
            self._cells[:, [each % CELLS for each in range(first, number + 1)]] = 0
            self._newest = number

    def _raise(self, vehicle: str, number: int, severity: float) -> None:
        assert self._newest is not None
        if number <= self._newest - CELLS:
            return
        row = self._rows.get(vehicle)
        if row is None:
            row = self._rows[vehicle] = len(self._vehicles)
            self._vehicles.append(vehicle)
            if row == len(self._cells):
                self._cells = np.concatenate([self._cells, np.zeros_like(self._cells)])
        value, slot = 1 + round(min(max(severity, 0.0), 100.0)), number % CELLS
        if value > self._cells[row, slot]:
            self._cells[row, slot] = value
