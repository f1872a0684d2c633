"""Columns of tables as real logging devices write them: units in names, gaps, stray text among numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jsonpointer

SAMPLE_ROWS = 10_000
"""Rows sampled to tell columns of numbers from text; enough for a signal that starts minutes into a trip."""

NUMERIC_SHARE = 0.9
"""A column is numeric if at least this share of its values are numbers: one 'ERR' does not make it text."""

MISSING = frozenset(
    {"", "nan", "na", "n/a", "null", "none", "-", "--", "inf", "+inf", "-inf", "no data", "nodata"}
    | {"unavailable", "unknown"}
)
"""Cells that hold no value, in lower case."""

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_OTHER_NUMBER = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+|0|[1-9]\d*)(?:[eE][+-]?\d+)?", re.ASCII)
_HEADER = re.compile(r"(?P<name>.*\S)\s*(?:\[(?P<square>[^][]*)\]|\((?P<round>[^()]*)\))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """A value that the messages of a recording hold.

    Attributes:
        name: its name without the unit, unique in the recording.
        unit: its unit as the header gives it, or "".
        numeric: whether the sampled values are numbers, or true and false (see `NUMERIC_SHARE`).
        pointer: where it is in a payload, as a JSON pointer.
    """

    name: str
    unit: str
    numeric: bool
    pointer: str


def header_columns(cells: Sequence[str]) -> list[tuple[str, str]]:
    """Clean the header of a table.

    "Speed [km/h]" and "Speed (km/h)" → ("Speed", "km/h"); "ENGINE_RPM ()" → ("ENGINE_RPM", "").
    Broken encodings are repaired ("Â°C" → "°C"). Columns without a name are named after their number
    ("column_3") and repeated names get a suffix ("Speed_2"), so that names are unique.

    Returns:
        (name, unit) for every cell.
    """
    cleaned: list[tuple[str, str]] = []
    given = [name_and_unit(cell) for cell in cells]
    reserved = {name for name, _ in given}
    taken: set[str] = set()
    for number, (name, unit) in enumerate(given, start=1):
        unique = name or unnamed_column(number)
        if unique in taken or (not name and unique in reserved):
            count = 2
            while (candidate := f"{unique}_{count}") in taken or candidate in reserved:
                count += 1
            unique = candidate
        taken.add(unique)
        cleaned.append((unique, unit))
    return cleaned


def unnamed_column(number: int) -> str:
    """Name of column `number` (from 1) where the table gives it none."""
    return f"column_{number}"


def pointer_to(*keys: str) -> str:
    """The JSON pointer (RFC 6901) to a value under these keys, escaped."""
    return str(jsonpointer.JsonPointer.from_parts(keys).path)


def number_as_json(cell: str) -> str | None:
    """The cell as a JSON number with its digits unchanged; ``None`` if it is not a decimal number.

    An integer with a leading zero is a code, not a number.
    """
    if _JSON_NUMBER.fullmatch(cell):
        return cell
    if _OTHER_NUMBER.fullmatch(cell):
        number = float(cell)
        return None if math.isinf(number) else repr(number) if "." in cell else cell.lstrip("+")
    return None


def is_missing(cell: str) -> bool:
    """Whether a stripped cell holds no value."""
    return cell.lower() in MISSING


def enough_numbers(are_numbers: Iterable[bool]) -> bool:
    """Whether a column is numeric: it has values, and at least `NUMERIC_SHARE` of them are numbers.

    Args:
        are_numbers: whether each sampled value is a number.
    """
    flags = list(are_numbers)
    return bool(flags) and sum(flags) >= NUMERIC_SHARE * len(flags)


def name_and_unit(cell: str) -> tuple[str, str]:
    """Split a cell of a header: "Speed [km/h]" → ("Speed", "km/h")."""
    header = _repair_encoding(cell).strip()
    match = _HEADER.fullmatch(header)
    if match is None:
        return header, ""
    return match["name"], (match["square"] or match["round"] or "").strip()


def _repair_encoding(text: str) -> str:
    """Undo that UTF-8 was read as Latin-1 or Windows-1252 and stored as UTF-8 once more."""
    for encoding in ("latin-1", "cp1252"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text
