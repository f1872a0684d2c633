"""The detector's output for a batch of events."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Mask, Slots


class Status(IntEnum):
    """What a reader should know about an event besides its verdict; on the wire the names are in lower case.

    An event has the first of `LATE`, `PARTIAL`, `WARMING_UP` that applies, else `OK`. Whether it has a
    verdict at all can be seen from its threshold, which is NaN until there is one.
    """

    WARMING_UP = 0
    OK = 1
    LATE = 2
    PARTIAL = 3


@dataclass(frozen=True, slots=True)
class Scores:
    """The detector's output for n events.

    Attributes:
        error: reconstruction error ≥ 0, shape (n,).
        smoothed: mean error over the vehicle's window, shape (n,).
        threshold: shape (n,); NaN while warming up.
        anomaly: ``error > threshold``, shape (n,); false while warming up.
        severity: 0–100, ``100 · error / (error + threshold)``, shape (n,); 0 while warming up.
        status: `Status`, shape (n,).
        duplicate: the same event as one in its vehicle's window, so this one is to be dropped, shape (n,).
        expected: the value the model expected, in the signal's unit, shape (n, S).
        band: how far from it the promised share of normal values lies at most, in the signal's unit, shape
            (n, S); NaN where that is unknown, and for circular signals.
        contributions: each signal's share of the error, shape (n, S).
        model_version: number of blocks learned when the event was scored, shape (n,).
    """

    error: Floats
    smoothed: Floats
    threshold: Floats
    anomaly: Mask
    severity: Floats
    status: NDArray[np.uint8]
    duplicate: Mask
    expected: Floats
    band: Floats
    contributions: Floats
    model_version: Integers

    def take(self, rows: Slots) -> Scores:
        """The given rows, in the given order."""
        return Scores(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def empty(cls, rows: int, signals: int) -> Scores:
        """Scores of `rows` events that say nothing yet; their arrays are to be filled."""
        return cls(
            error=np.zeros(rows),
            smoothed=np.zeros(rows),
            threshold=np.full(rows, np.nan),
            anomaly=np.zeros(rows, np.bool_),
            severity=np.zeros(rows),
            status=np.zeros(rows, np.uint8),
            duplicate=np.zeros(rows, np.bool_),
            expected=np.zeros((rows, signals)),
            band=np.full((rows, signals), np.nan),
            contributions=np.zeros((rows, signals)),
            model_version=np.zeros(rows, np.int64),
        )
