"""What the name of a column says: its words, and the kinds of column that they speak of."""

from __future__ import annotations

import re
from functools import lru_cache

from dataflows.recordings.time_formats import UNITS

_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL_CASE = re.compile(r"(?<=[a-zäöüéß])(?=[A-ZÄÖÜÉ])")


def word_set(text: str) -> frozenset[str]:
    """The words of a text, separated by spaces."""
    return frozenset(text.split())


TIMES = word_set(
    "time timestamp ts datetime date zeit datum uhrzeit zeitstempel zeitpunkt fecha hora fechahora "
    "heure horodatage dateheure ora dataora tiempo temps tid tijd tijdstip czas"
)
"""A column with one of these names, a unit aside, is the time if its cells can be."""

TIME_WORDS = TIMES | word_set(
    "seconds secs sec msec millis milliseconds micros microseconds nanoseconds elapsed epoch utc gmt "
    "clock recorded sampled stamp"
)
"""A column whose name has one of these words may be the time."""

SECOND_HAND = word_set("gps received receive server upload uploaded ingested created updated sent")
"""Words of times that other clocks took: of a receiver that stops without a fix, or of a server."""

NOT_THE_TIME = word_set(
    "trip run running runtime duration travel driving idle idling remaining until mil codes cleared "
    "to timing injection ignition response delay lap stop stopped timeout expiry service birth total"
)
"""A column whose name has one of these words holds how long something took, not when its row was recorded."""


@lru_cache(maxsize=1024)
def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: "deviceID", "device_id" and "Device ID" → ("device", "id")."""
    return tuple(word.lower() for word in _WORD.findall(_CAMEL_CASE.sub(" ", name)))


def is_time(name: str) -> bool:
    """Whether a name is that of a time column and nothing else: "Time", "timeStamp", "time_ms"."""
    said = [word for word in words(name) if word not in UNITS]
    return bool(said) and ("".join(said) in TIMES or set(said) <= TIMES)


def may_be_time(name: str) -> bool:
    """Whether a name may be that of a time column, e.g. "Device Time" or "SECONDS"."""
    said = set(words(name))
    return bool(said & TIME_WORDS) and not said & NOT_THE_TIME


def unit_in(name: str) -> str:
    """The unit of time that a name ends in: "time_ms" → "ms", "SECONDS" → "seconds"; "" if there is none."""
    said = words(name)
    return said[-1] if said and said[-1] in UNITS else ""
