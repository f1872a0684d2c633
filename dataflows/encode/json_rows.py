"""Writes many JSON objects with the same members at once.

An encoder that handles one object at a time spends most of its time on keys, which never change, and on
digits beyond the precision of any sensor. Here whole columns are encoded, numbers are rounded, and one
compiled loop puts the values between the keys.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence, Sized
from enum import Enum, auto
from io import BytesIO
from itertools import accumulate, chain
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Integers
from dataflows.encode.json_kernel import LONGEST_NUMBER, Bytes, Floats, Positions, write_rows
from dataflows.encode.json_times import write_times

ROWS_AT_ONCE = 4096
"""Larger batches are written in portions of this many rows, which bounds the size of the buffer."""

Choice: TypeAlias = tuple[Sequence[bytes], NDArray[np.integer[Any] | np.bool_]]
"""JSON texts to choose from, and the index of the one that each of n rows has, shape (n,)."""

Cells: TypeAlias = tuple[bytes | Bytes, Positions, Positions]
"""A text that holds the JSON of columns, and where each value starts and stops in it, column by column."""


class ValueFormat(Enum):
    """How the values of a member are passed in.

    NUMBER: in a column of the matrix; null where not finite.
    SCALAR: as strings, booleans or integers.
    TIME: as microseconds since 1970-01-01 UTC.
    CHOICE: as an index into a few JSON texts, for values that many rows share.
    RAW: as bytes that are JSON already.
    """

    NUMBER = auto()
    SCALAR = auto()
    TIME = auto()
    CHOICE = auto()
    RAW = auto()


Members: TypeAlias = Mapping[str, "ValueFormat | Members"]


class JsonRows:
    """Writes JSON objects that have the same members; safe to use from several threads.

    Args:
        members: key → the format of its value, or the members of a nested object.
    """

    def __init__(self, members: Members) -> None:
        self._encode = msgspec.json.Encoder().encode
        between, formats = self._between(members)
        self._keys = np.frombuffer("".join(between).encode(), np.uint8)
        self._keys_stops = np.cumsum([len(text.encode()) for text in between])
        # The SCALAR columns, then the TIME, CHOICE and RAW ones; -1 for numbers.
        order = [
            place
            for wanted in (ValueFormat.SCALAR, ValueFormat.TIME, ValueFormat.CHOICE, ValueFormat.RAW)
            for place, found in enumerate(formats)
            if found is wanted
        ]
        self._columns = np.array(
            [-1 if found is ValueFormat.NUMBER else order.index(i) for i, found in enumerate(formats)],
            np.int64,
        )
        self._shape = tuple(map(formats.count, ValueFormat))
        self._buffer = _Buffer()
        # Loading the compiled loop takes a while, for which the first event would otherwise wait.
        numbers, scalars, times, choices, raw = self._shape
        zero = np.zeros(1, np.int64)
        self.write(
            np.zeros((1, numbers)),
            scalars=[[""]] * scalars,
            times=[zero] * times,
            choices=[([b""], zero)] * choices,
            raw=[[b""]] * raw,
        )

    def write(
        self,
        numbers: Floats,
        *,
        scalars: Sequence[Sequence[Any]] = (),
        times: Sequence[Integers] = (),
        choices: Sequence[Choice] = (),
        raw: Sequence[Sequence[bytes]] = (),
    ) -> list[bytes]:
        """Write n objects.

        Args:
            numbers: the NUMBER members, in their order, shape (n, K).
            scalars: the SCALAR members, in their order, n values each.
            times: the TIME members, in their order, n times each, in the years 0 to 9999.
            choices: the CHOICE members, in their order, n indices each.
            raw: the RAW members, in their order, n values each.

        Raises:
            ValueError: the columns do not match the members, or do not all have n values.
        """
        rows = len(numbers)
        shape = numbers.shape[1], len(scalars), len(times), len(choices), len(raw)
        indices = [index for _, index in choices]
        columns: tuple[Sized, ...] = (*scalars, *times, *indices, *raw)
        lengths_of_columns = set(map(len, columns))
        if shape != self._shape or not lengths_of_columns <= {rows}:
            raise ValueError(
                f"expected {self._shape} columns (numbers, scalars, times, choices, raw) of {rows} values "
                f"each, got {shape} of {sorted(lengths_of_columns)}"
            )
        if rows > ROWS_AT_ONCE:
            cuts = [slice(start, start + ROWS_AT_ONCE) for start in range(0, rows, ROWS_AT_ONCE)]
            portions = [
                self.write(
                    numbers[cut],
                    scalars=[column[cut] for column in scalars],
                    times=[column[cut] for column in times],
                    choices=[(texts, index[cut]) for texts, index in choices],
                    raw=[column[cut] for column in raw],
                )
                for cut in cuts
            ]
            return list(chain.from_iterable(portions))
        text, starts, stops = _together(
            self._encoded(scalars, rows), *map(write_times, times), _chosen(choices), _joined(raw)
        )
        size = rows * len(self._keys) + numbers.size * LONGEST_NUMBER + int((stops - starts).sum())
        keys = (self._keys, self._keys_stops, self._columns)
        lengths, buffer = np.empty(rows, np.int64), self._buffer
        # The workers of a process are threads that share one encoder.
        with buffer.lock:
            buffer.reserve(size)
            write_rows(*keys, numbers, text, starts, stops, buffer.array, lengths)
            buffer.file.seek(0)
            return list(map(buffer.file.read, lengths.tolist()))

    def _encoded(self, columns: Sequence[Sequence[Any]], rows: int) -> Cells:
        text = self._encode(columns)
        commas = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(","))
        if len(commas) != len(columns) * rows - 1:  # a string contains a comma, or there are no values
            return _joined([list(map(self._encode, column)) for column in columns])
        starts, stops = np.empty(len(commas) + 1, np.int64), np.empty(len(commas) + 1, np.int64)
        starts[0], starts[1:] = 1, commas + 1
        stops[-1], stops[:-1] = len(text) - 1, commas
        starts[::rows] += 1  # the bracket before a column
        stops[rows - 1 :: rows] -= 1
        return text, starts, stops

    def _between(self, members: Members) -> tuple[list[str], list[ValueFormat]]:
        """The text before each value and after the last one, and the formats of the values."""
        between, formats = ["{"], []
        for position, (key, member) in enumerate(members.items()):
            between[-1] += ("," if position else "") + self._encode(key).decode() + ":"
            if isinstance(member, ValueFormat):
                between.append("")
                formats.append(member)
            else:
                (first, *rest), inner = self._between(member)
                between[-1] += first
                between += rest
                formats += inner
        between[-1] += "}"
        return between, formats


class _Buffer:
    """Memory that rows are written to and that is kept: as an array, and as the file they are read from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.file = BytesIO()
        self.array: Bytes = np.empty(0, np.uint8)

    def reserve(self, size: int) -> None:
        """Make room for `size` bytes."""
        if size > len(self.array):
            self.file = BytesIO(bytes(size))
            self.array = np.frombuffer(self.file.getbuffer(), np.uint8)


def _chosen(choices: Sequence[Choice]) -> Cells:
    if not choices:
        return b"", np.empty(0, np.int64), np.empty(0, np.int64)
    text, starts, stops = _joined([texts for texts, _ in choices])
    firsts = accumulate((len(texts) for texts, _ in choices), initial=0)
    cells = np.concatenate(
        [index + np.int64(first) for (_, index), first in zip(choices, firsts, strict=False)]
    )
    return text, starts[cells], stops[cells]


def _joined(columns: Sequence[Sequence[bytes]]) -> Cells:
    lengths = np.fromiter(map(len, chain.from_iterable(columns)), np.int64)
    stops = lengths.cumsum()
    return b"".join(chain.from_iterable(columns)), stops - lengths, stops


def _together(*parts: Cells) -> tuple[Bytes, Positions, Positions]:
    """All cells, in one text."""
    texts, starts, stops = zip(*parts, strict=True)
    offsets = list(accumulate(map(len, texts), initial=0))[:-1]
    return (
        np.frombuffer(b"".join(texts), np.uint8),
        np.concatenate([start + offset for start, offset in zip(starts, offsets, strict=True)]),
        np.concatenate([stop + offset for stop, offset in zip(stops, offsets, strict=True)]),
    )
