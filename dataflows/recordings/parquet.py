"""Parquet tables as recordings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from config.errors import RecordingError
from dataflows.recordings.arrival import ArrivalClock
from dataflows.recordings.columns import Column, header_columns, pointer_to
from dataflows.recordings.long_table import find_long_table
from dataflows.recordings.options import TableOptions
from dataflows.recordings.recording import Message, Recording

READ_ROWS = 4096
"""Rows decoded at a time."""

_ENCODER = msgspec.json.Encoder(enc_hook=str, decimal_format="number")


class ParquetRecording(Recording):
    """A Parquet file; every row becomes a JSON object ``{column: value}``.

    Null, NaN and infinite values are left out. Times are written as ISO 8601 to the microsecond; those
    without a zone are taken as UTC.

    Raises:
        RecordingError: the file is not Parquet, is damaged, or has no rows.
    """

    def __init__(self, path: Path, options: TableOptions) -> None:
        super().__init__(path)
        self._rows_read = 0
        with _damage(path), pq.ParquetFile(path) as file:
            self.rows = file.metadata.num_rows
            schema = file.schema_arrow
            named = header_columns(schema.names)
            sample = _first_rows(file)
        if not self.rows:
            raise RecordingError(f"{path}: empty; expected at least one row")
        self.columns = tuple(
            Column(name, unit, _is_numeric(schema.field(index).type), pointer_to(name))
            for index, (name, unit) in enumerate(named)
        )
        self._names = [column.name for column in self.columns]
        self._look_for_times(named, sample, options)
        texts = [["" if value is None else str(value) for value in row] for row in sample]
        long = find_long_table(named, texts, [column.numeric for column in self.columns])
        if long is not None:
            name, value = self._names[long.name], self._names[long.value]
            self.warn(
                "long",
                f"a long table: column {name!r} names the signal whose value is in column {value!r}; rows of "
                "Parquet are not put together, so all signals are mixed in one: write it as CSV",
            )

    def _tell(self) -> int:
        return self.size_bytes * self._rows_read // (self.rows or 1)

    def _messages(self, start: int) -> Iterator[Message]:
        clock = ArrivalClock(self._time)
        offset = 0
        for row in self._rows():
            arrived = clock.next(row)
            if offset >= start:
                cells = zip(self._names, row, strict=True)
                payload = _ENCODER.encode({name: value for name, value in cells if not _is_missing(value)})
                yield Message(offset, payload, self.topic, arrived)
            offset += 1
        self._check_length(start, offset)
        self._report_times(clock)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        self._rows_read = 0
        with _damage(self.path), pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=READ_ROWS):
                self._rows_read += batch.num_rows
                yield from zip(*map(_to_python, batch.columns), strict=True)


def _is_numeric(kind: Any) -> bool:
    types = pa.types
    return any(
        test(kind) for test in (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    )


def _first_rows(file: Any) -> list[tuple[Any, ...]]:
    first = next(file.iter_batches(batch_size=READ_ROWS), None)
    columns = [] if first is None else map(_to_python, first.columns)
    return [
        tuple(None if _is_missing(value) else value for value in row) for row in zip(*columns, strict=True)
    ]


def _to_python(column: Any) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        # Python's datetime has no nanoseconds, and one without a zone would be in this machine's zone.
        column = column.cast(pa.timestamp("us", kind.tz or "UTC"), safe=False)
    elif pa.types.is_time64(kind):
        column = column.cast(pa.time64("us"), safe=False)
    return list(column.to_pylist())


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise RecordingError(
            f"{path}: expected Parquet, got something else, a damaged file or values out of range: {reason}"
        ) from None
