"""Recognising how a column writes its times, from its cells and the unit that its header gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum
from typing import Any

from dataflows.clock import SECOND
from dataflows.recordings.names import unit_in
from dataflows.recordings.time_formats import (
    DAY,
    UNITS,
    Parser,
    iso8601,
    named_dates,
    number_of,
    numbers,
    numeric_dates,
    scale_of,
    time_of_day,
)

EARLIEST_EPOCH, LATEST_EPOCH = 631_152_000 * SECOND, 4_102_444_800 * SECOND
"""Numbers between these, 1990 and 2100, count from 1970; others from the start of the recording."""

EARLIEST_UNNAMED = 1_104_537_600 * SECOND
"""2005, for a column that is not named as a time: no serial number of 15 digits is later in microseconds."""

_AMBIGUOUS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})\b", re.ASCII)
_COMPACT_DATE = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])", re.ASCII)
_COMPACT_TIME = re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d+)?", re.ASCII)


class Kind(Enum):
    """What the cells of a column of times say; the first says most."""

    MOMENT = 0
    TIME_OF_DAY = 1
    DURATION = 2
    DATE = 3


@dataclass(frozen=True, slots=True)
class Format:
    """How times are written.

    Attributes:
        kind: what they say.
        parse: reads one.
        unit: the unit of numbers, or "" if nothing gives one.
        notes: what had to be assumed.
        compact: whether they are dates such as 20261231, or times of day such as 235959: numbers too.
    """

    kind: Kind
    parse: Parser
    unit: str = ""
    notes: tuple[str, ...] = ()
    compact: bool = False


def recognise(values: Sequence[Any], name: str, unit: str, zone: tzinfo, *, named: bool) -> Format | None:
    """The format that most of the values are written in.

    Args:
        values: cells that are not empty.
        name: of the column.
        unit: its unit in the header.
        zone: of times that have none.
        named: whether the name is that of a time. Else numbers must be plausible times since 1970.

    Returns:
        ``None`` if no value is a time.
    """
    formats = [
        _numbers(values, name, unit, named=named),
        Format(Kind.TIME_OF_DAY, time_of_day),
        _calendar(iso8601(zone), values),
        _numeric_dates(values, zone),
        _calendar(named_dates(zone), values),
    ]
    known = [found for found in formats if found is not None]
    counts = [sum(found.parse(value) is not None for value in values) for found in known]
    most = max(counts)
    return known[counts.index(most)] if most else None


def _numbers(values: Sequence[Any], name: str, unit: str, *, named: bool) -> Format | None:
    given = (unit or unit_in(name)).lower()
    first = next((number for number in map(number_of, values) if number is not None), None)
    if first is None:
        return None
    scale = UNITS.get(given)
    notes: tuple[str, ...] = ()
    if scale is None:
        scale = scale_of(first)
        if unit:
            known = "s, ms, µs, ns, min, h"
            taken = {1e6: "seconds", 1e3: "milliseconds", 1.0: "microseconds"}.get(scale, "nanoseconds")
            notes = (
                f"the unit {unit!r} is not one of time (known: {known}); its numbers are taken as {taken}",
            )
    since_1970 = EARLIEST_EPOCH <= first * scale <= LATEST_EPOCH
    if not named and not EARLIEST_UNNAMED <= first * scale <= LATEST_EPOCH:
        return None
    texts = [str(value).strip() for value in values]
    compact = all(map(_COMPACT_DATE.fullmatch, texts)) or all(map(_COMPACT_TIME.fullmatch, texts))
    kind = Kind.MOMENT if since_1970 else Kind.DURATION
    return Format(kind, numbers(scale), given if given in UNITS else unit, notes, compact)


def _calendar(parse: Parser, values: Sequence[Any], notes: tuple[str, ...] = ()) -> Format:
    moments = [value for value in values if parse(value) is not None]
    dates = all(":" not in str(value) and "T" not in str(value) for value in moments)
    return Format(Kind.DATE if moments and dates else Kind.MOMENT, parse, notes=notes)


def _numeric_dates(values: Sequence[Any], zone: tzinfo) -> Format:
    """Day or month first: as the content allows; else so that it is shorter; else as the mark suggests."""
    parsers = {True: numeric_dates(zone, day_first=True), False: numeric_dates(zone, day_first=False)}
    texts = [value.strip() for value in values if isinstance(value, str)]
    matches = [match for match in map(_AMBIGUOUS.match, texts) if match]
    if not matches:
        return _calendar(parsers[True], values)
    fits = {day_first: sum(parse(text) is not None for text in texts) for day_first, parse in parsers.items()}
    if fits[True] != fits[False]:
        return _calendar(parsers[fits[True] > fits[False]], values)
    spans = {day_first: _span(parse, texts) for day_first, parse in parsers.items()}
    if abs(spans[True] - spans[False]) > DAY:
        return _calendar(parsers[spans[True] < spans[False]], values)
    mark = matches[0][2]
    if mark == "." or all(match[1].zfill(2) == match[3].zfill(2) for match in matches):
        return _calendar(parsers[True], values)
    day_first = mark == "-"
    said = "day-month-year" if day_first else "month/day/year"
    note = (
        f"{matches[0][0]!r} is read as {said}, which nothing in the file decides; --time-format (such as "
        "'%d/%m/%Y %H:%M:%S') says otherwise"
    )
    return _calendar(parsers[day_first], values, (note,))


def _span(parse: Parser, texts: Sequence[str]) -> int:
    moments = [moment for moment in map(parse, texts) if moment is not None]
    return max(moments) - min(moments) if moments else 0
