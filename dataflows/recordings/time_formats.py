"""How a cell writes a time: a number, ISO 8601, a date with its time of day, or a time of day alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from dataflows.clock import SECOND, microseconds

DAY = 86_400 * SECOND
"""Microseconds."""

UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunden"), 1e6),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisec", "milliseconds", "millisecond"), 1e3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "micros", "microseconds", "microsecond"), 1.0),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanoseconds", "nanosecond"), 1e-3),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60e6),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600e6),
}
"""Units of times, in lower case, and the microseconds in each."""

Parser = Callable[[Any], int | None]
"""A cell → microseconds since 1970-01-01 UTC, or since midnight for a time of day; ``None`` for no time."""

EARLIEST = microseconds(datetime.min.replace(tzinfo=UTC))
LATEST = microseconds(datetime.max.replace(tzinfo=UTC))

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9}))?)?"
_HALF = r"(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
ZONES = {
    **dict.fromkeys(("Z", "UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("CET", "MEZ", "WEST", "BST"), 1),
    **dict.fromkeys(("CEST", "MESZ", "EET"), 2),
    **dict.fromkeys(("EEST", "MSK"), 3),
    "JST": 9,
    "EDT": -4,
    "EST": -5,
    "CDT": -5,
    "CST": -6,
    "MDT": -6,
    "MST": -7,
    "PDT": -7,
    "PST": -8,
}
"""Short names of zones, and their hours ahead of UTC."""

_ZONE = rf"(?:\s*(?P<zone>(?:UTC|GMT)?[+-]\d{{1,2}}(?::?\d{{2}})?|{'|'.join(ZONES)}))?"
_TIME_OF_DAY = re.compile(_CLOCK + _HALF, re.ASCII)
_STOPWATCH = re.compile(r"(?P<minute>\d{1,3}):(?P<second>[0-5]\d)[.,](?P<fraction>\d{1,9})", re.ASCII)
_NUMERIC_DATE = re.compile(
    r"(?P<first>\d{1,4})(?P<mark>[./-])(?P<middle>\d{1,2})(?P=mark)(?P<last>\d{4}|\d{2})"
    rf"(?:(?:\s*[,;T-]\s*|\s+){_CLOCK}{_HALF}{_ZONE})?",
    re.ASCII,
)
_DAY_MONTH_YEAR = re.compile(
    r"(?:[^\W\d_]{2,}\.?,?\s+)?(?P<day>\d{1,2})\.?[ -]+(?P<month>[^\W\d_]{3,})\.?[ ,-]+(?P<year>\d{4}|\d{2})"
    rf"(?:[\s,T-]+{_CLOCK}{_HALF}{_ZONE})?"
)
_MONTH_DAY_YEAR = re.compile(
    r"(?:[^\W\d_]{2,}\.?,?\s+)?(?P<month>[^\W\d_]{3,})\.?\s+(?P<day>\d{1,2})(?:,?\s+(?P<year>\d{4}))?"
    rf"(?:[\s,]+{_CLOCK}{_HALF}{_ZONE})?(?:\s+(?P<year_at_end>\d{{4}}))?"
)

_MONTHS = (
    "jan january januar janvier enero gennaio janeiro januari gen ene",
    "feb february februar février febrero febbraio fevereiro februari fév fev févr",
    "mar march märz mars marzo março maart mär mrz mrt",
    "apr april avril abril aprile avr abr",
    "may mai mayo maggio maio mei mag",
    "jun june juni juin junio giugno junho giu",
    "jul july juli juillet julio luglio julho juil lug",
    "aug august août agosto augustus aoû ago",
    "sep sept september septembre septiembre settembre setembro set",
    "oct october oktober octobre octubre ottobre outubro okt ott out",
    "nov november novembre noviembre novembro",
    "dec december dezember décembre diciembre dicembre dezembro dez déc dic",
)
MONTHS = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
"""Month names and their short forms in the languages of common logging devices, in lower case → 1 to 12."""


def number_of(cell: Any) -> float | None:
    """A cell as a finite number; ``None`` if it is none."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        value = float(cell.replace(",", ".") if isinstance(cell, str) and cell.count(",") == 1 else cell)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def scale_of(number: float) -> float:
    """Microseconds in the unit in which the number is a date between 1973 and 5138, or a duration."""
    for scale, limit in ((1e6, 1e11), (1e3, 1e14), (1.0, 1e17)):
        if abs(number) < limit:
            return scale
    return 1e-3


def numbers(scale: float) -> Parser:
    """Reads numbers in a unit of `scale` microseconds."""

    def parse(cell: Any) -> int | None:
        value = number_of(cell)
        return None if value is None else _within_calendar(value * scale)

    return parse


def time_of_day(cell: Any) -> int | None:
    """Reads 19:17:19.418, 7:17 PM, 17:19.4 (minutes) and Python's `time`; microseconds since midnight."""
    if isinstance(cell, time):
        return (cell.hour * 3600 + cell.minute * 60 + cell.second) * SECOND + cell.microsecond
    if not isinstance(cell, str):
        return None
    match = _TIME_OF_DAY.fullmatch(cell.strip())
    if match is not None:
        return _since_midnight(match)
    match = _STOPWATCH.fullmatch(cell.strip())
    if match is None:
        return None
    seconds = int(match["minute"]) * 60 + int(match["second"])
    return seconds * SECOND + int(match["fraction"].ljust(6, "0")[:6])


def iso8601(zone: tzinfo) -> Parser:
    """Reads ISO 8601 and Python's `date` and `datetime`; times without a zone are in `zone`."""

    def parse(cell: Any) -> int | None:
        if isinstance(cell, str):
            try:
                cell = datetime.fromisoformat(cell.strip())
            except ValueError:
                return None
        if not isinstance(cell, date):
            return None
        moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
        return _microseconds(moment if moment.tzinfo else moment.replace(tzinfo=zone))

    return parse


def numeric_dates(zone: tzinfo, *, day_first: bool) -> Parser:
    """Reads dates such as 31.12.2026, 12/31/26 and 2026/12/31, with or without a time of day."""

    def parse(cell: Any) -> int | None:
        match = _NUMERIC_DATE.fullmatch(cell.strip()) if isinstance(cell, str) else None
        if match is None:
            return None
        first, middle, last = match.group("first", "middle", "last")
        if len(first) > 2:
            return _moment(first, middle, last, match, zone)
        day, month = (first, middle) if day_first else (middle, first)
        return _moment(last, month, day, match, zone)

    return parse


def named_dates(zone: tzinfo) -> Parser:
    """Reads dates with the name of the month: "05-Aug-2026", "Wed Aug 05 18:57:56 GMT+01:00 2026"."""

    def parse(cell: Any) -> int | None:
        if not isinstance(cell, str):
            return None
        text = cell.strip()
        match = _DAY_MONTH_YEAR.fullmatch(text)
        year = match["year"] if match else None
        if match is None:
            match = _MONTH_DAY_YEAR.fullmatch(text)
            year = (match["year"] or match["year_at_end"]) if match else None
        month = MONTHS.get(match["month"].lower()) if match else None
        if match is None or year is None or month is None:
            return None
        return _moment(year, str(month), match["day"], match, zone)

    return parse


def pattern(given: str, zone: tzinfo) -> Parser:
    """Reads what `datetime.strptime` reads with this pattern."""

    def parse(cell: Any) -> int | None:
        try:
            moment = datetime.strptime(str(cell).strip(), given)  # noqa: DTZ007 - the zone follows
        except ValueError:
            return None
        return _microseconds(moment if moment.tzinfo else moment.replace(tzinfo=zone))

    return parse


def _moment(year: str, month: str, day: str, match: re.Match[str], zone: tzinfo) -> int | None:
    since_midnight = _since_midnight(match) if match["hour"] else 0
    if since_midnight is None:
        return None
    century = 2000 if len(year) == 2 else 0
    try:
        start = datetime(century + int(year), int(month), int(day), tzinfo=_offset(match["zone"]) or zone)
    except ValueError:
        return None
    # The time of day is one of the wall clock, whatever a change to summer time does to the day.
    return _microseconds(start + timedelta(microseconds=since_midnight))


def _since_midnight(match: re.Match[str]) -> int | None:
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"] in "pP" else 0)
    micros = int((match["fraction"] or "0").ljust(6, "0")[:6])
    since_midnight = (hour * 3600 + minute * 60 + second) * SECOND + micros
    return since_midnight if since_midnight < DAY else None


def _offset(zone: str | None) -> tzinfo | None:
    if zone is None:
        return None
    if zone in ZONES:
        return timezone(timedelta(hours=ZONES[zone]))
    digits = zone.removeprefix("UTC").removeprefix("GMT").replace(":", "")
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if digits[0] == "-" else 1))


def _microseconds(moment: datetime) -> int | None:
    try:
        return microseconds(moment)
    except OverflowError:
        return None


def _within_calendar(value: float) -> int | None:
    return round(value) if EARLIEST <= value <= LATEST else None
