"""JSON put together by compiled loops: keys, texts that are JSON already, and numbers of nine digits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import compiled

DIGITS = 9
"""Significant digits of a number: as many as it takes to tell any two of 32 bits apart."""

RESOLUTION = 2.0 * 10.0 ** (1 - DIGITS)
"""Relative distance from which two numbers differ as they are written."""

LEAST_PLAIN = -5
"""Power of ten from which a number is written without an exponent, as long as there are digits for it."""

SMALLEST = 1e-299
"""Numbers nearer to 0 are written as 0."""

LONGEST_NUMBER = 16
"""Characters that a number takes at most, as in ``-1.23456789e-299``."""

LEAST_POWER = -300
POWERS = np.array([float(f"1e{power}") for power in range(LEAST_POWER, 309)])
TEN, TOO_MANY = np.uint32(10), 10.0**DIGITS
ZERO, NULL = np.frombuffer(b"0.0", np.uint8), np.frombuffer(b"null", np.uint8)

Bytes: TypeAlias = NDArray[np.uint8]
Positions: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@compiled
def write_rows(
    keys: Bytes,
    keys_stops: Positions,
    columns: Positions,
    numbers: Floats,
    text: Bytes,
    starts: Positions,
    stops: Positions,
    out: Bytes,
    lengths: Positions,
) -> None:
    """Write n JSON objects one after the other.

    Args:
        keys: what stands before each value and after the last.
        keys_stops: where in it the text before each value ends.
        columns: column of the text that each value is in; -1 for the next number.
        numbers: shape (n, K).
        text: the other values, as JSON.
        starts, stops: where each is in it, n of a column, then those of the next.
        out: is written to; holds `LONGEST_NUMBER` for each number, and everything else.
        lengths: of each object, shape (n,); is written to.
    """
    at, rows = 0, len(numbers)
    for row in range(rows):
        first, start, number = at, 0, 0
        for value in range(len(columns)):
            at = _copy(out, at, keys, start, keys_stops[value])
            start, column = keys_stops[value], columns[value]
            if column < 0:
                at = _write_number(out, at, numbers[row, number])
                number += 1
            else:
                cell = column * rows + row
                at = _copy(out, at, text, starts[cell], stops[cell])
        at = _copy(out, at, keys, start, len(keys))
        lengths[row] = at - first


@compiled
def _copy(out: Bytes, at: int, text: Bytes, start: int, stop: int) -> int:
    # Unsigned: an index that might be negative keeps the loop from copying many bytes at once.
    first, source = np.uint64(at), np.uint64(start)
    for offset in range(np.uint64(stop - start)):
        out[first + offset] = text[source + offset]
    return at + stop - start


@compiled
def _write_number(out: Bytes, at: int, value: float) -> int:
    """Write a number, rounded; returns the position after it."""
    size = abs(value)
    if not SMALLEST <= size < np.inf:
        text = ZERO if size < SMALLEST else NULL
        return _copy(out, at, text, 0, len(text))
    if value < 0.0:
        out[at] = ord("-")
        at += 1
    digits, exponent = _decimal(size)
    if LEAST_PLAIN <= exponent < 0:
        for place in range(1 - exponent):
            out[at + place] = ord("0")
        out[at + 1] = ord(".")
        at += 1 - exponent
        _write_digits(out, at, at + DIGITS, digits)
        return _end_of_digits(out, at + 1, at + DIGITS)
    is_plain = 0 <= exponent < DIGITS - 1
    point, end = at + (exponent + 1 if is_plain else 1), at + DIGITS + 1
    _write_digits(out, at, point, _write_digits(out, point + 1, end, digits))
    out[point] = ord(".")
    at = _end_of_digits(out, point + 2, end)
    return at if is_plain else _write_exponent(out, at, exponent)


@compiled
def _decimal(size: float) -> tuple[np.uint32, int]:
    """The digits of a positive number, as a whole number, and the power of ten of the first."""
    # A number has its power of two in its bits; times log10(2) that is its power of ten, or one too little.
    exponent = int((((np.float64(size).view(np.int64) >> 52) - 1023) * 315_653) >> 20)
    scaled = size * POWERS[DIGITS - 1 - exponent - LEAST_POWER]
    if scaled >= TOO_MANY - 0.5:
        exponent += 1
        scaled = size * POWERS[DIGITS - 1 - exponent - LEAST_POWER]
    return np.uint32(np.int64(scaled + 0.5)), exponent


@compiled
def _write_digits(out: Bytes, start: int, stop: int, digits: np.uint32) -> np.uint32:
    """Write the last digits of a number; returns those before them."""
    # Without a sign: divisions of numbers with one take several times as long.
    for place in range(stop - 1, start - 1, -1):
        before = digits // TEN
        out[np.uint64(place)] = ord("0") + (digits - before * TEN)
        digits = before
    return digits


@compiled
def _end_of_digits(out: Bytes, least: int, end: int) -> int:
    while end > least and out[end - 1] == ord("0"):
        end -= 1
    return end


@compiled
def _write_exponent(out: Bytes, at: int, exponent: int) -> int:
    out[at] = ord("e")
    at += 1
    if exponent < 0:
        out[at] = ord("-")
        at, exponent = at + 1, -exponent
    for unit in (100, 10, 1):
        if exponent >= unit:
            out[at] = ord("0") + exponent // unit % 10
            at += 1
    return at
