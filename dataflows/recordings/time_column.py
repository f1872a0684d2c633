"""Finding the column that says when a row was recorded, or the two that do: by name and by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from config.errors import RecordingError
from dataflows.clock import SECOND
from dataflows.recordings.arrival import TimeColumn
from dataflows.recordings.names import is_time, may_be_time
from dataflows.recordings.options import EPOCHS, TableOptions
from dataflows.recordings.time_candidates import (
    FORMAT_CELLS,
    REVERSED_SHARE,
    STEP_ROWS,
    UNNAMED_SHARE,
    Candidate,
    Cells,
    is_blank,
    is_plausible,
    pairs,
    read_candidate,
    single_columns,
)
from dataflows.recordings.time_formats import Parser, iso8601, numbers, pattern
from dataflows.recordings.time_recognition import Format, Kind, recognise

LONG_STEP = 10 * SECOND
"""Rows further apart than this, in a unit that nothing says, are a reason to say which unit was taken."""


@dataclass(frozen=True, slots=True)
class FoundTime:
    """The times of a table.

    Attributes:
        column: how to read them; ``None`` if there are none.
        names: the columns they are in.
        warnings: what had to be assumed, a sentence each.
    """

    column: TimeColumn | None
    names: tuple[str, ...]
    warnings: list[str]


def find_time(
    columns: Sequence[tuple[str, str]], sample: Sequence[Sequence[Any]], options: TableOptions
) -> FoundTime:
    """Find the times of a table.

    Args:
        columns: name and unit of each.
        sample: the first rows; a row may be short.
        options: what the user said.

    Raises:
        RecordingError: the column that the user named is not there, or holds no times.
    """

    def cells(index: int) -> list[Any]:
        return [row[index] if index < len(row) else None for row in sample]

    if options.time or options.time_format != "auto":
        return _told(columns, cells, options)
    spread = sample[:: len(sample) // FORMAT_CELLS + 1]
    found = list(single_columns(columns, cells, spread, options.zone()))
    joined = list(pairs(found, cells, options.zone()))
    taken = [candidate for candidate in (*joined, *found) if is_plausible(candidate)]
    if not taken:
        return FoundTime(None, (), [_nothing_found(columns, cells)])
    best = min(taken, key=Candidate.rank)
    return FoundTime(best.column, best.names, _warnings(best, taken))


def _told(columns: Sequence[tuple[str, str]], cells: Cells, options: TableOptions) -> FoundTime:
    """The column that the user named, or the one that holds times of the format that the user named."""
    names = [name for name, _ in columns]
    chosen = _columns_named(names, options.time)
    if options.time and chosen is None:
        raise RecordingError(
            f"time: expected a column of the table, or two separated by a comma, got {options.time!r}; "
            f"choose from {', '.join(names)}"
        )
    tried = [chosen] if chosen else [(index,) for index in _likely(names, options.time_format)]
    for indices in tried:
        rows = [row for row in zip(*map(cells, indices), strict=True) if not any(map(is_blank, row))]
        values = [row[0] if len(row) == 1 else " ".join(map(str, row)) for row in rows]
        picked = tuple(names[index] for index in indices)
        recognised = _as_told(options, values, picked[0], columns[indices[0]][1] if len(indices) == 1 else "")
        candidate = recognised and read_candidate(indices, picked, recognised, 0, cells)
        if candidate and (chosen or len(candidate.moments) >= UNNAMED_SHARE * min(len(values), STEP_ROWS)):
            return FoundTime(candidate.column, picked, _warnings(candidate, [candidate]))
    if chosen is None:
        raise RecordingError(
            f"time format: expected a column with times of the format {options.time_format}, got none; "
            f"--time names the column: choose from {', '.join(names)}"
        )
    raise RecordingError(
        f"time: expected times of the format {options.time_format} in column {', '.join(picked)}, "
        f"got {repr(values[0]) if values else 'nothing'}; --time-format names another"
    )


def _likely(names: Sequence[str], time_format: str) -> list[int]:
    """Columns that may hold times of a format, likely ones first; any numbers could be times since 1970."""
    order = sorted(range(len(names)), key=lambda index: not is_time(names[index]))
    if time_format in EPOCHS:
        return [index for index in order if is_time(names[index]) or may_be_time(names[index])]
    return sorted(order, key=lambda index: not may_be_time(names[index]))


def _as_told(options: TableOptions, values: list[Any], name: str, unit: str) -> Format | None:
    given, zone = options.time_format, options.zone()
    if given == "auto":
        return recognise(values, name, unit, zone, named=True)
    parse: Parser
    if given in EPOCHS:
        parse = numbers(EPOCHS[given])
    else:
        parse = iso8601(zone) if given == "iso8601" else pattern(given, zone)
    return Format(Kind.MOMENT, parse)


def _columns_named(names: Sequence[str], given: str) -> tuple[int, ...] | None:
    lower = [name.lower() for name in names]
    for parts in ([given], given.split(",")):
        wanted = [part.strip().lower() for part in parts]
        if len(wanted) <= 2 and all(part in lower for part in wanted):
            return tuple(lower.index(part) for part in wanted)
    return None


def _warnings(best: Candidate, taken: Sequence[Candidate]) -> list[str]:
    title = f"column{'s' * (len(best.names) > 1)} {' and '.join(map(repr, best.names))}"
    warnings = [f"{title}: {note}" for note in best.format.notes]
    others = [
        other.names[0]
        for other in taken
        if len(other.names) == 1 and other.names[0] not in best.names and other.format.kind is Kind.MOMENT
    ]
    if best.named and (others or not any(map(may_be_time, best.names))):
        instead = f", not from {', '.join(map(repr, others))}" if others else ""
        warnings.append(f"times are taken from {title}{instead}; --time COLUMN chooses another")
    backward = best.backward()
    if len(best.moments) >= 3 and backward >= REVERSED_SHARE:
        warnings.append(
            f"times in {title} go back from row to row: sort the file so that the oldest row comes first"
        )
    steps = [later - earlier for earlier, later in zip(best.moments, best.moments[1:], strict=False)]
    if best.format.kind is Kind.DURATION and not best.format.unit and steps:
        step = median(map(abs, steps))
        if step >= LONG_STEP:
            warnings.append(
                f"{title} gives no unit: its times are taken as seconds, {step / SECOND:g} s from row to "
                "row; --time-format (epoch_s, epoch_ms, epoch_us, epoch_ns) says otherwise"
            )
    return warnings


def _nothing_found(columns: Sequence[tuple[str, str]], cells: Cells) -> str:
    apart = (
        "rows are taken one second apart from 1970-01-01; --time COLUMN (and --time-format) names the time"
    )
    for index, (name, _) in enumerate(columns):
        if is_time(name):
            values = [value for value in cells(index) if not is_blank(value)]
            if len(set(map(str, values))) == 1 and len(values) > 2:
                return f"column {name!r} is {values[0]!r} in every row and cannot be the time: {apart}"
            got = repr(values[0]) if values else "nothing"
            return (
                "expected ISO 8601, a date with a time of day, seconds or milliseconds since 1970, or a "
                f"time of day that goes on from row to row in column {name!r}, got {got}: {apart}"
            )
    return f"no column holds times: {apart}"
