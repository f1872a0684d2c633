"""The columns of a table, and pairs of them, that may say when a row was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from itertools import islice
from typing import Any

from dataflows.recordings.arrival import TimeColumn
from dataflows.recordings.names import NOT_THE_TIME, SECOND_HAND, is_time, may_be_time, words
from dataflows.recordings.time_formats import DAY, UNITS
from dataflows.recordings.time_recognition import Format, Kind, recognise

PROBE_CELLS = 20
"""Cells of a column that are tried first, to tell whether it holds times at all."""

FORMAT_CELLS = 500
"""Cells, from all over the sample, that the format is recognised from."""

STEP_ROWS = 2000
"""First rows whose times are compared with those before them."""

NAMED_SHARE, UNNAMED_SHARE = 0.5, 0.9
"""Share of its cells that a column named as a time, and one that is not, must hold as times."""

FORWARD_SHARE = 0.5
"""Least share of steps between rows that do not go back: several vehicles in one table take turns."""

RISING_SHARE = 0.9
"""The same for numbers in a column that is not just called "time"."""

REVERSED_SHARE = 0.95
"""If at least this share of the steps goes back, the newest row comes first."""

LONGEST = 20 * 365 * DAY
"""Days of more years than this are no dates: "10.15.01" is a time of day, or a version."""

Cells = Callable[[int], Sequence[Any]]


@dataclass(slots=True)
class Candidate:
    """A column, or two, that may be the time.

    Attributes:
        column: how to read it.
        names: its name, or the two.
        format: what was recognised.
        named: 0 if it is called just "time" or the like, 1 if its name or content speaks for it.
        moments: the times in the sample, days added to times of day.
    """

    column: TimeColumn
    names: tuple[str, ...]
    format: Format
    named: int
    moments: list[int] = field(default_factory=list)

    def rank(self) -> tuple[int, int, int, float, int]:
        """Smaller is better."""
        second_hand = any(set(words(name)) & SECOND_HAND for name in self.names)
        finest = -len(set(self.moments)) / len(self.moments)
        return self.named, self.format.kind.value, second_hand, finest, self.column.indices[0]

    def backward(self) -> float:
        """Share of the steps between rows that go back; 0 without steps."""
        steps = list(zip(self.moments, self.moments[1:], strict=False))
        return sum(later < earlier for earlier, later in steps) / max(len(steps), 1)


def single_columns(
    columns: Sequence[tuple[str, str]], cells: Cells, spread: Sequence[Sequence[Any]], zone: tzinfo
) -> Iterator[Candidate]:
    """Columns whose names or cells are those of times.

    Args:
        columns: name and unit of each.
        cells: index of a column → its cells in the sample.
        spread: some rows from all over the sample, for a first look.
        zone: of times that have none.
    """
    for index, (name, unit) in enumerate(columns):
        exact = is_time(name)
        named = exact or may_be_time(name) or (name.lower() in {"t", "offset"} and unit.lower() in UNITS)
        if set(words(name)) & NOT_THE_TIME and not exact:
            continue
        values = [row[index] for row in spread if index < len(row) and not is_blank(row[index])]
        values = values or _spread(cells(index), FORMAT_CELLS)
        if not recognise(_spread(values, PROBE_CELLS), name, unit, zone, named=named):
            continue
        recognised = recognise(values, name, unit, zone, named=named)
        if recognised is None:
            continue
        candidate = read_candidate((index,), (name,), recognised, 0 if exact else 1, cells)
        share = NAMED_SHARE if exact else UNNAMED_SHARE
        if candidate and sum(recognised.parse(value) is not None for value in values) >= share * len(values):
            yield candidate


def pairs(found: Sequence[Candidate], cells: Cells, zone: tzinfo) -> Iterator[Candidate]:
    """Columns of dates, each with the next column of times of day."""
    for dates in found:
        if dates.format.kind is not Kind.DATE and not dates.format.compact:
            continue
        times = [
            other
            for other in found
            if other is not dates
            and (other.format.kind is Kind.TIME_OF_DAY if not dates.format.compact else other.format.compact)
        ]
        after = dates.column.indices[0]
        for other in sorted(times, key=lambda time: abs(time.column.indices[0] - after))[:1]:
            indices = (after, other.column.indices[0])
            rows = [row for row in zip(*map(cells, indices), strict=True) if not any(map(is_blank, row))]
            joined = [" ".join(map(str, row)) for row in _spread(rows, FORMAT_CELLS)]
            recognised = recognise(joined, "time", "", zone, named=True)
            if recognised is not None and recognised.kind is not Kind.DURATION:
                names = (*dates.names, *other.names)
                moments = replace(recognised, kind=Kind.MOMENT)
                pair = read_candidate(indices, names, moments, min(dates.named, other.named), cells)
                if pair is not None:
                    yield pair


def read_candidate(
    indices: tuple[int, ...], names: tuple[str, ...], recognised: Format, named: int, cells: Cells
) -> Candidate | None:
    """Read the times of a column, or of two; ``None`` if there are none.

    Args:
        indices: their positions.
        names: their names.
        recognised: how their times are written.
        named: as in `Candidate`.
        cells: index of a column → its cells in the sample.
    """
    of_day = recognised.kind is Kind.TIME_OF_DAY
    column = TimeColumn(indices, recognised.parse, of_day, 0)
    rows = zip(*map(cells, indices), strict=True)
    moments = _times(column, islice(rows, STEP_ROWS))
    if len(set(moments)) < 2:
        moments += _times(column, rows)
    if not moments:
        return None
    column = TimeColumn(indices, recognised.parse, of_day, moments[0])
    if of_day:
        midnight, latest, unwrapped = 0, moments[0], []
        for moment in moments:
            if midnight + moment < latest - DAY // 2:
                midnight += DAY
            latest = midnight + moment
            unwrapped.append(latest)
        moments = unwrapped
    return Candidate(column, names, recognised, named, moments)


def _times(column: TimeColumn, rows: Iterable[Sequence[Any]]) -> list[int]:
    return [time for time in map(column.read, rows) if time is not None]


def is_plausible(candidate: Candidate) -> bool:
    """Whether its times can be those of the rows: they differ, and most go on, or nearly all go back."""
    if len(candidate.moments) < 3:
        return True
    if len(set(candidate.moments)) == 1:
        return False
    if candidate.format.kind is Kind.DATE and max(candidate.moments) - min(candidate.moments) > LONGEST:
        return False
    backward = candidate.backward()
    if backward >= REVERSED_SHARE and candidate.format.kind is Kind.MOMENT:
        return True
    counted = candidate.format.kind is Kind.DURATION and candidate.named > 0
    return 1 - backward >= (RISING_SHARE if counted else FORWARD_SHARE)


def _spread(values: Sequence[Any], most: int) -> list[Any]:
    """About `most` of the values that are not blank, from all over them."""
    picked = [value for value in values[:: len(values) // most + 1] if not is_blank(value)]
    return picked or [value for value in values if not is_blank(value)][:most]


def is_blank(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return value is None or (isinstance(value, str) and not value.strip())
