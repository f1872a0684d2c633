"""What every job does before its dataflow is built: logging, errors in one line, the recovery directory."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from config.errors import exit_on_error, install_excepthook
from config.logs import configure_logging
from dataflows.job.crash_report import hide_crash_reports
from dataflows.job.engine_errors import translate_engine_error
from dataflows.job.recovery_directory import (
    RecoveryOptions,
    check_recovery_directory,
    is_run_by_engine,
    newest_states,
)

GC_THRESHOLD = 100_000
"""Objects created between two collections. Python's default of 700 is less than a tenth of a batch."""


@contextmanager
def job(flow: str) -> Iterator[Callable[[str], Iterator[Any]]]:
    """Prepare this process to run a flow; a context around loading the settings and building the flow.

    Args:
        flow: its id; lines on standard error start with it.

    Yields:
        A function that returns the newest states of a step, by the step's id, for it to check before the
        engine starts.

    Raises:
        SystemExit: after one line on standard error, if a `FleetError` is raised within, or if the engine was
            given a recovery directory that cannot be used.
    """
    is_job = is_run_by_engine(sys.argv)
    if is_job:
        hide_crash_reports()
    configure_logging(flow)
    install_excepthook(flow, translate_engine_error)
    with exit_on_error(flow):
        recovery = RecoveryOptions.of(sys.argv, os.environ)
        if recovery.directory is not None:
            check_recovery_directory(recovery.directory, flow, single_process=recovery.single_process)
        yield partial(newest_states, recovery.directory, flow)
    if is_job:
        _log_life(flow, recovery.directory)
    tune_gc()


def _log_life(flow: str, recovery: Path | None) -> None:
    """Log that the job starts, and, when the process ends without an error, that it has stopped."""
    logger = logging.getLogger(flow)
    fields = {"recovery": None if recovery is None else str(recovery)}
    logger.info("starting %s", _how(recovery), extra=fields)

    def log_end() -> None:
        # The interpreter keeps an error that nobody caught, and which has been reported.
        if not hasattr(sys, "last_value"):
            logger.info("stopped")

    atexit.register(log_end)


def _how(recovery: Path | None) -> str:
    return "without recovery" if recovery is None else f"with the recovery directory {recovery}"


def tune_gc() -> None:
    """Exclude long-lived objects from garbage collection, and collect less often.

    What has been imported and built lives as long as the process; each time the collector scanned it, events
    would wait for a tenth of a second. A batch holds thousands of objects, which are freed without the
    collector, but would trigger it several times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
