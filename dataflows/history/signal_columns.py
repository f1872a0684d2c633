"""Columns that are named after signals.

`speed` becomes `speed`, `speed_expected`, … among events, and `speed_mean`, … among rollups. SQL knows no
capitals in names, and a signal may be called like a column that is there already: `status`, or
`speed_expected` beside `speed`. Such a signal gets an underscore behind its name. Whether it does depends on
the name alone, so that its columns are called the same in every file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from dataflows.history.kinds import Kind


def stem(kind: Kind, signal: str) -> str:
    """What the names of a signal's columns are made of.

    Two signals never share a column: no stem ends in a suffix, and what is left of a column without its
    suffix is one stem, from which the underscore that was added can be taken away again.
    """
    name = signal.lower()
    taken = {column.lower() for column in kind.columns} | {"day"}
    around = [f"{name}{suffix}" for suffix in kind.suffixes] + [f"{prefix}{name}" for prefix in kind.prefixes]
    is_ambiguous = (
        not name
        or name.endswith(("_", *filter(None, kind.suffixes)))
        or any(column in taken for column in around)
    )
    return f"{signal}_" if is_ambiguous else signal


def stems(kind: Kind, signals: Iterable[str]) -> dict[str, str]:
    """Signal → its stem; of signals that differ in capitals only, all but the first get a digest as well."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for signal in sorted(signals):
        name = stem(kind, signal)
        if name.lower() in seen:
            name = f"{name}_{hashlib.blake2b(signal.encode(), digest_size=4).hexdigest()}"
        seen.add(name.lower())
        found[signal] = name
    return found
