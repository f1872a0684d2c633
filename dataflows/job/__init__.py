"""What every job does before its dataflow is built: logs, errors in one line, the recovery directory."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.errors import exit_on_error, install_excepthook
from config.logs import configure_logging
from dataflows.job.engine_errors import translate_engine_error
from dataflows.job.recovery_directory import RecoveryOptions, check_recovery_directory

OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""Python's own 700 is less than a tenth of a batch."""


@contextmanager
def job(flow: str) -> Iterator[None]:
    """Prepare this process to run a flow; around loading the settings and building it.

    Args:
        flow: its id; lines on standard error start with it.

    Raises:
        SystemExit: after one line on standard error, if what is done within raises a `FleetError`, or if the
            recovery directory that the engine was given cannot be used.
    """
    configure_logging()
    install_excepthook(flow, translate_engine_error)
    with exit_on_error(flow):
        recovery = RecoveryOptions.of(sys.argv, os.environ)
        if recovery.directory is not None:
            check_recovery_directory(recovery.directory, flow, alone=recovery.alone)
        yield
    tune_gc()


def tune_gc() -> None:
    """Keep the garbage collector from going through what is not garbage.

    What was imported and built stays for as long as the process: each time the collector went through it,
    events would wait for a tenth of a second. A batch of events holds thousands of objects that are freed
    without it, but would make it run several times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
