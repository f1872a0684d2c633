"""Messages in which every signal is an array of samples, each with its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dataflows.describe.named_values import NAMES_OF_VALUES
from dataflows.describe.names import pointer_of
from dataflows.describe.shape import Record, at, scalars
from dataflows.describe.times import are_times, is_time_name

MOST_LOOKED_AT = 200
"""Messages that decide."""


@dataclass(frozen=True, slots=True)
class Series:
    """Where the samples are.

    Attributes:
        signals: pointers to the arrays.
        time, value: pointers inside an element.
    """

    signals: tuple[str, ...]
    time: str
    value: str


def find_series(objects: Sequence[dict[str, Any]]) -> Series | None:
    """The arrays of samples in messages; ``None`` if these are no series.

    An element is an object with a time, a value and little else, or a pair of time and value.
    """
    found: dict[str, tuple[str, str]] = {}
    for value in objects[:MOST_LOOKED_AT]:
        for pointer, array in _arrays(value):
            if pointer not in found and (places := _places(array)):
                found[pointer] = places
    if not found:
        return None
    [((time, value_at), _)] = Counter(found.values()).most_common(1)
    signals = tuple(pointer for pointer, places in found.items() if places == (time, value_at))
    return Series(signals, time, value_at)


def series_records(values: Sequence[Any], series: Series) -> Iterator[Record]:
    """A record for every sample of every signal; what is outside of the arrays is its envelope."""
    for message, value in enumerate(values):
        if not isinstance(value, dict):
            continue
        outside = {
            pointer: scalar
            for pointer, scalar in scalars(value)
            if not any(pointer.startswith(f"{signal}/") for signal in series.signals)
        }
        for signal in series.signals:
            array = at(value, signal)
            for element in array if isinstance(array, list) else []:
                fields = {series.time: at(element, series.time), signal: at(element, series.value)}
                yield Record(fields, outside, "", message)


def _arrays(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _arrays(below, (*above, key))
    elif isinstance(value, list) and value and above:
        yield pointer_of(above), value


def _places(array: list[Any]) -> tuple[str, str] | None:
    """Pointers to time and value in an element of an array."""
    first = array[0]
    if isinstance(first, list):
        is_pair = all(isinstance(pair, list) and len(pair) == 2 for pair in array)
        return ("/0", "/1") if is_pair and are_times([pair[0] for pair in array]) else None
    if not isinstance(first, dict) or not 2 <= len(first) <= 4:
        return None
    times = [key for key in first if is_time_name(key)]
    values = [key for key in first if key.lower() in NAMES_OF_VALUES and key not in times]
    others = [key for key in first if key not in times[:1] and key not in values[:1]]
    if len(times) != 1 or len(values) != 1 or any(isinstance(first[key], int | float) for key in others):
        return None
    # A record that also says which signal it is belongs to a list of records.
    if any(isinstance(first[key], str) and len({str(each.get(key)) for each in array}) > 1 for key in others):
        return None
    return pointer_of(times), pointer_of(values)
