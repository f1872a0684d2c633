"""Arrival times of the rows of a table: from its time column if it has one, else one second apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataflows.clock import SECOND
from dataflows.recordings.time_formats import DAY, Parser


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """How to read the times of one column, or of two that hold date and time of day.

    Attributes:
        indices: their positions in a row. Two cells are joined by a space.
        parse: reads a cell.
        of_day: whether cells are times of day. They start on 1970-01-01, and a step back of more than half
            a day starts the next day.
        first: the first time in the column, as `parse` returns it; rows before it get it too.
    """

    indices: tuple[int, ...]
    parse: Parser
    of_day: bool
    first: int

    def read(self, cells: Sequence[Any]) -> int | None:
        """The time in these cells, one for each index; ``None`` if they hold none."""
        if len(cells) == 1:
            return self.parse(cells[0])
        return self.parse(" ".join(str(cell).strip() for cell in cells))


class ArrivalClock:
    """Arrival times of consecutive rows, microseconds since 1970-01-01 UTC.

    A row whose time is missing or unreadable arrives together with the row before it. Without a time
    column, row n arrives n seconds after 1970-01-01.

    Args:
        column: where the times are; ``None`` if the table has none.

    Attributes:
        untimed: number of rows so far whose time was missing or unreadable.
    """

    def __init__(self, column: TimeColumn | None) -> None:
        self._column = column
        self._latest = column.first if column else -SECOND
        self._midnight = 0
        self.untimed = 0

    def next(self, row: Sequence[Any]) -> int:
        """The arrival time of the next row."""
        column = self._column
        if column is None:
            self._latest += SECOND
            return self._latest
        indices = column.indices
        if len(row) <= max(indices):
            parsed = None
        elif len(indices) == 1:
            parsed = column.parse(row[indices[0]])
        else:
            parsed = column.read([row[index] for index in indices])
        if parsed is None:
            self.untimed += 1
            return self._latest
        if column.of_day:
            if self._midnight + parsed < self._latest - DAY // 2:
                self._midnight += DAY
            parsed += self._midnight
        self._latest = parsed
        return parsed
