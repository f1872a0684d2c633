"""What holds the records of a message: an object that is a map of them, or an array or map in an envelope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from dataflows.describe.names import pointer_of
from dataflows.describe.shape import at, scalars
from dataflows.describe.times import are_times, is_time_name
from dataflows.describe.vehicle import is_vehicle_name

LOOKED_AT = 200
"""Messages that decide what the layout is; the others are counted where they do not fit."""

Key = Literal["", "vehicle", "time"]
"""What the keys of a map are; empty if it is none."""


def key_of_map(objects: Sequence[Any]) -> Key:
    """What the keys are if these objects are maps of similar events; empty if they are not.

    A nested event, ``{"engine": {…}, "gps": {…}}``, is not a map: its inner objects have different fields.
    """
    maps = [value for value in objects if isinstance(value, dict) and value]
    if not maps or len(maps) < 0.9 * len(objects):
        return ""
    inner = [part for value in maps for part in value.values()]
    if sum(isinstance(part, dict) for part in inner) < 0.98 * len(inner):
        return ""
    inner = [part for part in inner if isinstance(part, dict) and part]
    keys = [key for value in maps for key in value]
    if not inner or not _are_alike(inner):
        return ""
    if are_times(sorted(set(keys))):
        return "time"
    repeats_key = sum(key in part.values() for value in maps for key, part in value.items() if part)
    has_digits = sum(any(character.isdigit() for character in key) for key in keys)
    several = max(map(len, maps)) > 1
    if repeats_key > 0.9 * len(keys) or (has_digits > 0.9 * len(keys) and len(inner[0]) > 1):
        return "vehicle"
    return "vehicle" if several and len(set(keys)) > 2 * max(map(len, maps)) else ""


def _are_alike(inner: list[dict[str, Any]]) -> bool:
    counts = Counter(key for part in inner for key in part)
    common = {key for key, count in counts.items() if count >= len(inner) / 2}
    if not common:
        return False
    overlap = [len(common & part.keys()) / len(common | part.keys()) for part in inner]
    return sum(overlap) / len(overlap) >= 0.6


def find_envelope(objects: list[dict[str, Any]]) -> tuple[str, Key] | None:
    """Pointer to what holds the records of these messages, and what its keys are if it is a map."""
    best: tuple[int, str, Key] | None = None
    for pointer in dict.fromkeys(pointer for value in objects for pointer in _containers(value)):
        found = [at(value, pointer) for value in objects]
        present = [part for part in found if part]
        key: Key = ""
        if all(isinstance(part, list) for part in present):
            elements = [element for part in present for element in part]
        elif key := key_of_map(present):
            elements = [element for part in present for element in part.values()]
        else:
            continue
        elements = [element for element in elements if isinstance(element, dict)]
        if not elements:
            continue
        inside = _measured(elements)
        outside = _measured(objects, pointer)
        if inside and inside >= outside and (best is None or inside > best[0]):
            best = inside, pointer, key
    return None if best is None else best[1:]


def _containers(value: Any, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Pointers to the arrays of objects and to the objects below an object, not looking into arrays."""
    if not isinstance(value, dict) or len(above) > 4:
        return
    for key, below in value.items():
        path = (*above, key)
        if isinstance(below, list) and below and all(isinstance(element, dict) for element in below):
            yield pointer_of(path)
        elif isinstance(below, dict):
            if below and all(isinstance(member, dict) for member in below.values()):
                yield pointer_of(path)
            yield from _containers(below, path)


def _measured(objects: Sequence[Any], without: str = "") -> int:
    """How many different numbers these objects hold that are neither times nor ids."""
    found = set()
    for value in objects[:LOOKED_AT]:
        for pointer, scalar in scalars(value):
            if not (without and pointer.startswith(f"{without}/")) and is_measured(pointer, scalar):
                found.add(pointer)
    return len(found)


def is_measured(pointer: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    name = pointer.rpartition("/")[2]
    return not is_time_name(name) and not is_vehicle_name(name)
