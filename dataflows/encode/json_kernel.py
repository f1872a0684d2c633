"""Compiled loops that assemble JSON from keys, values that are JSON already, and numbers.

Numbers are rounded to nine significant digits, which are written straight to their place in the output. A
general formatter would write up to 17 digits to a separate string first, which takes twice as long.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import compiled

DIGITS = 9
"""Significant digits of a number: enough to tell any two 32-bit floats apart."""

RESOLUTION = 2.0 * 10.0 ** (1 - DIGITS)
"""Relative difference from which on two numbers are written differently."""

LEAST_PLAIN = -5
"""Smallest power of ten that is written without an exponent; the largest is ``DIGITS - 2``."""

SMALLEST = 1e-299
"""Numbers closer to 0 are written as 0."""

LONGEST_NUMBER = 16
"""Characters of the longest number, such as ``-1.23456789e-299``."""

LOG10_OF_2 = 315_653
LOG10_OF_2_BITS = 20
"""log10(2) = 0.30103 as a fraction, ``LOG10_OF_2 / 2**LOG10_OF_2_BITS``.

Close enough that ``power * LOG10_OF_2 >> LOG10_OF_2_BITS`` is the floor of log10(2**power) for every
power of two that a float64 can have (-1074 to 1023), without the cost of a logarithm.
"""

MANTISSA_BITS, EXPONENT_BIAS = 52, 1023
"""Of a float64 (IEEE 754): its power of two is ``(bits >> MANTISSA_BITS) - EXPONENT_BIAS``."""

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
    """Write n JSON objects of V values each, one after the other.

    Args:
        keys: the text before each value and after the last one.
        keys_stops: where in `keys` the text before each value ends, shape (V + 1,).
        columns: the column of `text` that holds each value, -1 for the next number, shape (V,).
        numbers: shape (n, K), K of the V values.
        text: the other values, as JSON.
        starts, stops: where each of them is in `text`, column by column, shape ((V - K) · n,).
        out: written to; must have room for everything, with `LONGEST_NUMBER` bytes per number.
        lengths: written to: bytes of each object, shape (n,).
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
def shortened(numbers: Floats, digits: int) -> Floats:
    """Numbers, shape (n, K), rounded to that many significant digits, 1 to `DIGITS`: they are written short.

    What is not finite stays as it is, and so does what is written as 0.
    """
    short = numbers.copy()
    for row in range(short.shape[0]):
        for column in range(short.shape[1]):
            size = abs(short[row, column])
            if SMALLEST <= size < np.inf:
                _, exponent = _decimal(size)
                power = digits - 1 - exponent
                if power >= 0:
                    size = np.floor(size * POWERS[power - LEAST_POWER] + 0.5) / POWERS[power - LEAST_POWER]
                else:
                    size = np.floor(size / POWERS[-power - LEAST_POWER] + 0.5) * POWERS[-power - LEAST_POWER]
                short[row, column] = np.copysign(size, short[row, column])
    return short


@compiled
def _copy(out: Bytes, at: int, text: Bytes, start: int, stop: int) -> int:
    # Unsigned, since the compiler vectorises the loop only if an index cannot be negative.
    first, source = np.uint64(at), np.uint64(start)
    for offset in range(np.uint64(stop - start)):
        out[first + offset] = text[source + offset]
    return at + stop - start


@compiled
def _write_number(out: Bytes, at: int, value: float) -> int:
    """Write a number rounded to `DIGITS`; returns the position after it."""
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
    """The `DIGITS` digits of a positive number as an integer, and the power of ten of the first one."""
    power_of_two = (np.float64(size).view(np.int64) >> MANTISSA_BITS) - EXPONENT_BIAS
    # The power of ten of 2**power_of_two, which is that of the number itself or one less.
    exponent = int((power_of_two * LOG10_OF_2) >> LOG10_OF_2_BITS)
    scaled = size * POWERS[DIGITS - 1 - exponent - LEAST_POWER]
    if scaled >= TOO_MANY - 0.5:
        exponent += 1
        scaled = size * POWERS[DIGITS - 1 - exponent - LEAST_POWER]
    return np.uint32(np.int64(scaled + 0.5)), exponent


@compiled
def _write_digits(out: Bytes, start: int, stop: int, digits: np.uint32) -> np.uint32:
    """Write the last `stop - start` digits of an integer; returns the digits before them."""
    # Unsigned: signed divisions take several times as long.
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
