"""CSV as logging devices write it: units in the header, gaps, ragged rows, broken encodings, long tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from config.errors import RecordingError
from dataflows.recordings.arrival import ArrivalClock
from dataflows.recordings.cells import Converter, Writing, converter, json_string, writings
from dataflows.recordings.columns import SAMPLE_ROWS, Column, header_columns, pointer_to
from dataflows.recordings.long_table import LongTable, find_long_table, signal_name
from dataflows.recordings.options import TableOptions
from dataflows.recordings.recording import Message, Recording
from dataflows.recordings.row_widths import RowWidths
from dataflows.recordings.table_file import TableFile


class DelimitedRecording(Recording):
    """A delimited text file; every row that is not blank becomes a JSON object ``{column: value}``.

    Cells of a text column become strings, those of a column of truth values ``true`` and ``false``. Cells of
    other columns become numbers with the digits they have in the file, or strings if they are not numbers.
    Cells without a value (`columns.MISSING`) are left out. Short rows lack their last columns; surplus cells
    get columns named after their number. In a long table consecutive rows of one time are one object;
    one that is sorted by signal is held in memory while it is read, and its objects are in the order of time.

    Raises:
        RecordingError: the file has no header or no rows, cannot be read, or a quoted cell never ends.
    """

    def __init__(self, path: Path, options: TableOptions) -> None:
        super().__init__(path)
        self._file = TableFile(path)
        sample = list(islice(self._file.rows(), SAMPLE_ROWS))
        if not sample:
            raise RecordingError(f"{path}: expected rows below the header, got none")
        units = [*self._file.units, *[""] * len(self._file.header)]
        columns = [
            (name, unit or below)
            for (name, unit), below in zip(header_columns(self._file.header), units, strict=False)
        ]
        cells = [[row[index].strip() for row in sample if index < len(row)] for index in range(len(columns))]
        written = writings(cells, self._file.delimiter)
        self._look_for_times(columns, sample, options)
        self._long = find_long_table(columns, sample, [_is_numeric(writing) for writing in written])
        self._signal_converters: dict[str, Converter] = {}
        self._stacked = False
        self._keys = [_key(name) for name, _ in columns]
        self._converters = [converter(writing or Writing()) for writing in written]
        self.columns = tuple(
            _columns(columns, written) if self._long is None else self._pivoted(columns, written, sample)
        )
        above = self._file.above
        if above:
            self.warn("above", f"lines above the header are left out: {len(above)}, the first {above[0]!r}")

    def _pivoted(
        self,
        columns: Sequence[tuple[str, str]],
        written: Sequence[Writing | None],
        sample: Sequence[Sequence[str]],
    ) -> Iterator[Column]:
        assert self._long is not None
        keys = self._long.keys
        yield from _columns([columns[index] for index in keys], [written[index] for index in keys])
        signals = self._long.signals(sample)
        writing_of = writings([values for _, values in signals.values()], self._file.delimiter)
        # A column of values may hold the words of one signal among the numbers of the others.
        self._signal_converters = {
            name: converter(writing or Writing()) for name, writing in zip(signals, writing_of, strict=True)
        }
        self._stacked = self._time is not None and self._long.is_stacked(sample)
        yield from _columns([(name, unit) for name, (unit, _) in signals.items()], writing_of)
        self.warn(
            "long",
            f"a long table: column {columns[self._long.name][0]!r} names the signal whose value is in column "
            f"{columns[self._long.value][0]!r}; rows of one time are one event",
        )

    def _tell(self) -> int:
        return self._file.tell()

    def _messages(self, start: int) -> Iterator[Message]:
        clock = ArrivalClock(self._time)
        widths = RowWidths(len(self._file.header))
        events = (
            self._objects(clock, widths) if self._long is None else self._events(self._long, clock, widths)
        )
        count = 0
        for offset, (payload, arrived) in enumerate(events):
            count += 1
            if offset >= start:
                yield Message(offset, payload, self.topic, arrived)
        self._check_length(start, count)
        self._report(clock, widths)

    def _objects(self, clock: ArrivalClock, widths: RowWidths) -> Iterator[tuple[bytes, int]]:
        keys, converters, names = self._keys, self._converters, len(self._file.header)
        for row in self._file.rows():
            widths.rows += 1
            if len(row) != names:
                widths.add(row, self._file.line)
                if len(row) > len(keys):
                    keys, converters = self._widened(len(row))
            members = []
            for key, convert, cell in zip(keys, converters, row, strict=False):
                value = convert(cell)
                if value is not None:
                    members.append(key + value)
            yield f"{{{','.join(members)}}}".encode(), clock.next(row)

    def _events(self, long: LongTable, clock: ArrivalClock, widths: RowWidths) -> Iterator[tuple[bytes, int]]:
        if not self._stacked:
            for members, arrived in self._groups(long, clock, widths):
                yield _object(members), arrived
            return
        # All rows of a signal stand together, so an event is complete only at the end of the file.
        events: dict[tuple[int, str, int], tuple[dict[str, str], int]] = {}
        for members, arrived in self._groups(long, clock, widths):
            kept = {key: members[key] for key in self._keys if key in members}
            signals = members.keys() - kept.keys()
            number = 0
            while signals & events.get((arrived, str(kept), number), ({}, 0))[0].keys():
                number += 1  # a second value of a signal at one time is another event
            events.setdefault((arrived, str(kept), number), ({}, arrived))[0].update(members)
        for members, arrived in sorted(events.values(), key=lambda event: event[1]):
            yield _object(members), arrived

    def _groups(
        self, long: LongTable, clock: ArrivalClock, widths: RowWidths
    ) -> Iterator[tuple[dict[str, str], int]]:
        """Encoded members and time of arrival of each event; a signal that comes again starts another."""
        key: list[str] | None = None
        members: dict[str, str] = {}
        arrived = 0
        other = self._converters[long.value]
        for row in self._file.rows():
            widths.rows += 1
            if len(row) != len(self._file.header):
                widths.add(row, self._file.line)
                if len(row) <= max(long.name, long.value):
                    continue
            signal, _ = signal_name(row[long.name])
            name = _key(signal)
            if long.key(row) != key or name in members:
                if members:
                    yield members, arrived
                key, members, arrived = long.key(row), {}, clock.next(row)
                for index in long.keys:
                    if index < len(row) and (cell := self._converters[index](row[index])) is not None:
                        members[self._keys[index]] = cell
            value = self._signal_converters.get(signal, other)(row[long.value])
            if value is not None:
                members[name] = value
        if members:
            yield members, arrived

    def _widened(self, width: int) -> tuple[list[str], list[Converter]]:
        """Keys and converters of the first `width` columns, of which the header names fewer."""
        surplus = [""] * (width - len(self._file.header))
        names = [name for name, _ in header_columns([*self._file.header, *surplus])][len(self._keys) :]
        return (
            [*self._keys, *map(_key, names)],
            [*self._converters, *(converter(Writing()) for _ in names)],
        )

    def _report(self, clock: ArrivalClock, widths: RowWidths) -> None:
        for kind, sentence in widths.sentences():
            self.warn(kind, sentence)
        repeated = self._file.repeated
        if repeated:
            self.warn(
                "repeated",
                f"repeated headers are left out: {len(repeated):,}, the first in line {repeated[0]:,}",
            )
        if self._file.left_out:
            names = ", ".join(f"{name} (line {line:,})" for name, line in self._file.left_out.items())
            self.warn("left out", f"columns that only a later header names are left out: {names}")
        if self._file.comments:
            self.warn("comments", f"lines of comment among the rows are left out: {self._file.comments:,}")
        self._report_times(clock)


def _key(name: str) -> str:
    """The name of a member of a JSON object."""
    return json_string(name) + ":"


def _columns(columns: Sequence[tuple[str, str]], written: Sequence[Writing | None]) -> Iterator[Column]:
    for (name, unit), writing in zip(columns, written, strict=True):
        unit = unit or (writing.unit if writing else "")
        yield Column(name, unit, _is_numeric(writing), pointer_to(name))


def _object(members: dict[str, str]) -> bytes:
    return f"{{{','.join(map(str.__add__, members, members.values()))}}}".encode()


def _is_numeric(writing: Writing | None) -> bool:
    return writing is not None and writing.kind != "text"
