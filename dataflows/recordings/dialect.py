"""What separates the cells of a table: what gives rows of one width and cells that make sense."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC

from dataflows.recordings.cells import is_number, is_truth
from dataflows.recordings.columns import is_missing
from dataflows.recordings.time_formats import iso8601, named_dates, numeric_dates, time_of_day

DELIMITERS = (",", ";", "\t", "|")
WHITE_SPACE = " "
"""Stands for any run of spaces and tabs."""

FIELD_BYTES = 1 << 20
"""Longest cell. A longer one means that a quotation mark is never closed."""

_SPREADSHEET_HINT = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_WORDS = re.compile(r'"[^"]*"|\S+')
_CALENDAR = (
    iso8601(UTC),
    numeric_dates(UTC, day_first=True),
    numeric_dates(UTC, day_first=False),
    named_dates(UTC),
)


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter of a table.

    Decided by how many rows have the most common width, and by how many cells are numbers, times, truth
    values or empty when they are cut there: of "12,5;13,1" both are numbers with ";", and two of three
    with ",".

    Args:
        lines: the first lines of the file.

    Returns:
        One of `DELIMITERS`, or `WHITE_SPACE` if none of them separates anything and it does.
    """
    hint = _SPREADSHEET_HINT.fullmatch(lines[0].strip()) if lines else None
    if hint:
        return hint[1]
    lines = [line for line in lines if line.strip()]
    scores = {delimiter: _score(lines, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: (scores[delimiter], _count(lines, delimiter)))
    if scores[best] < 0.5 and _is_spaced(lines):
        return WHITE_SPACE
    return best


def split(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Rows of cells; `csv.Error` if a quotation mark is never closed.

    Args:
        lines: with line feeds, which a quoted cell may hold.
        delimiter: as `find_delimiter` returns it.
    """
    if delimiter == WHITE_SPACE:
        return ([word.strip('"') for word in _WORDS.findall(line)] for line in lines)
    csv.field_size_limit(FIELD_BYTES)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def is_value(cell: str) -> bool:
    """Whether a stripped cell is a number, a truth value or a time, as a row holds and a header does not."""
    return is_number(cell) or is_truth(cell) or is_written_time(cell)


def is_written_time(cell: str) -> bool:
    """Whether a stripped cell is a date or a time of day."""
    return time_of_day(cell) is not None or any(parse(cell) is not None for parse in _CALENDAR)


def _score(lines: Sequence[str], delimiter: str) -> float:
    """From 0 (separates nothing) to 1 (all rows have one width, and all cells make sense)."""
    rows = list(_rows(lines, delimiter))
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0.0
    width, count = widths.most_common(1)[0]
    # The first row of that width is the header, whose cells are texts.
    cells = [cell.strip() for row in [row for row in rows if len(row) == width][1:] for cell in row]
    sensible = sum(is_missing(cell) or is_value(cell) for cell in cells) / max(len(cells), 1)
    return count / len(rows) * (0.1 + 0.9 * sensible)


def _is_spaced(lines: Sequence[str]) -> bool:
    rows = list(_rows([line for line in lines if not line.startswith(("#", "//"))], WHITE_SPACE))
    if not rows:
        return False
    width, count = Counter(map(len, rows)).most_common(1)[0]
    values = [cell for row in rows[1:] if len(row) == width for cell in row]
    return (
        width > 1
        and count >= 0.8 * len(rows)
        and len(rows[0]) == width
        and sum(is_missing(cell) or is_value(cell) for cell in values) >= 0.5 * max(len(values), 1)
    )


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from split([line + "\n" for line in lines], delimiter)
    except csv.Error:
        # The reading of the whole file says where.
        return


def _count(lines: Sequence[str], delimiter: str) -> int:
    return lines[0].count(delimiter) if lines else 0
