"""What is in a JSON value: its scalars, each under a pointer, collected over many records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.describe.names import pointer_of, readable, tokens_of
from dataflows.describe.numbers import is_missing, is_truth, number
from dataflows.events import JSON_ERRORS

LONGEST_ARRAY = 16
"""Elements of an array of numbers that are signals of their own; a longer one is a waveform or a picture."""

MOST_FIELDS = 1_000
"""Different fields that are looked at; more means that keys are ids or times in a way that nobody foresaw."""

NUMERIC_SHARE = 0.9
"""A field is numeric if at least this share of its values are numbers: one "ERR" does not make it text."""

_MAX_DEPTH = 12


class NotJson:
    """What `parsed` returns for bytes that are not JSON."""


NOT_JSON = NotJson()


def parsed(payload: bytes) -> Any:
    """A payload as a JSON value; ``NOT_JSON`` if it is none. NaN and infinities count as JSON here."""
    try:
        return msgspec.json.decode(payload)
    except JSON_ERRORS:
        pass
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return NOT_JSON


def scalars(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The scalars in a JSON value with their pointers, in the order in which they are written."""
    if len(above) > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, below in value.items():
            yield from scalars(below, (*above, str(key)))
    elif isinstance(value, list):
        if len(value) <= LONGEST_ARRAY:
            for index, below in enumerate(value):
                yield from scalars(below, (*above, str(index)))
    elif above:
        yield pointer_of(above), value


def at(value: Any, pointer: str) -> Any:
    """What a JSON value holds at a pointer, ``None`` if nothing; the value itself for the empty pointer."""
    for token in tokens_of(pointer):
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value


@dataclass(frozen=True, slots=True)
class Record:
    """One event in a message, as far as it is known before anything is decided.

    Attributes:
        fields: JSON pointer → scalar within the event.
        outside: JSON pointer → scalar of the envelope around it; empty without one.
        key: its key in a map; empty elsewhere.
        message: number of its message in the sample.
    """

    fields: Mapping[str, Any]
    outside: Mapping[str, Any]
    key: str
    message: int


class Field:
    """All values of one field in the sample.

    Args:
        pointer: where it is.
        rows: numbers of the records that have it.
        values: their values, as many; missing ones included.
        decimal: decimal mark of texts that hold numbers.
    """

    def __init__(self, pointer: str, rows: list[int], values: list[Any], decimal: str = ".") -> None:
        self.pointer = pointer
        self.name = tokens_of(pointer)[-1] if pointer else ""
        self.words = readable(pointer)
        self.decimal = decimal
        kept = [(row, value) for row, value in zip(rows, values, strict=True) if not is_missing(value)]
        self.occurrences = len(rows)
        self.rows = [row for row, _ in kept]
        self.values = [value for _, value in kept]

    @cached_property
    def numbered(self) -> list[tuple[int, float]]:
        """Record and number of each value that is one, in order."""
        found = [
            (row, number(value, self.decimal)) for row, value in zip(self.rows, self.values, strict=True)
        ]
        return [(row, value) for row, value in found if value is not None]

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The numbers among the values, in order."""
        return np.array([value for _, value in self.numbered], dtype=np.float64)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether nearly all of the values are numbers or truth values, and there are any."""
        return bool(self.values) and len(self.numbers) >= NUMERIC_SHARE * len(self.values)

    @cached_property
    def is_truth(self) -> bool:
        """Whether all values are true or false, or words for it."""
        return bool(self.values) and all(map(is_truth, self.values))

    @cached_property
    def is_text(self) -> bool:
        """Whether most values are written as texts, of numbers or not."""
        return sum(isinstance(value, str) for value in self.values) > len(self.values) / 2

    @cached_property
    def is_whole(self) -> bool:
        """Whether all numbers are integers."""
        return bool(len(self.numbers)) and bool(np.all(self.numbers == np.rint(self.numbers)))

    @cached_property
    def distinct(self) -> set[str]:
        """The different values as texts."""
        return set(map(str, self.values))


def collect(rows: Iterable[Mapping[str, Any]], decimal: str = ".") -> dict[str, Field]:
    """Collect records column by column: pointer → field, in the order of their first appearance."""
    places: dict[str, list[int]] = {}
    values: dict[str, list[Any]] = {}
    for row, record in enumerate(rows):
        for pointer, value in record.items():
            if pointer not in places:
                if len(places) >= MOST_FIELDS:
                    continue
                places[pointer], values[pointer] = [], []
            places[pointer].append(row)
            values[pointer].append(value)
    return {pointer: Field(pointer, places[pointer], values[pointer], decimal) for pointer in places}
