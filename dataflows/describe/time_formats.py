"""In which format the values of a field are times, and which times they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any, Literal

from dataflows.clock import microseconds
from dataflows.decode.times import number_of

Kind = Literal["instant", "date", "time of day"]

EPOCHS = {"epoch_s": 1.0, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}
"""How many of the unit are in a second."""

EARLIEST, LATEST = 946_684_800.0, 4_102_444_800.0
"""Seconds: 2000 and 2100. Within these years a number is a time in one unit only."""

ENOUGH = 0.95
"""Share of the values that must be times in a format."""

MOST_TRIED = 400
"""Values to try; a format that fits this many is assumed to fit the rest."""

_DATES = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
)
_TIMES = ("%H:%M:%S", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M:%S.%f %p", "%H:%M", "%I:%M %p")
_WHOLE = (
    "%a %b %d %H:%M:%S GMT%z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y%m%d%H%M%S",
    "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%d %H%M%S",
)
_PATTERNS = (
    *_WHOLE,
    *(f"{day}{between}{clock}" for day, clock, between in product(_DATES, _TIMES, (" ", ", ", "T"))),
    *(f"{day} {clock} %z" for day, clock in product(_DATES, _TIMES)),
)
_MAY_BE_TIME = re.compile(r"(?=(?:\D*\d){3})[\w .,:/+T-]{4,40}")


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """A way to read times.

    Attributes:
        name: the value of ``payload.time_format``.
        kind: whether a value is a whole time, only a date or only a time of day.
        has_zone: whether the values say their zone, or need none.
        parse: a value → microseconds since 1970-01-01 UTC (as if it were UTC without a zone), ``None`` if it
            is no time.
        other: the pattern that fits as well, with day and month exchanged; empty if there is none.
    """

    name: str
    kind: Kind
    has_zone: bool
    parse: Callable[[Any], int | None]
    other: str = ""


def format_of(values: Sequence[Any]) -> TimeFormat | None:
    """The format in which nearly all of these values are times; ``None`` if there is none."""
    tried = values[:: max(1, len(values) // MOST_TRIED)]
    if not tried:
        return None
    for name in EPOCHS:
        parse = partial(_epoch, name)
        if _fits(parse, tried):
            return TimeFormat(name, "instant", True, parse)
    texts = [value.strip() for value in tried if isinstance(value, str)]
    if len(texts) < ENOUGH * len(tried) or not _MAY_BE_TIME.fullmatch(texts[0]):
        return None
    return _of_texts(texts)


def elapsed(name: str) -> TimeFormat:
    """The format of seconds, or a finer unit, since a start that is not said."""
    return TimeFormat(name, "instant", True, partial(_since_start, name))


def joined(day: TimeFormat, clock: TimeFormat) -> TimeFormat:
    """The format of a date and a time of day, joined by a space."""
    is_iso = day.name == clock.name == "iso8601"
    clock_pattern = clock.name if clock.name != "iso8601" else "%H:%M:%S"
    name = "iso8601" if is_iso else f"{_pattern_of(day)} {clock_pattern}"
    parse = _iso if is_iso else partial(_by_pattern, name)
    return TimeFormat(
        name, "instant", clock.has_zone, parse, f"{day.other} {clock_pattern}" if day.other else ""
    )


def _of_texts(texts: list[str]) -> TimeFormat | None:
    if _fits(_iso, texts):
        if all(re.search(r"\d[T ]\d\d:?\d\d", text) for text in texts):
            return TimeFormat("iso8601", "instant", all(map(_iso_zone, texts)), _iso)
        if all("-" in text for text in texts):
            return TimeFormat("iso8601", "date", True, _iso)
    if _fits(_iso_clock, texts):
        return TimeFormat("iso8601", "time of day", False, _iso_clock)
    clocks: list[tuple[str, Kind]] = [(pattern, "time of day") for pattern in _TIMES]
    dates: list[tuple[str, Kind]] = [(pattern, "date") for pattern in _DATES]
    whole: list[tuple[str, Kind]] = [(pattern, "instant") for pattern in _PATTERNS]
    fitting = [
        (pattern, kind)
        for pattern, kind in [*dates, *clocks, *whole]
        if _by_pattern(pattern, texts[0]) is not None and _fits(partial(_by_pattern, pattern), texts)
    ]
    if not fitting:
        return None
    pattern, kind = fitting[0]
    other = next((candidate for candidate, same in fitting[1:] if same == kind), "")
    return TimeFormat(
        pattern,
        kind,
        pattern.endswith("Z") or "%z" in pattern or kind == "date",
        partial(_by_pattern, pattern),
        other,
    )


def _fits(parse: Callable[[Any], int | None], values: Sequence[Any]) -> bool:
    return sum(parse(value) is not None for value in values) >= ENOUGH * len(values)


def _epoch(name: str, value: Any) -> int | None:
    found = _number(value)
    if found is None:
        return None
    seconds = found / EPOCHS[name]
    return round(seconds * 1e6) if EARLIEST <= seconds < LATEST else None


def _number(value: Any) -> float | None:
    found = number_of(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e300:
        return None
    return found


def _since_start(name: str, value: Any) -> int | None:
    found = _number(value)
    if found is None or abs(found) >= EARLIEST * EPOCHS[name]:
        return None
    return round(found / EPOCHS[name] * 1e6)


def _iso(value: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except (ValueError, AttributeError):
        return None
    return _micros(moment)


def _iso_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return True


def _iso_clock(value: Any) -> int | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d\d:\d\d(:\d\d([.,]\d{1,9})?)?", value.strip()):
        return None
    return _iso(f"1970-01-01 {value.strip()}")


def _by_pattern(pattern: str, value: Any) -> int | None:
    try:
        moment = datetime.strptime(value.strip(), pattern)  # noqa: DTZ007 - `_micros` gives it a zone
    except (ValueError, AttributeError):
        return None
    return _micros(moment)


def _micros(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - both without
    try:
        return microseconds(moment.astimezone(UTC))
    except OverflowError:
        return None


def _pattern_of(day: TimeFormat) -> str:
    return "%Y-%m-%d" if day.name == "iso8601" else day.name
