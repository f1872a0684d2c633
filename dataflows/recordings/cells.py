"""What a cell of a table says, as its column is written: a number, true or false, a text, or nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import islice
from typing import Literal

import msgspec

from dataflows.recordings.columns import NUMERIC_SHARE, is_missing, number_as_json

TRUE = frozenset({"true", "yes", "on"})
FALSE = frozenset({"false", "no", "off"})
"""Words of a column of truth values, in lower case."""

MOST_VALUES = 1000
"""Different values of a column that are looked at to tell how it is written."""

Decimal = Literal[".", ","]

_GROUPS = r"[1-9]\d{0,2}(?P<mark>[%s'’ \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*"
_POINT = re.compile(rf"[+-]?{_GROUPS % ','}(?:\.\d+)?", re.ASCII)
_COMMA = re.compile(rf"[+-]?(?:{_GROUPS % '.'}(?:,\d+)?|\d+,\d*(?:[eE][+-]?\d+)?|,\d+)", re.ASCII)
_NOT_OF_A_COMMA_NUMBER = re.compile(r"[.'’ \u00a0\u202f]")
_NOT_OF_A_POINT_NUMBER = re.compile(r"[,'’ \u00a0\u202f]")
_WITH_UNIT = re.compile(
    r"(?P<number>[+-]?[\d.,]*\d)\s*(?P<unit>[^\W\d_]{1,5}(?:/[^\W\d_]{1,3})?|%|°\s?[CF]|[℃℉°])"
)

Converter = Callable[[str], str | None]
"""A cell → its value in JSON; ``None`` if the cell has no value."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How the cells of a column are written.

    Attributes:
        kind: numbers, truth values, or text.
        decimal: the decimal mark of its numbers; the other mark, spaces and apostrophes group thousands.
        unit: what follows every number, or "".
    """

    kind: Literal["number", "truth", "text"] = "number"
    decimal: Decimal = "."
    unit: str = ""


def number_in(cell: str, decimal: Decimal) -> str | None:
    """The stripped cell as a JSON number; ``None`` if it is not a number with this decimal mark.

    "1,234.5" is 1234.5 with "." and no number with ","; "12,5" is 12.5 with "," and no number with ".".
    """
    if decimal == ".":
        plain = number_as_json(cell)
        if plain is None and _POINT.fullmatch(cell):
            plain = number_as_json(_NOT_OF_A_POINT_NUMBER.sub("", cell))
        return plain
    if _COMMA.fullmatch(cell):
        return number_as_json(_NOT_OF_A_COMMA_NUMBER.sub("", cell).replace(",", "."))
    return None if "." in cell else number_as_json(cell)


def is_number(cell: str) -> bool:
    """Whether a stripped cell is a number with either decimal mark."""
    return number_in(cell, ".") is not None or number_in(cell, ",") is not None


def is_truth(cell: str) -> bool:
    """Whether a stripped cell is a truth value."""
    lower = cell.lower()
    return lower in TRUE or lower in FALSE


def writings(columns: Sequence[Sequence[str]], delimiter: str) -> list[Writing | None]:
    """How each column is written.

    A column whose numbers can be read with either decimal mark ("1,250") is read as the other columns are.
    Where they do not tell, a comma is the decimal mark, unless it separates the cells.

    Args:
        columns: the stripped cells of each column, of the same rows.
        delimiter: what separates cells.

    Returns:
        ``None`` for a column without values.
    """
    counted = [_values(column) for column in columns]
    fitting = [_fitting(values) for values in counted]
    points = sum(fits == {"."} for fits in fitting)
    commas = sum(fits == {","} for fits in fitting)
    evidence: Decimal | None = "," if commas > points else "." if points else None
    return [
        _writing(values, fits, evidence, delimiter) if values else None
        for values, fits in zip(counted, fitting, strict=True)
    ]


def converter(writing: Writing) -> Converter:
    """Reads the cells of a column written like this. Numbers keep the digits that they have in the file.

    A cell that does not fit its column becomes a text.
    """
    if writing.kind == "text":
        return as_text
    return _truth if writing.kind == "truth" else _numbers(writing.decimal, writing.unit)


def as_text(cell: str) -> str | None:
    """A cell as a JSON string; ``None`` if it holds no value."""
    stripped = cell.strip()
    return None if is_missing(stripped) else json_string(stripped)


def json_string(text: str) -> str:
    """A text in JSON."""
    return msgspec.json.encode(text).decode()


@cache
def _numbers(decimal: Decimal, unit: str) -> Converter:
    # Signals of vehicles have few distinct values, so most cells of a trip have been seen before.
    @lru_cache(maxsize=1 << 16)
    def convert(cell: str) -> str | None:
        stripped = cell.strip()
        if unit and stripped.endswith(unit):
            number = number_in(stripped.removesuffix(unit).rstrip(), decimal)
        else:
            number = number_in(stripped, decimal)
        return number or as_text(cell)

    return convert


def _truth(cell: str) -> str | None:
    lower = cell.strip().lower()
    if lower in TRUE:
        return "true"
    return "false" if lower in FALSE else _numbers(".", "")(cell)


def _values(column: Sequence[str]) -> dict[str, int]:
    """The values of a column and how often each occurs; of very many, `MOST_VALUES` from all over it."""
    counts = Counter(column)
    picked = islice(counts.items(), 0, None, (len(counts) - 1) // MOST_VALUES + 1)
    return {cell: count for cell, count in picked if not is_missing(cell)}


def _fitting(values: Mapping[str, int]) -> set[Decimal]:
    """The decimal marks with which a column holds numbers; empty for integers, which tell nothing."""
    if not any("," in value or "." in value for value in values):
        return set()
    marks: tuple[Decimal, Decimal] = (".", ",")
    return {mark for mark in marks if _enough(values, partial(number_in, decimal=mark))}


def _writing(
    values: Mapping[str, int], fits: set[Decimal], evidence: Decimal | None, delimiter: str
) -> Writing:
    if len(fits) == 1:
        return Writing(decimal=next(iter(fits)))
    if len(fits) == 2:
        with_comma = any("," in value for value in values)
        return Writing(decimal=evidence or ("," if with_comma and delimiter != "," else "."))
    if _enough(values, number_as_json) or _enough(values, lambda cell: number_in(cell, ".")):
        return Writing()
    if _enough(values, is_truth) or _enough(values, lambda cell: is_truth(cell) or cell in {"0", "1"}):
        return Writing("truth")
    unit, numbers = _without_unit(values)
    if unit:
        inner = _writing(numbers, _fitting(numbers), evidence, delimiter)
        if inner.kind == "number":
            return replace(inner, unit=unit)
    return Writing("text")


def _without_unit(values: Mapping[str, int]) -> tuple[str, Mapping[str, int]]:
    """The unit that follows the numbers of a column, and these without it; "" if they have none in common."""
    units: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    for value, count in values.items():
        match = _WITH_UNIT.fullmatch(value)
        if match is None:
            numbers[value] += count
        else:
            units[match["unit"]] += count
            numbers[match["number"]] += count
    unit, count = units.most_common(1)[0] if units else ("", 0)
    return (unit, numbers) if count >= NUMERIC_SHARE * sum(values.values()) else ("", values)


def _enough(values: Mapping[str, int], test: Callable[[str], object]) -> bool:
    return sum(count for value, count in values.items() if test(value)) >= NUMERIC_SHARE * sum(
        values.values()
    )
