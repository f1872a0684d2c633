"""CSV as logging devices write it: units in the header, spaces, gaps, ragged rows, broken encodings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import msgspec

from config.errors import RecordingError
from dataflows.recordings.columns import (
    SAMPLE_ROWS,
    Column,
    enough_numbers,
    header_columns,
    is_missing,
    number_as_json,
    pointer_to,
)
from dataflows.recordings.lines import LineFile
from dataflows.recordings.recording import Message, Recording
from dataflows.recordings.time_column import ArrivalClock

DELIMITERS = ",;\t"
"""The delimiter of a file is the one that its header holds most often."""

FIELD_BYTES = 1 << 20
"""Longest cell. A longer one means that a quotation mark is never closed."""


class DelimitedRecording(Recording):
    """A CSV file; every row that is not blank becomes a JSON object ``{column: value}``.

    Cells of a text column become strings. Cells of other columns become numbers with the digits they have in
    the file, or strings if they are not numbers. Cells without a value (`columns.MISSING`) are left out.
    Short rows lack their last columns; surplus cells get columns named after their number.

    A line that is not UTF-8 is read as Latin-1.

    Raises:
        RecordingError: the file has no header or no rows, cannot be read, or a quoted cell never ends.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._delimiter = self._find_delimiter()
        rows = self._rows()
        self._header = _without_trailing_blanks(next(rows, []))
        if not self._header:
            raise RecordingError(f"{path}: empty; expected a header line with the names of the columns")
        if all(number_as_json(cell.strip()) for cell in self._header if cell.strip()):
            raise RecordingError(f"{path}: expected a header line with the names of the columns, got numbers")
        sample = list(islice(rows, SAMPLE_ROWS))
        if not sample:
            raise RecordingError(f"{path}: expected rows below the header, got none")
        self._inspect(sample)

    def _inspect(self, sample: list[list[str]]) -> None:
        columns = []
        self._text_columns: set[int] = set()
        for index, (name, unit) in enumerate(header_columns(self._header)):
            cells = [row[index].strip() for row in sample if index < len(row)]
            values = [cell for cell in cells if not is_missing(cell)]
            numeric = enough_numbers(number_as_json(value) is not None for value in values)
            if values and not numeric:
                self._text_columns.add(index)
            self._look_for_times(index, name, unit, values)
            columns.append(Column(name, unit, numeric, pointer_to(name)))
        self.columns = tuple(columns)

    def _find_delimiter(self) -> str:
        header = next(filter(str.strip, self._text_lines()), "")
        return max(DELIMITERS, key=header.count)

    def _text_lines(self) -> Iterator[str]:
        self._file = LineFile(self.path)
        return map(_decoded, self._file)

    def _rows(self) -> Iterator[list[str]]:
        csv.field_size_limit(FIELD_BYTES)
        # A quoted cell may hold line feeds, which the reader must see.
        lines = (line + "\n" for line in self._text_lines())
        reader = csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True)
        try:
            for row in reader:
                if len(row) > 1 or (row and row[0].strip()):
                    yield row
        except csv.Error as error:
            raise RecordingError(
                f"{self.path}: damaged at line {reader.line_num:,}: {error}; "
                "is a quotation mark never closed?"
            ) from None

    def _tell(self) -> int:
        return self._file.tell()

    def _messages(self, start: int) -> Iterator[Message]:
        clock = ArrivalClock(self._time)
        keys = self._keys(len(self._header))
        count = 0
        rows = self._rows()
        next(rows, None)
        for offset, row in enumerate(rows):
            count += 1
            arrived = clock.next(row)
            if offset < start:
                continue
            if len(row) > len(keys):
                keys = self._keys(len(row))
            yield Message(offset, self._payload(keys, row), self.topic, arrived)
        self._check_length(start, count)

    def _keys(self, width: int) -> list[str]:
        """The names of the first `width` columns as encoded JSON keys."""
        surplus = [""] * (width - len(self._header))
        return [_json_string(name) + ":" for name, _ in header_columns([*self._header, *surplus])]

    def _payload(self, keys: list[str], row: list[str]) -> bytes:
        members = []
        for index, cell in enumerate(row):
            value = _as_text(cell) if index in self._text_columns else _as_number(cell)
            if value is not None:
                members.append(keys[index] + value)
        return f"{{{','.join(members)}}}".encode()


# Signals of vehicles have few distinct values, so most cells of a trip have been seen before.
@lru_cache(maxsize=1 << 16)
def _as_number(cell: str) -> str | None:
    """The JSON value of a cell, as a number if it is one; ``None`` if the cell has no value."""
    return number_as_json(cell.strip()) or _as_text(cell)


def _as_text(cell: str) -> str | None:
    stripped = cell.strip()
    return None if is_missing(stripped) else _json_string(stripped)


def _without_trailing_blanks(header: list[str]) -> list[str]:
    width = max((number for number, cell in enumerate(header, start=1) if cell.strip()), default=0)
    return header[:width]


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _json_string(text: str) -> str:
    return msgspec.json.encode(text).decode()
