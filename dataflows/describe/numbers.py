"""JSON values as numbers, as the decoder reads them: numbers, booleans, and texts that hold one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

MISSING = frozenset(
    {"", "n/a", "na", "nan", "null", "none", "unavailable", "unknown", "-", "--", "inf", "+inf", "-inf"}
)
"""Texts that mean that there is no value, in lower case; the default of ``payload.missing``."""

TRUE = frozenset({"true", "yes", "on"})
FALSE = frozenset({"false", "no", "off"})

_UNIT = r"(?:\s*(?:%|[°*]?[A-Za-zµΩ℃][A-Za-z/²³°µ%]{0,9}))?"
_POINT = re.compile(rf"[+-]?(?:\d{{1,3}}(?:[,' ]\d{{3}})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?{_UNIT}")
_COMMA = re.compile(rf"[+-]?(?:\d{{1,3}}(?:[.' ]\d{{3}})+|\d+)?(?:,\d*)?(?:[eE][+-]?\d+)?{_UNIT}")
_LEADING = re.compile(r"[+-]?[\d.,' ]*(?:(?<=\d)[eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(rf"[+-]?\d+,\d+{_UNIT}")
_GROUPED = re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:,\d{{3}})+{_UNIT}")


def is_missing(value: Any) -> bool:
    """Whether a JSON value stands for no value."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def is_truth(value: Any) -> bool:
    """Whether a JSON value is true or false, or a word for it."""
    if isinstance(value, str):
        return value.strip().lower() in TRUE | FALSE
    return isinstance(value, bool)


def number(value: Any, decimal: str = ".") -> float | None:
    """The number that a JSON scalar holds; ``None`` if it holds none.

    Args:
        value: a scalar.
        decimal: "." or ",": the decimal mark of texts; the other one groups thousands.
    """
    if isinstance(value, bool | int | float):
        try:
            found = float(value)
        except OverflowError:
            return None
        return found if math.isfinite(found) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.lower() in TRUE:
        return 1.0
    if text.lower() in FALSE:
        return 0.0
    if not any(character.isdigit() for character in text[:3]):
        return None
    if not (_COMMA if decimal == "," else _POINT).fullmatch(text):
        return None
    leading = _LEADING.match(text)
    digits = leading[0] if leading else ""
    if decimal == ",":
        digits = digits.replace(".", "").replace(",", ".")
    digits = re.sub(r"[,' ]", "", digits)
    try:
        return float(digits)
    except ValueError:
        return None


def unit_of(value: Any) -> str:
    """The unit that follows the number in a text ("61 km/h"); empty where there is none."""
    if not isinstance(value, str) or number(value) is None or is_truth(value):
        return ""
    leading = _LEADING.match(value.strip())
    return value.strip()[leading.end() :].strip() if leading else ""


def decimal_mark(values: Iterable[Any]) -> str:
    """The decimal mark of texts that hold numbers: "," only if that is the one way to read some of them."""
    commas = 0
    for value in values:
        if not isinstance(value, str):
            continue
        text = value.strip()
        if number(text, ".") is not None and "." in text:
            return "."
        if _DECIMAL_COMMA.fullmatch(text) and not _GROUPED.fullmatch(text):
            commas += 1
    return "," if commas else "."
