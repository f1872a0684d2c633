"""Verdict and status of scored rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Mask, compiled
from dataflows.detector.arrival import LATE
from dataflows.detector.scores import Status

# Plain numbers, which compiled loops need and which compare much faster than members of an enum.
WARMING_UP, OK, STATUS_LATE, PARTIAL = map(int, Status)


@compiled
def set_status(
    arrivals: NDArray[np.uint8], present: Integers, signals: int, threshold: Floats, status: NDArray[np.uint8]
) -> None:
    """Fill in the status of n rows.

    Args:
        arrivals: `Arrival` of each row, shape (n,).
        present: number of its signals that are present or held, shape (n,).
        signals: number of signals S.
        threshold: `Scores.threshold`, shape (n,).
        status: filled with `Status`, shape (n,).
    """
    for row in range(len(status)):
        if arrivals[row] == LATE:
            status[row] = STATUS_LATE
        elif present[row] < signals:
            status[row] = PARTIAL
        else:
            status[row] = WARMING_UP if np.isnan(threshold[row]) else OK


@compiled
def verdicts(error: Floats, bound: Floats, known: Floats, least: float) -> tuple[Floats, Mask, Floats]:
    """Threshold, verdict and severity of n rows.

    Args:
        error, bound: error and threshold of each row, shape (n,).
        known: rows learned from the vehicle of each row, shape (n,).
        least: rows that must have been learned from a vehicle before it gets a verdict.

    Returns:
        `Scores.threshold`, `Scores.anomaly` and `Scores.severity`.
    """
    threshold, severity = np.full(len(error), np.nan), np.zeros(len(error))
    anomaly = np.zeros(len(error), np.bool_)
    for row in range(len(error)):
        if known[row] >= least:
            threshold[row] = bound[row]
            anomaly[row] = error[row] > bound[row]
            severity[row] = 100.0 * error[row] / max(error[row] + bound[row], 1e-300)
    return threshold, anomaly, severity
