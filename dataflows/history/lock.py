"""One process at a time merges and deletes files. Writing new ones and reading need no lock."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


@contextmanager
def locked(directory: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock of a history; the system releases it when the process dies.

    Args:
        directory: of the history; it is there.
        wait: whether to wait for another process that holds it.

    Yields:
        Whether we hold it.
    """
    with (directory / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
