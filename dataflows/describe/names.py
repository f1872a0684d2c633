"""Names of fields as words: ``vehicleSpeed_kmh`` is "vehicle speed kmh"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[A-ZÀ-Þ]+(?![a-zß-ÿ])|[A-ZÀ-Þ]?[a-zß-ÿ]+|\d+")


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, without what separates them.

    Numbers are words of their own: "engineTemp2" → ("engine", "temp", "2").
    """
    return tuple(word.lower() for word in _WORD.findall(name))


def pointer_of(tokens: Iterable[str]) -> str:
    """The JSON pointer (RFC 6901) to what is under these keys and indices."""
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def tokens_of(pointer: str) -> tuple[str, ...]:
    """The inverse of `pointer_of`."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def readable(pointer: str) -> str:
    """The words of the whole pointer, joined by spaces: "/engine/rpm" → "engine rpm"."""
    return " ".join(word for token in tokens_of(pointer) for word in words(token))


def signal_names(pointers: Iterable[str]) -> dict[str, str]:
    """Pointer → a name for the signal, unique: its last key, with those above it where that is not unique.

    An index in an array is no name, so the key above it is always added: "/location/0" → "location_0".
    """
    every = list(pointers)
    depth = {pointer: 2 if tokens_of(pointer)[-1].isdigit() else 1 for pointer in every}
    while True:
        names = {pointer: "_".join(tokens_of(pointer)[-depth[pointer] :]) or "_" for pointer in every}
        taken: dict[str, list[str]] = {}
        for pointer, name in names.items():
            taken.setdefault(name, []).append(pointer)
        repeated = [pointer for same in taken.values() if len(same) > 1 for pointer in same]
        longer = [pointer for pointer in repeated if depth[pointer] < len(tokens_of(pointer))]
        if not longer:
            break
        for pointer in longer:
            depth[pointer] += 1
    # Different pointers can still give one name ("/a/b" and "/a_b").
    for same in taken.values():
        for number, pointer in enumerate(same[1:], start=2):
            while f"{names[pointer]}_{number}" in taken:
                number += 1
            names[pointer] = f"{names[pointer]}_{number}"
    return names
