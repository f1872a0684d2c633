"""JSON values as numbers, as the decoder reads them: numbers, booleans, and texts that hold one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from dataflows.decode.texts import number_from_text

MISSING = frozenset(
    {"", "n/a", "na", "nan", "null", "none", "unavailable", "unknown", "-", "--", "inf", "+inf", "-inf"}
)
"""Texts that mean that there is no value, in lower case; the default of ``payload.missing``."""

TRUE = frozenset({"true", "yes", "on"})
FALSE = frozenset({"false", "no", "off"})

_DIGITS = re.compile(r"[-+\d.,'\s]*(?:(?<=\d)[eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+\D*")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+\D*")


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
    if is_truth(value):
        return float(value.strip().lower() in TRUE)
    return number_from_text(value, decimal)


def unit_of(value: Any) -> str:
    """The unit that follows the number in a text ("61 km/h"); empty where there is none."""
    if not isinstance(value, str) or is_truth(value) or number(value) is None:
        return ""
    text = value.strip()
    digits = _DIGITS.match(text)
    return text[digits.end() :].strip(" []()") if digits else ""


def decimal_mark(values: Iterable[Any]) -> str:
    """The decimal mark of texts that hold numbers: "," only if that is the one way to read some of them."""
    commas = False
    for value in values:
        if not isinstance(value, str):
            continue
        text = value.strip()
        if "." in text and number(text, ".") is not None:
            return "."
        commas |= bool(_DECIMAL_COMMA.fullmatch(text)) and not _GROUPED.fullmatch(text)
    return "," if commas else "."
