"""Texts that hold a value: numbers as people and devices write them, and words for true, false and missing.

    61.2   -5   1e3   .5   1,234.5   1'234.5   12 345   45 %   61 km/h   -12.4V
    1.234,5   with a decimal comma

A text is read only if it is a number from its first character on, with nothing but a unit behind it. Dates,
versions, hexadecimal numbers and identifiers are none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache

MAX_CHARACTERS = 64
"""A number with its unit is shorter; a longer text holds none."""

KNOWN_TEXTS = 1 << 14
"""Texts whose value is remembered. A signal has few distinct ones."""

MINUS = "\N{MINUS SIGN}"
SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"

# A word of a unit: letters (m, km, rpm, Nm, °C, µs), with an exponent (m², m/s2, cm^3), or a symbol.
_WORD = r"(?:°?[^\W\d_]{1,16}(?:[²³]|\^?[2-4]|\^?-[1-4])?|[%‰°″′\"'])"
_UNIT = rf"(?:1/)?{_WORD}(?:[/·*]\s?(?:100\s?)?{_WORD}|[\s-]{_WORD}){{0,2}}"


def number_from_text(text: str, decimal: str = ".") -> float | None:
    """The number that a text holds; ``None`` if it holds none, or one beyond float64.

    Args:
        text: the whole text; space around it does not matter, and a unit may follow the number.
        decimal: the decimal mark, "." or ",". The other one, apostrophes and spaces group thousands.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    match = _pattern(decimal).fullmatch(text.strip())
    if match is None:
        return None
    whole = re.sub("[^0-9]", "", match["whole"])
    fraction, exponent = match["fraction"] or "", match["exponent"] or ""
    if not whole and not fraction:
        return None
    number = float(f"{match['sign']}{whole or 0}.{fraction or 0}{exponent}".replace(MINUS, "-"))
    return number if math.isfinite(number) else None


@cache
def _pattern(decimal: str) -> re.Pattern[str]:
    other = {".": ",", ",": "."}[decimal]
    separators = f"[{re.escape(other + SPACES + APOSTROPHES)}]"
    return re.compile(
        rf"(?P<sign>[+\-{MINUS}]?)(?!0[xX])"
        # Thousands are groups of three, all with the same separator.
        rf"(?P<whole>[0-9]{{1,3}}(?:(?P<separator>{separators})[0-9]{{3}})(?:(?P=separator)[0-9]{{3}})*|[0-9]*)"
        rf"(?:{re.escape(decimal)}(?P<fraction>[0-9]*))?(?P<exponent>[eE][+\-{MINUS}]?[0-9]{{1,3}})?"
        rf"(?:\s*(?:{_UNIT}|\[{_UNIT}\]|\({_UNIT}\)))?"
    )


class TextValues:
    """Reads values that were sent as text.

    Args:
        missing: words that mean that there is no value; words are compared without case.
        true: words that mean 1.
        false: words that mean 0.
        decimal: the decimal mark of numbers.
    """

    def __init__(
        self, missing: Iterable[str], true: Iterable[str], false: Iterable[str], decimal: str
    ) -> None:
        self._words = {
            word.strip().casefold(): value
            for words, value in ((missing, math.nan), (true, 1.0), (false, 0.0))
            for word in words
        }
        self._decimal = decimal
        self._remembered: Callable[[str], float | None] = lru_cache(KNOWN_TEXTS)(self._read)

    def read(self, text: str) -> float | None:
        """The value of a text, NaN where it is missing; ``None`` if it is neither a word nor a number."""
        return self._remembered(text) if len(text) <= MAX_CHARACTERS else None

    def _read(self, text: str) -> float | None:
        word = self._words.get(text.strip().casefold())
        return number_from_text(text, self._decimal) if word is None else word
