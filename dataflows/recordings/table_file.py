"""The rows of a delimited text file below its header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from config.errors import RecordingError
from dataflows.recordings.dialect import WHITE_SPACE, find_delimiter, is_value, split
from dataflows.recordings.header import find_header, is_comment, without_trailing_blanks
from dataflows.recordings.lines import LineFile

FIRST_LINES = 200
"""Lines from which delimiter and header are found."""


class TableFile:
    """A delimited text file: its header, and its rows, read any number of times.

    A line that is not UTF-8 is read as Latin-1. Blank rows, rows of comment and repetitions of the header are
    left out. Below a later header with other names, cells are put in the order of the first.

    Attributes:
        delimiter: what separates its cells.
        header: cells of the header.
        units: cells of the row of units below the header; none if there is none.
        above: the lines above the header.
        line: number of the line that was read last, from 1.
        repeated: lines of repeated headers, in the latest reading.
        comments: number of comments among the rows, in the latest reading.
        left_out: columns that only a later header names → its line, in the latest reading.

    Raises:
        RecordingError: the file is empty, has no header, cannot be read, or a quoted cell never ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0
        self.repeated: list[int] = []
        self.comments = 0
        self.left_out: dict[str, int] = {}
        first = list(islice(self._text_lines(), FIRST_LINES))
        self.delimiter = find_delimiter(first)
        rows = list(islice(self._all_rows(), FIRST_LINES))
        found = find_header(rows)
        if not rows:
            raise RecordingError(f"{path}: empty; expected a header line with the names of the columns")
        if not found.cells:
            where = " separated by spaces" if self.delimiter == WHITE_SPACE else ""
            names = len(without_trailing_blanks(rows[found.position])) if found.position < len(rows) else 0
            raise RecordingError(
                f"{path}: expected a header line with the names of the columns, got numbers{where} and no "
                f"header; put a line with {names} names{where} above them"
            )
        self.header = found.cells
        self.units = found.units
        self._first_row = found.first_row
        above = [" ".join(row).strip() for row in rows[: found.position]]
        self.above = [line for line in above if not line.lower().startswith("sep=")]

    def rows(self) -> Iterator[list[str]]:
        """The rows below the header, their cells in its order.

        Raises:
            RecordingError: the file cannot be read, or a quoted cell never ends.
        """
        self.repeated, self.comments, self.left_out = [], 0, {}
        names = set(self.header)
        # Few rows start like a name or a comment, so one look at the first character passes all others.
        starts = {name[:1] for name in names} | {"#", "/", " "} - {""}
        order: list[int] | None = None
        for row in islice(self._all_rows(), self._first_row, None):
            start = row[0]
            if start[:1] in starts:
                if start.strip() in names:
                    cells = without_trailing_blanks(row)
                    if self._is_header(cells):
                        self.repeated.append(self.line)
                        order = None if cells == self.header else self._order_of(cells)
                        continue
                elif is_comment(row) and len(row) < len(self.header):
                    self.comments += 1
                    continue
            if self.repeated and self.line == self.repeated[-1] + 1 and self._is_units(row):
                continue
            yield row if order is None else [row[at] if 0 <= at < len(row) else "" for at in order]

    def _is_header(self, cells: list[str]) -> bool:
        """Whether a row repeats the header, or names other columns too, as after a change of sensors."""
        named = sum(cell in self.header for cell in cells)
        return cells == self.header or (
            named > 1 and 2 * named >= len(cells) and not any(map(is_value, cells))
        )

    def _order_of(self, cells: list[str]) -> list[int]:
        """Where the columns of the header are below another one, -1 for none."""
        for name in cells:
            if name and name not in self.header:
                self.left_out.setdefault(name, self.line)
        return [cells.index(name) if name in cells else -1 for name in self.header]

    def _is_units(self, row: list[str]) -> bool:
        return (
            bool(self.units) and [cell.strip("[]()") for cell in without_trailing_blanks(row)] == self.units
        )

    def tell(self) -> int:
        """Bytes of the file read so far."""
        return self._file.tell()

    def _text_lines(self) -> Iterator[str]:
        self._file = LineFile(self.path)
        return map(_decoded, self._file)

    def _counted_lines(self) -> Iterator[str]:
        self.line = 0
        for line in self._text_lines():
            self.line += 1
            # A quoted cell may hold line feeds, which the reader must see.
            yield line + "\n"

    def _all_rows(self) -> Iterator[list[str]]:
        try:
            for row in split(self._counted_lines(), self.delimiter):
                if len(row) > 1 or (row and row[0].strip()):
                    yield row
        except csv.Error as error:
            raise RecordingError(
                f"{self.path}: damaged at line {self.line:,}: {error}; is a quotation mark never closed?"
            ) from None


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")
