"""Deletes what is older than it is to be kept, and the oldest days of what is largest if all is too much."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from dataflows.history.files import day_directory, list_days, remove, remove_if_empty
from dataflows.history.kinds import KIND_NAMES

logger = logging.getLogger(__name__)

MIB = 1 << 20

KEPT_AT_LEAST = 86_400.0
"""Seconds since the last file of a day was written, before which it is not too old."""


class Day(NamedTuple):
    """A day of a kind.

    Attributes:
        kind: name of the kind.
        day: the UTC day.
        size: bytes in it.
        written: when its newest file was written, seconds since 1970.
    """

    kind: str
    day: date
    size: int
    written: float


def apply_retention(
    directory: Path, keep_days: Mapping[str, int], most_bytes: int | None, today: date | None = None
) -> list[Day]:
    """Delete days of files; the caller holds the lock. See `retain`."""
    days = [_looked_at(kind, day, place) for kind in KIND_NAMES for day, place in list_days(directory, kind)]

    def delete(day: Day) -> None:
        place = day_directory(directory, day.kind, day.day)
        with suppress(FileNotFoundError):
            for path in list(place.iterdir()):
                remove(path)
        remove_if_empty(place)

    return retain(days, keep_days, most_bytes, delete, today)


def retain(
    days: Iterable[Day],
    keep_days: Mapping[str, int],
    most_bytes: int | None,
    delete: Callable[[Day], None],
    today: date | None = None,
) -> list[Day]:
    """Delete what is too old or too much.

    The age of a row is that of its own time. A replay of old telemetry is old at once, and is kept for
    `KEPT_AT_LEAST` so that somebody can look at it.

    Args:
        days: all that there are.
        keep_days: kind → days to keep besides today; kinds that are missing are kept.
        most_bytes: most bytes of all files together; ``None`` for no limit. Today is never deleted for it.
        delete: deletes a day.
        today: the UTC day.

    Returns:
        What was deleted.
    """
    now = datetime.now(UTC)
    today = now.date() if today is None else today
    days = list(days)
    old = [
        day
        for day in days
        if day.kind in keep_days
        and (today - day.day).days > keep_days[day.kind]
        and day.written < now.timestamp() - KEPT_AT_LEAST
    ]
    _delete(old, delete, "older than history.keep_days")
    kept = [day for day in days if day not in old]
    too_much = [] if most_bytes is None else _beyond(kept, most_bytes, today)
    _delete(too_much, delete, "all files together were larger than history.max_mib")
    return old + too_much


def _looked_at(kind: str, day: date, place: Path) -> Day:
    size, written = 0, 0.0
    for path in place.iterdir():
        with suppress(FileNotFoundError):
            status = path.stat()
            size += status.st_size
            written = max(written, status.st_mtime)
    return Day(kind, day, size, written)


def _beyond(days: Iterable[Day], most_bytes: int, today: date) -> list[Day]:
    """The oldest day of the kind that is largest, until the rest is small enough."""
    left = sorted(days, key=lambda day: day.day)
    total = sum(day.size for day in left)
    found: list[Day] = []
    while total > most_bytes:
        sizes: dict[str, int] = {}
        for day in left:
            if day.day < today:
                sizes[day.kind] = sizes.get(day.kind, 0) + day.size
        if not sizes:
            logger.warning(
                "the history has %d MiB, expected at most %d (history.max_mib): today is not deleted",
                total // MIB,
                most_bytes // MIB,
            )
            break
        largest = max(sizes, key=lambda kind: sizes[kind])
        oldest = next(day for day in left if day.kind == largest)
        left.remove(oldest)
        found.append(oldest)
        total -= oldest.size
    return found


def _delete(days: Iterable[Day], delete: Callable[[Day], None], why: str) -> None:
    of_kind: dict[str, list[Day]] = {}
    for day in days:
        delete(day)
        of_kind.setdefault(day.kind, []).append(day)
    for kind, deleted in of_kind.items():
        logger.warning(
            "deleted from the history: %s of %d days, %s to %s, %.1f MiB: %s",
            kind,
            len(deleted),
            min(day.day for day in deleted),
            max(day.day for day in deleted),
            sum(day.size for day in deleted) / MIB,
            why,
        )
