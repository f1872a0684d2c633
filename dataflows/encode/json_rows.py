"""Many JSON objects with the same members, written at once.

An encoder that goes from object to object spends most of its time on keys, which are always the same, and
on digits that no sensor has. Here columns are encoded whole, numbers are rounded, and one compiled loop puts
the values between the keys.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from io import BytesIO
from itertools import chain
from typing import Any, TypeAlias

import msgspec
import numpy as np

from dataflows.encode.json_kernel import LONGEST_NUMBER, Bytes, Floats, Positions, write_rows

ROWS_AT_ONCE = 4096
"""More are written in portions: the memory for it stays."""

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
            [-1 if kind is Kind.NUMBER else order.index(i) for i, kind in enumerate(kinds)], np.int64
        )
        self._shape = kinds.count(Kind.NUMBER), kinds.count(Kind.TEXT), kinds.count(Kind.JSON)
        self._memory = _Memory()
        # To load the loop takes a while, for which the first event would wait.
        numbers, texts, json = self._shape
        self.write(np.zeros((1, numbers)), [[""]] * texts, [[b""]] * json)

    def write(
        self, numbers: Floats, texts: Sequence[Sequence[Any]], json: Sequence[Sequence[bytes]]
    ) -> list[bytes]:
        """Write n objects.

        Args:
            numbers: the members of kind NUMBER, in their order, shape (n, K).
            texts, json: the members of these kinds, in their order, each n values.

        Raises:
            ValueError: these are not the members, or not n values of each.
        """
        rows = len(numbers)
        shape = numbers.shape[1], len(texts), len(json)
        if shape != self._shape or {rows}.union(map(len, texts), map(len, json)) != {rows}:
            raise ValueError(
                f"expected {self._shape} columns (numbers, texts, JSON) of {rows} values each, got {shape} "
                f"of {sorted({*map(len, texts), *map(len, json)})}"
            )
        if rows > ROWS_AT_ONCE:
            cuts = [slice(start, start + ROWS_AT_ONCE) for start in range(0, rows, ROWS_AT_ONCE)]
            portions = [
                self.write(numbers[cut], [column[cut] for column in texts], [column[cut] for column in json])
                for cut in cuts
            ]
            return list(chain.from_iterable(portions))
        encoded, starts, stops = self._encoded(texts, rows)
        joined, joined_starts, joined_stops = _joined(json, rows)
        room = rows * len(self._keys) + numbers.size * LONGEST_NUMBER + len(encoded) + len(joined)
        text = np.frombuffer(encoded + joined, np.uint8)
        starts = np.concatenate((starts, joined_starts + len(encoded)))
        stops = np.concatenate((stops, joined_stops + len(encoded)))
        keys = (self._keys, self._keys_stops, self._columns)
        lengths, memory = np.empty(rows, np.int64), self._memory
        # The workers of a process are threads that share what encodes.
        with memory.lock:
            memory.reserve(room)
            write_rows(*keys, numbers, text, starts, stops, memory.array, lengths)
            memory.file.seek(0)
            return list(map(memory.file.read, lengths.tolist()))

    @property
    def memory(self) -> int:
        """Bytes that are kept to write to."""
        return len(self._memory.array)

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


class _Memory:
    """Where rows are written to, again and again: as an array, and as the file they are read from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.file = BytesIO()
        self.array: Bytes = np.empty(0, np.uint8)

    def reserve(self, size: int) -> None:
        """Make room for so many bytes."""
        if size > len(self.array):
            self.file = BytesIO(bytes(size))
            self.array = np.frombuffer(self.file.getbuffer(), np.uint8)


def _joined(columns: Sequence[Sequence[bytes]], rows: int) -> Cells:
    lengths = np.fromiter(map(len, chain.from_iterable(columns)), np.int64, len(columns) * rows)
    stops = lengths.cumsum()
    return b"".join(chain.from_iterable(columns)), stops - lengths, stops
