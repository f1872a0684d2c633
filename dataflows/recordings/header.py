"""Where the header of a table is: below comments and what else stands above it, above units and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dataflows.recordings.cells import is_number
from dataflows.recordings.columns import is_missing
from dataflows.recordings.dialect import is_value, is_written_time

COMMENTS = ("#", "//")
"""What a line of comment starts with."""

WIDE_SHARE = 0.6
"""A header has at least this share of the cells of a row; what stands above it has fewer."""

BELOW = 20
"""Rows below a first one that are looked at to tell whether it is a header."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a table.

    Attributes:
        cells: its cells, without empty ones at its end; none if the table has no header.
        position: number of rows above it.
        units: the cells of a row of units below it; none if there is no such row.
        first_row: number of rows above the first that holds values.
    """

    cells: list[str]
    position: int
    units: list[str]
    first_row: int


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """Find the header among the first rows of a file, blank ones left out.

    It is the first row that is wide enough and not a comment; else the last comment that is wide enough, as
    in "# time speed".
    """
    stripped = [without_trailing_blanks(row) for row in rows]
    width = _usual_width(stripped)
    needed = max(1 if width < 2 else 2, WIDE_SHARE * width)
    comment: int | None = None
    for position, cells in enumerate(stripped):
        if is_comment(cells):
            if len(_uncommented(cells)) >= needed and width > 1:
                comment = position
            continue
        if len(cells) < needed:
            continue
        if not _is_row_of_values(cells, stripped[position + 1 : position + 1 + BELOW]):
            best = _widest(stripped, position, width)
            return _with_units(stripped[best], best, stripped)
        if comment is not None:
            return Header(_uncommented(stripped[comment]), comment, [], comment + 1)
        return Header([], position, [], position)
    return Header([], len(stripped), [], len(stripped))


def without_trailing_blanks(row: Sequence[str]) -> list[str]:
    """A row without the empty cells at its end, its cells stripped."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def is_comment(cells: Sequence[str]) -> bool:
    """Whether a row is a line of comment."""
    return bool(cells) and cells[0].startswith(COMMENTS)


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    """The width of most rows; that of sparse rows is the widest, since their last cells may be empty."""
    widths = Counter(len(row) for row in rows if row and not is_comment(row))
    if not widths:
        return 0
    (width, _), *_ = widths.most_common(1)
    return width


def _uncommented(cells: Sequence[str]) -> list[str]:
    first = cells[0].lstrip("#/ ")
    return [first, *cells[1:]] if first else list(cells[1:])


def _is_row_of_values(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether all cells are values, or at least half of them, and the others stand again in rows below."""
    given = [(index, cell) for index, cell in enumerate(cells) if cell]
    values = sum(is_missing(cell) or is_value(cell) for _, cell in given)
    if values == len(given):
        return any(is_number(cell) or is_written_time(cell) for _, cell in given)
    texts = [(index, cell) for index, cell in given if not is_missing(cell) and not is_value(cell)]
    others = [row for row in below if row != list(cells)]
    return 2 * values >= len(given) and all(
        any(index < len(row) and row[index] == cell for row in others) for index, cell in texts
    )


def _widest(rows: Sequence[Sequence[str]], position: int, width: int) -> int:
    """The position of the first of the widest rows without values from `position` on, up to the usual width.

    A line above the header may be wide enough for one too.
    """
    best = position
    for below in range(position, min(position + BELOW, len(rows))):
        cells = rows[below]
        if any(is_value(cell) for cell in cells):
            break
        if min(len(cells), width) > len(rows[best]):
            best = below
    return best


def _with_units(cells: list[str], position: int, rows: Sequence[Sequence[str]]) -> Header:
    below = rows[position + 1 : position + 1 + BELOW]
    if len(below) > 1 and _is_row_of_units(below[0], below[1:]):
        return Header(cells, position, [cell.strip("[]()") for cell in below[0]], position + 2)
    return Header(cells, position, [], position + 1)


def _is_row_of_units(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row holds no value, but texts where the rows below it mostly hold numbers."""
    if any(is_value(cell) for cell in cells):
        return False
    over_numbers = 0
    for index, cell in enumerate(cells):
        values = [row[index] for row in below if index < len(row) and not is_missing(row[index])]
        over_numbers += bool(cell) and bool(values) and sum(map(is_number, values)) > len(values) / 2
    return 2 * over_numbers >= sum(map(bool, cells)) > 0
