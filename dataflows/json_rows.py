"""Many JSON objects with the same members, written at once.

An encoder that goes from object to object spends most of its time on keys, which are always the same, and
on digits that no sensor has. Here columns are encoded whole, numbers are rounded, and one compiled loop puts
the values between the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from io import BytesIO
from itertools import chain
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.detector.compiled import compiled

DIGITS = 9
"""Significant digits of a number: as many as it takes to tell any two of 32 bits apart."""

RESOLUTION = 2.0 * 10.0 ** (1 - DIGITS)
"""Relative distance from which two numbers differ as they are written."""

LEAST_PLAIN = -5
"""Power of ten from which a number is written without an exponent, as long as there are digits for it."""

SMALLEST = 1e-299
"""Numbers nearer to 0 are written as 0."""

LONGEST_NUMBER = 20
"""Characters that a number takes at most; ``-1.23456789e-299`` has 16."""

LEAST_POWER = -300
POWERS = np.array([float(f"1e{power}") for power in range(LEAST_POWER, 309)])
TEN, TOO_MANY = np.uint32(10), 10.0**DIGITS
ZERO, NULL = np.frombuffer(b"0.0", np.uint8), np.frombuffer(b"null", np.uint8)

Bytes: TypeAlias = NDArray[np.uint8]
Positions: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

Cells: TypeAlias = tuple[bytes, Positions, Positions]
"""The JSON of columns, one after the other, in one text, and where each value starts and stops in it."""


class Kind(Enum):
    """How the values of a member are given.

    NUMBER: in a column of the matrix; null where not finite.
    TEXT: as texts, times, booleans or whole numbers.
    JSON: as bytes that are JSON already.
    """

    NUMBER = auto()
    TEXT = auto()
    JSON = auto()


Members: TypeAlias = Mapping[str, "Kind | Members"]


class JsonRows:
    """Writes JSON objects that have the same members.

    Args:
        members: key → kind of its value, or the members of the object that it is.
    """

    def __init__(self, members: Members) -> None:
        self._encode = msgspec.json.Encoder().encode
        between, kinds = self._between(members)
        self._keys = np.frombuffer("".join(between).encode(), np.uint8)
        self._keys_stops = np.cumsum([len(text.encode()) for text in between])
        # Columns of kind TEXT, then those of kind JSON; -1 for numbers.
        order = [place for kind in (Kind.TEXT, Kind.JSON) for place, it in enumerate(kinds) if it is kind]
        self._columns = np.array(
            [-1 if kind is Kind.NUMBER else order.index(i) for i, kind in enumerate(kinds)]
        )
        # The same memory again and again, which is read piece by piece.
        self._written = BytesIO()
        self._out: Bytes = np.empty(0, np.uint8)
        # To load the loop takes a while, for which the first event would wait.
        self.write(
            np.zeros((1, kinds.count(Kind.NUMBER))),
            [[""]] * kinds.count(Kind.TEXT),
            [[b""]] * kinds.count(Kind.JSON),
        )

    def write(
        self, numbers: Floats, texts: Sequence[Sequence[Any]], json: Sequence[Sequence[bytes]]
    ) -> list[bytes]:
        """Write n objects.

        Args:
            numbers: the members of kind NUMBER, in their order, shape (n, K).
            texts, json: the members of these kinds, in their order, each n values.
        """
        rows = len(numbers)
        encoded, starts, stops = self._encoded(texts, rows)
        joined, joined_starts, joined_stops = _joined(json, rows)
        room = rows * len(self._keys) + numbers.size * LONGEST_NUMBER + len(encoded) + len(joined)
        if room > len(self._out):
            self._written = BytesIO(bytes(room))
            self._out = np.frombuffer(self._written.getbuffer(), np.uint8)
        lengths = np.empty(rows, np.int64)
        _write(
            self._keys,
            self._keys_stops,
            self._columns,
            numbers,
            np.frombuffer(encoded + joined, np.uint8),
            np.concatenate((starts, joined_starts + len(encoded))),
            np.concatenate((stops, joined_stops + len(encoded))),
            self._out,
            lengths,
        )
        self._written.seek(0)
        return list(map(self._written.read, lengths.tolist()))

    def _encoded(self, columns: Sequence[Sequence[Any]], rows: int) -> Cells:
        text = self._encode(columns)
        commas = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(","))
        if len(commas) != len(columns) * rows - 1:  # some text has one itself, or there are none
            return _joined([list(map(self._encode, column)) for column in columns], rows)
        starts, stops = np.empty(len(commas) + 1, np.int64), np.empty(len(commas) + 1, np.int64)
        starts[0], starts[1:] = 1, commas + 1
        stops[-1], stops[:-1] = len(text) - 1, commas
        starts[::rows] += 1  # the bracket before a column
        stops[rows - 1 :: rows] -= 1
        return text, starts, stops

    def _between(self, members: Members) -> tuple[list[str], list[Kind]]:
        """What stands before each value and after the last, and the kinds of the values."""
        between, kinds = ["{"], []
        for position, (key, member) in enumerate(members.items()):
            between[-1] += ("," if position else "") + self._encode(key).decode() + ":"
            if isinstance(member, Kind):
                between.append("")
                kinds.append(member)
            else:
                (first, *rest), inner = self._between(member)
                between[-1] += first
                between += rest
                kinds += inner
        between[-1] += "}"
        return between, kinds


def _joined(columns: Sequence[Sequence[bytes]], rows: int) -> Cells:
    lengths = np.fromiter(map(len, chain.from_iterable(columns)), np.int64, len(columns) * rows)
    stops = lengths.cumsum()
    return b"".join(chain.from_iterable(columns)), stops - lengths, stops


@compiled
def _write(
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
    # Of 32 bits without a sign: other divisions take several times as long.
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
