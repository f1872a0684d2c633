"""Sets damaged files aside, merges small ones and deletes old ones, in the background of a job."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from config.errors import FleetError
from config.history_settings import HistorySettings
from dataflows.history.compaction import SPILL, compact
from dataflows.history.files import SUFFIX, TEMPORARY, is_whole, list_files, remove, set_aside
from dataflows.history.kinds import KINDS
from dataflows.history.lock import locked
from dataflows.history.retention import apply_retention

logger = logging.getLogger(__name__)

PROGRAM = "history"
ABANDONED = 3600.0
"""Seconds after which a file that nobody has finished counts as left behind by a process that was killed."""

MIB = 1 << 20
LOW_PRIORITY = 10
"""As in ``nice``."""

TIME_TO_STOP = 5.0
"""Seconds that the end of the process waits for a merge that was interrupted."""


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


class Maintenance:
    """A thread that maintains a history until the process ends. What goes wrong is logged and tried again."""

    def __init__(self, directory: Path, settings: HistorySettings) -> None:
        self._directory = directory
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Begin. The end of the process waits for what is under way, `TIME_TO_STOP` at most."""
        atexit.register(self.stop)
        self._thread.start()

    def stop(self) -> None:
        """End it. A merge that does not end in time is lost, and nothing else."""
        self._stopping.set()
        self._thread.join(TIME_TO_STOP)

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
        while not self._stopping.wait(self._settings.maintain_every):
            try:
                maintain(self._directory, self._settings, self._stopping.is_set)
            except (FleetError, OSError, duckdb.Error) as error:
                logger.error("%s: %s; trying again later", PROGRAM, " ".join(str(error).split()))
