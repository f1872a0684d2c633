"""Which snapshots of a running job are complete, seen from outside in its recovery directory."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scripts.waiting import wait_until


class SnapshotWatch:
    """Watches in the recovery directory which snapshots are complete; a context.

    Bytewax resumes at the smallest frontier of the last execution: the epochs before are in snapshots.
    """

    def __init__(self, recovery: Path) -> None:
        self._files = sorted(recovery.glob("part-*.sqlite3"))
        self._advances: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def covered(self) -> float:
        """All events that had been scored by then (seconds since 1970) are covered by a snapshot.

        An event belongs to the epoch that is open when it is scored. That the epoch before is complete may
        be seen here only later; so when two have been seen to become complete since, it was one of them.
        """
        return self._advances[-2] if len(self._advances) > 1 else -math.inf

    def count(self) -> int:
        """How many snapshots have been completed so far, as seen from here."""
        return len(self._advances)

    def _run(self) -> None:
        last: tuple[int, int] | None = None
        while not self._stop.wait(0.01):
            with suppress(sqlite3.OperationalError):
                now = frontier(self._files)
                # The first frontier of an execution is where it resumed.
                if last is not None and now is not None and now > last and now[0] == last[0]:
                    self._advances.append(time.time())
                last = now

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


def wait_until_one_begins(recovery: Path) -> None:
    """Return when something is written to the files again after they have been left alone for a while."""
    quiet = 0.2
    last, since = _written(recovery), time.monotonic()

    def begins() -> bool:
        nonlocal last, since
        now, was_quiet = _written(recovery), time.monotonic() - since > quiet
        if now == last:
            return False
        last, since = now, time.monotonic()
        return was_quiet

    wait_until(begins, f"a snapshot in {recovery}")


def _written(recovery: Path) -> list[int]:
    return [file.stat().st_mtime_ns for file in sorted(recovery.glob("part-*.sqlite3-wal"))]


def is_incomplete(recovery: Path) -> bool:
    """Whether the files hold a part of a snapshot that is not complete; no job will use it."""
    files = sorted(recovery.glob("part-*.sqlite3"))
    resume = frontier(files)
    newest = max(epoch for file in files for (epoch,) in _rows(file, "SELECT max(snap_epoch) FROM snaps"))
    return resume is not None and newest >= resume[1]


def frontier(files: list[Path]) -> tuple[int, int] | None:
    """Number of the last execution and the epoch at which the next one would resume; ``None`` before it.

    Raises:
        sqlite3.OperationalError: the job is about to change a file; ask again.
    """
    rows: list[tuple[int, int]] = []
    for file in files:
        rows += _rows(file, "SELECT ex_num, worker_frontier FROM fronts")
    if not rows:
        return None
    last = max(execution for execution, _ in rows)
    return last, min(epoch for execution, epoch in rows if execution == last)


def _rows(file: Path, query: str) -> list[Any]:
    # Read only, so that what a crash has left behind is left to the job to repair.
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
