"""Writes times as JSON strings in the form of RFC 3339, with six decimals or none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.clock import SECOND
from dataflows.compiled import Integers, compiled

LONGEST_TIME = len('"2026-01-01T00:00:00.000000Z"')
"""Bytes reserved for each time."""

DAY = 86_400 * SECOND
"""Microseconds in a day."""

UNIX_EPOCH, DAYS_OF_ERA = 719_468, 146_097
"""Days from 0000-03-01 to 1970-01-01, and days in the 400 years after which the calendar repeats."""


def write_times(times: Integers) -> tuple[NDArray[np.uint8], Integers, Integers]:
    """Write n times, in the years 0 to 9999.

    Args:
        times: microseconds since 1970-01-01 UTC, shape (n,).

    Returns:
        A text, and where each time starts and stops in it, shape (n,).
    """
    text = np.empty(len(times) * LONGEST_TIME, np.uint8)
    starts = np.arange(len(times)) * LONGEST_TIME
    stops = np.empty(len(times), np.int64)
    _write(np.ascontiguousarray(times), text, stops)
    return text, starts, stops


@compiled
def _write(times: Integers, out: NDArray[np.uint8], stops: Integers) -> None:
    for row in range(len(times)):
        at = row * LONGEST_TIME
        days = times[row] // DAY
        rest = times[row] - days * DAY
        # Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: years begin in March.
        era = (days + UNIX_EPOCH) // DAYS_OF_ERA
        day = days + UNIX_EPOCH - era * DAYS_OF_ERA
        year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
        day -= 365 * year + year // 4 - year // 100
        month = (5 * day + 2) // 153
        day -= (153 * month + 2) // 5 - 1
        month += 3 if month < 10 else -9
        year += 400 * era + (1 if month <= 2 else 0)
        seconds, fraction = rest // SECOND, rest % SECOND
        out[at] = ord('"')
        at = _number(out, at + 1, year, 4, ord("-"))
        at = _number(out, at, month, 2, ord("-"))
        at = _number(out, at, day, 2, ord("T"))
        at = _number(out, at, seconds // 3600, 2, ord(":"))
        at = _number(out, at, seconds // 60 % 60, 2, ord(":"))
        at = _number(out, at, seconds % 60, 2, ord("."))
        # The point is overwritten where there is no fraction.
        at = _number(out, at, fraction, 6, ord("Z")) if fraction else at
        out[at - 1], out[at] = ord("Z"), ord('"')
        stops[row] = at + 1


@compiled
def _number(out: NDArray[np.uint8], at: int, number: int, digits: int, then: int) -> int:
    """Write a number with leading zeros and the character after it; returns the position after both."""
    for place in range(at + digits - 1, at - 1, -1):
        out[place] = ord("0") + number % 10
        number //= 10
    out[at + digits] = then
    return at + digits + 1
