"""How many rows of a table have more or fewer cells than its header has names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

_WORDS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


class RowWidths:
    """Counts the rows of a table whose cells do not fit its header.

    Args:
        names: number of columns that the header names.

    Attributes:
        rows: number of all rows so far.
    """

    def __init__(self, names: int) -> None:
        self._names = names
        self.rows = 0
        self._wide: Counter[int] = Counter()
        self._first_wide = 0
        self._short = 0
        self._first_short = 0

    def add(self, row: Sequence[str], line: int) -> None:
        """Note a row that has not as many cells as the header.

        Args:
            row: its cells; empty ones beyond the header do not count.
            line: number of its line in the file.
        """
        if len(row) < self._names:
            self._first_short = self._first_short or line
            self._short += 1
            return
        width = len(row)
        while width > self._names and not row[width - 1].strip():
            width -= 1
        if width > self._names:
            self._first_wide = self._first_wide or line
            self._wide[width] += 1

    def sentences(self) -> Iterator[tuple[str, str]]:
        """What there is to warn of: the kind, and a sentence."""
        names = f"{_counted(self._names)} name{'' if self._names == 1 else 's'}"
        if self._wide:
            width, _ = self._wide.most_common(1)[0]
            cells = _counted(width) if len(self._wide) == 1 else f"up to {_counted(max(self._wide))}"
            yield (
                "wide",
                f"{sum(self._wide.values()):,} of {self.rows:,} rows have {cells} cells under {names}, "
                f"first in line {self._first_wide:,}: a thousands separator or a comma in a text without "
                "quotation marks shifts the cells after it",
            )
        if self._short:
            yield (
                "short",
                f"{self._short:,} of {self.rows:,} rows have fewer cells than the {names} of the header, "
                f"first in line {self._first_short:,}: their last columns are taken as missing",
            )


def _counted(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else f"{number:,}"
