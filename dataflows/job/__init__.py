"""What every job does before its dataflow is built: logging, errors in one line, the recovery directory."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
    if is_run_by_engine(sys.argv):
        hide_crash_reports()
    configure_logging()
    install_excepthook(flow, translate_engine_error)
    with exit_on_error(flow):
        recovery = RecoveryOptions.of(sys.argv, os.environ)
        if recovery.directory is not None:
            check_recovery_directory(recovery.directory, flow, single_process=recovery.single_process)
        yield partial(newest_states, recovery.directory, flow)
    tune_gc()


def tune_gc() -> None:
    """Exclude long-lived objects from garbage collection, and collect less often.

    What has been imported and built lives as long as the process; each time the collector scanned it, events
    would wait for a tenth of a second. A batch holds thousands of objects, which are freed without the
    collector, but would trigger it several times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
