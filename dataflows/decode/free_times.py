"""Times in whatever way they are written, if there is only one way to read them (`time_format = "auto"`).

Numbers count from 1970-01-01 UTC, and their size tells seconds from milli-, micro- and nanoseconds: within
the years 1973 to 2199 no two of them can be taken for each other. Dates in which day and month could be
swapped (03/04/2026) are not read.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo

from dataflows.clock import EPOCH

MAX_CHARACTERS = 64

_LARGEST = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))
"""Numbers below the first are in a unit of that many microseconds; all others are nanoseconds."""

_FIRST_DIGITS, _LAST_DIGITS = 19_000_101_000000, 21_991_231_235959
"""20260520163954: as milliseconds, these would be in the years 2572 to 2667."""

_DATES = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y")
_TIMES_OF_DAY = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_PATTERNS = (
    *("%Y-%m-%d %I:%M:%S %p", "%Y%m%d %H%M%S", "%Y-%m-%d %H-%M-%S"),
    *(f"{date} {time}" for date in _DATES for time in _TIMES_OF_DAY),
    # `date`, JavaScript, C's ctime and mail headers put the day of the week in front.
    *("%a %b %d %H:%M:%S %Y", "%a %d %b %Y %H:%M:%S", "%a %b %d %Y %H:%M:%S"),
)
_NAME_OF_ZONE = re.compile(r"\s*\([^()]*\)$")
_FRACTION = re.compile(r"(:[0-9]{2})[.,]([0-9]{1,9})(?![0-9])")
_ZONE = re.compile(r"\s?(?:(?P<name>Z|UTC|GMT)?(?P<offset>[+-][0-9]{2}:?[0-9]{2})|(?P<utc>Z|UTC|GMT))\b")


def moment_of(value: str | float, zone: tzinfo) -> datetime | None:
    """The time that a text or number means; ``None`` if it means none, or could mean several.

    Args:
        value: as it was sent.
        zone: of texts without one.
    """
    if not isinstance(value, str):
        return _of_number(value, zone)
    text = _NAME_OF_ZONE.sub("", value.strip())
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _in_words(text, zone)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _of_number(number: float, zone: tzinfo) -> datetime | None:
    if isinstance(number, float) and not math.isfinite(number):
        return None
    if _FIRST_DIGITS <= number <= _LAST_DIGITS:
        return _parsed(f"{number:.0f}", "%Y%m%d%H%M%S", zone)
    for limit, unit in _LARGEST:
        if abs(number) < limit:
            time = number * unit
            break
    else:
        time = number // 1000
    try:
        return EPOCH + timedelta(microseconds=round(time))
    except OverflowError:
        return None


def _in_words(text: str, zone: tzinfo) -> datetime | None:
    fraction = _FRACTION.search(text)
    if fraction is not None:
        text = text[: fraction.end(1)] + text[fraction.end() :]
    # Behind the hours, where no hyphen belongs to the date.
    own_zone = _ZONE.search(text, text.index(":")) if ":" in text else None
    if own_zone is not None:
        try:
            zone = _zone(own_zone)
        except ValueError:
            return None
        text = text[: own_zone.start()] + text[own_zone.end() :]
    plain = " ".join(text.replace(",", " ").split())
    moment = next(filter(None, (_parsed(plain, pattern, zone) for pattern in _PATTERNS)), None)
    if moment is None or fraction is None:
        return moment
    return moment.replace(microsecond=int(fraction[2].ljust(6, "0")[:6]))


def _zone(match: re.Match[str]) -> tzinfo:
    """The zone of a match; raises `ValueError` if it is further than a day from UTC."""
    offset = match["offset"]
    if offset is None:
        return UTC
    parsed = datetime.strptime(offset, "%z").tzinfo
    return UTC if parsed is None else parsed


def _parsed(text: str, pattern: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime.strptime(text, pattern).replace(tzinfo=zone)
    except ValueError:
        return None
