"""Maintains a history in the background of a job."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import duckdb

from config.errors import FleetError
from config.history_settings import HistorySettings, Place
from dataflows.history.store import open_store
from dataflows.metrics import HISTORY_BYTES, HISTORY_FREE

logger = logging.getLogger(__name__)

PROGRAM = "history"
LOW_PRIORITY = 10
"""As in ``nice``."""

TIME_TO_STOP = 5.0
"""Seconds that the end of the process waits for a merge that was interrupted."""


class Maintenance:
    """A thread that maintains a history until the process ends. What goes wrong is logged and tried again."""

    def __init__(self, place: Place, settings: HistorySettings) -> None:
        """Remember what to maintain.

        Raises:
            HistoryError: the package for it is not installed.
        """
        self._place = place
        self._store = open_store(place)
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
        self._measure()
        while not self._stopping.wait(self._settings.maintain_every):
            try:
                self._store.maintain(self._settings, self._stopping.is_set)
            except (FleetError, OSError, duckdb.Error) as error:
                logger.error("%s: %s; trying again later", PROGRAM, " ".join(str(error).split()))
            self._measure()

    def _measure(self) -> None:
        """Measure what the history takes of its disk, and what is left there."""
        if isinstance(self._place, Path):
            with suppress(OSError):
                files = (path for path in self._place.rglob("*") if path.is_file())
                HISTORY_BYTES.set(sum(file.stat().st_size for file in files))
                HISTORY_FREE.set(shutil.disk_usage(self._place).free)
