"""What the detector says of events."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Mask, Slots


class Status(IntEnum):
    """What is to be known of an event besides its verdict; the names in lower case are those on the wire.

    The first that holds of `LATE`, `PARTIAL`, `WARMING_UP`. Whether there is a verdict at all is told by
    the threshold: it is NaN until there is one.
    """

    WARMING_UP = 0
    OK = 1
    LATE = 2
    PARTIAL = 3


@dataclass(frozen=True, slots=True)
class Scores:
    """What the detector says of n events.

    Attributes:
        error: reconstruction error ≥ 0, shape (n,).
        smoothed: mean error over the vehicle's window, shape (n,).
        threshold: shape (n,); NaN while warming up.
        anomaly: ``error > threshold``, shape (n,); false while warming up.
        severity: 0–100, ``100 · error / (error + threshold)``, shape (n,); 0 while warming up.
        status: `Status`, shape (n,).
        duplicate: of a time the vehicle has already sent: to be dropped, shape (n,).
        expected: the value the model expected, in the signal's unit, shape (n, S).
        contributions: each signal's share of the error, shape (n, S).
        model_version: blocks learned when the event was scored, shape (n,).
    """

    error: Floats
    smoothed: Floats
    threshold: Floats
    anomaly: Mask
    severity: Floats
    status: NDArray[np.uint8]
    duplicate: Mask
    expected: Floats
    contributions: Floats
    model_version: Integers

    def take(self, rows: Slots) -> Scores:
        """The given rows, in their order."""
        return Scores(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def empty(cls, rows: int, signals: int) -> Scores:
        return cls(
            error=np.zeros(rows),
            smoothed=np.zeros(rows),
            threshold=np.full(rows, np.nan),
            anomaly=np.zeros(rows, np.bool_),
            severity=np.zeros(rows),
            status=np.zeros(rows, np.uint8),
            duplicate=np.zeros(rows, np.bool_),
            expected=np.zeros((rows, signals)),
            contributions=np.zeros((rows, signals)),
            model_version=np.zeros(rows, np.int64),
        )
