"""Sets damaged files aside, merges small ones and deletes old ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.history_settings import HistorySettings
from dataflows.history.compaction import SPILL, compact
from dataflows.history.files import SUFFIX, TEMPORARY, is_whole, list_files, remove, set_aside
from dataflows.history.kinds import KINDS
from dataflows.history.lock import locked
from dataflows.history.retention import apply_retention

PROGRAM = "history"
ABANDONED = 3600.0
"""Seconds after which a file that nobody has finished counts as left behind by a process that was killed."""

MIB = 1 << 20


def maintain(
    directory: Path, settings: HistorySettings, is_stopping: Callable[[], bool] = lambda: False
) -> bool:
    """Do once what is due; returns whether it was done, or another process is at it.

    Args:
        directory: of the history.
        settings: the section ``[history]``.
        is_stopping: whether to begin no further merge.

    Raises:
        HistoryError: a merged file cannot be written.
        duckdb.Error: files cannot be merged for a reason that is none of theirs.
        OSError: files cannot be read or deleted.
    """
    if not directory.is_dir():
        return True
    with locked(directory, wait=False) as is_ours:
        if not is_ours:
            return False
        _remove_left_behind(directory)
        for kind in KINDS.values():
            for file in list_files(directory, kind.name):
                with suppress(FileNotFoundError):
                    if not is_whole(file.path):
                        set_aside(file.path, PROGRAM)
        most = None if settings.max_mib is None else settings.max_mib * MIB
        apply_retention(directory, {str(kind): days for kind, days in settings.keep_days.items()}, most)
        for kind in KINDS.values():
            compact(directory, kind, settings.merge_files, settings.merge_after, PROGRAM, is_stopping)
    return True


def _remove_left_behind(directory: Path) -> None:
    for path in (*directory.glob(f"*/day=*/.*{SUFFIX}{TEMPORARY}"), *directory.glob(f"{SPILL}/*")):
        with suppress(FileNotFoundError, IsADirectoryError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                remove(path)
