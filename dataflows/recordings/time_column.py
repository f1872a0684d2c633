"""Arrival times of the rows of a table: from its time column if it has one, else one second apart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from dataflows.clock import SECOND, microseconds

DAY = 86_400 * SECOND
"""Microseconds."""

TIME_COLUMNS = frozenset({"time", "timestamp", "ts", "datetime", "date"})
"""Names of time columns, in lower case. The first column with one of them is used."""

_UNITS = {"s": 1e6, "sec": 1e6, "seconds": 1e6, "ms": 1e3, "us": 1.0, "µs": 1.0, "ns": 1e-3}
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?", re.ASCII)


EARLIEST = microseconds(datetime.min.replace(tzinfo=UTC))
LATEST = microseconds(datetime.max.replace(tzinfo=UTC))

Parser = Callable[[Any], int | None]
"""A cell → microseconds since 1970-01-01 UTC, or since midnight for a time of day; ``None`` for no time."""


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """How to read the times of one column. Times without a zone are taken as UTC.

    Attributes:
        index: position of the column in a row.
        parse: reads a cell.
        of_day: whether cells are times of day. They start on 1970-01-01, and a step back of more than half
            a day starts the next day.
        first: the first time in the column, as `parse` returns it; rows before it get it too.
    """

    index: int
    parse: Parser
    of_day: bool
    first: int


class ArrivalClock:
    """Arrival times of consecutive rows, microseconds since 1970-01-01 UTC.

    A row whose time is missing or unreadable arrives together with the row before it. Without a time
    column, row n arrives n seconds after 1970-01-01.

    Args:
        column: where the times are; ``None`` if the table has none.
    """

    def __init__(self, column: TimeColumn | None) -> None:
        self._column = column
        self._latest = column.first if column else -SECOND
        self._midnight = 0

    def next(self, row: Sequence[Any]) -> int:
        """The arrival time of the next row."""
        column = self._column
        if column is None:
            self._latest += SECOND
            return self._latest
        parsed = column.parse(row[column.index]) if column.index < len(row) else None
        if parsed is None:
            return self._latest
        if column.of_day:
            if self._midnight + parsed < self._latest - DAY // 2:
                self._midnight += DAY
            parsed += self._midnight
        self._latest = parsed
        return parsed


def time_column(index: int, unit: str, sample: Sequence[Any]) -> TimeColumn | None:
    """Recognise the format of a time column by the first cell that holds a time.

    Args:
        index: position of the column in a row.
        unit: its unit, if the header gives one: s, ms, µs, ns.
        sample: cells of the column: ISO 8601, seconds since 1970 or a finer unit (inferred from the
            magnitude), a time of day such as 19:17:19.418, or Python's own date and time objects.

    Returns:
        ``None`` if no cell holds a time.
    """
    for cell in sample:
        for parse in (_epoch_parser(cell, unit), _time_of_day, _calendar_time):
            first = parse(cell)
            if first is not None:
                return TimeColumn(index, parse, parse is _time_of_day, first)
    return None


def _epoch_parser(example: Any, unit: str) -> Parser:
    number = _number(example)
    scale = _UNITS.get(unit.lower()) or (_scale_of(number) if number is not None else 1e6)

    def parse(cell: Any) -> int | None:
        value = _number(cell)
        return None if value is None else _within_calendar(value * scale)

    return parse


def _number(cell: Any) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _scale_of(number: float) -> float:
    """Microseconds in the unit in which the number is a date between 1973 and 5138, or a duration."""
    for scale, limit in ((1e6, 1e11), (1e3, 1e14), (1.0, 1e17)):
        if abs(number) < limit:
            return scale
    return 1e-3


def _within_calendar(value: float) -> int | None:
    rounded = round(value)
    return rounded if EARLIEST <= rounded <= LATEST else None


def _time_of_day(cell: Any) -> int | None:
    if isinstance(cell, time):
        return (cell.hour * 3600 + cell.minute * 60 + cell.second) * SECOND + cell.microsecond
    match = _TIME_OF_DAY.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    micros = int((fraction or "0").ljust(6, "0")[:6])
    since_midnight = (int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)) * SECOND + micros
    return since_midnight if since_midnight < DAY else None


def _calendar_time(cell: Any) -> int | None:
    if isinstance(cell, str):
        try:
            cell = datetime.fromisoformat(cell.strip())
        except ValueError:
            return None
    if not isinstance(cell, date):
        return None
    moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return microseconds(moment)
