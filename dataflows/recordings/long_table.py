"""Long tables: a row holds the name of one signal and its value, and rows of one time are one event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dataflows.recordings.columns import is_missing, name_and_unit
from dataflows.recordings.names import word_set, words

NAME_WORDS = word_set(
    "pid signal signalname name parameter param sensor channel metric measurement variable tag item "
    "path attribute key type descriptor signalid sensorid"
)
VALUE_WORDS = word_set("value val wert valor valeur reading measure")
UNIT_WORDS = word_set("unit units einheit unidad unité uom")
"""Words in the names of the columns with the name of a signal, its value, and the unit of that."""

MOST_SIGNALS = 1000
"""More names than this are no names of signals."""

MOST_COLUMNS = 10
"""A table with more columns holds a signal in each."""


@dataclass(frozen=True, slots=True)
class LongTable:
    """Where a long table holds what.

    Attributes:
        name: position of the column with the names of signals.
        value: position of the column with their values.
        unit: position of the column with their units; ``None`` if there is none.
        keys: positions of all other columns: the time, and what else the rows of one event have in common.
    """

    name: int
    value: int
    unit: int | None
    keys: tuple[int, ...]

    def signals(self, sample: Sequence[Sequence[str]]) -> dict[str, tuple[str, list[str]]]:
        """Name → unit and stripped values of every signal in the sample, in the order of their appearance."""
        found: dict[str, tuple[str, list[str]]] = {}
        for row in sample:
            if len(row) > max(self.name, self.value) and row[self.name].strip():
                name, unit = signal_name(row[self.name])
                if self.unit is not None and self.unit < len(row):
                    unit = row[self.unit].strip() or unit
                found.setdefault(name, (unit, []))[1].append(row[self.value].strip())
        return found

    def is_stacked(self, sample: Sequence[Sequence[str]]) -> bool:
        """Whether the rows of one event are apart: all rows of one signal, then all of the next.

        A sample of one signal only is taken for the start of such a table.
        """
        seen: set[tuple[str, ...]] = set()
        latest: tuple[str, ...] = ()
        for row in sample:
            key = tuple(self.key(row))
            if key != latest and key in seen:
                return True
            seen.add(key)
            latest = key
        return bool(self.keys) and len(self.signals(sample)) < 2

    def key(self, row: Sequence[str]) -> list[str]:
        """What the rows of one event have in common."""
        return [row[index] if index < len(row) else "" for index in self.keys]


def find_long_table(
    columns: Sequence[tuple[str, str]], sample: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> LongTable | None:
    """Recognise a long table: few columns, among them one with names that repeat and one called value.

    Args:
        columns: name and unit of each.
        sample: the first rows.
        numeric: whether each column holds numbers.
    """
    if len(columns) > MOST_COLUMNS:
        return None
    said = [set(words(name)) for name, _ in columns]
    values = [index for index, spoken in enumerate(said) if spoken & VALUE_WORDS]
    units = [index for index, spoken in enumerate(said) if spoken & UNIT_WORDS]
    names = [
        index
        for index, spoken in enumerate(said)
        if spoken & NAME_WORDS and not spoken & (VALUE_WORDS | UNIT_WORDS) and not numeric[index]
    ]
    for name in names:
        if len(values) == 1 and _repeats(name, sample):
            unit = units[0] if units else None
            keys = tuple(index for index in range(len(columns)) if index not in (name, values[0], unit))
            return LongTable(name, values[0], unit, keys)
    return None


@lru_cache(maxsize=1 << 12)
def signal_name(cell: str) -> tuple[str, str]:
    """Name and unit of a signal: "Engine RPM (rpm)" → ("Engine RPM", "rpm")."""
    return name_and_unit(cell.strip())


def _repeats(index: int, sample: Sequence[Sequence[str]]) -> bool:
    names = Counter(row[index].strip() for row in sample if index < len(row))
    names = Counter({name: count for name, count in names.items() if not is_missing(name)})
    return 1 <= len(names) <= min(MOST_SIGNALS, max(2, sum(names.values()) // 2))
