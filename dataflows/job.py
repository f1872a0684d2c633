"""What every job does before its dataflow is built: logs, errors in one line, the recovery directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.errors import exit_in_one_line, report_in_one_line
from config.logs import configure_logging
from dataflows.engine_errors import told_by_the_engine
from dataflows.recovery_directory import check_recovery_directory, recovery_directory


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
    report_in_one_line(flow, told_by_the_engine)
    with exit_in_one_line(flow):
        directory = recovery_directory(sys.argv, os.environ)
        if directory is not None:
            check_recovery_directory(directory, flow)
        yield
