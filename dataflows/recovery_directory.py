"""Looks at the recovery directory before the engine does, and says in one line what is wrong with it.

The engine stores snapshots in SQLite files, ``part-0.sqlite3`` and so on, and unpickles them at the start:
who can write to the directory can run code as us.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import stat
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from config.errors import RecoveryError

VARIABLE = "BYTEWAX_RECOVERY_DIRECTORY"
PARTITIONS = "part-*.sqlite3"

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

AFRESH = "put back a copy of it, or start afresh with a new one: python -m bytewax.recovery"


def recovery_directory(arguments: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """The recovery directory that ``python -m bytewax.run`` is given; ``None`` without recovery.

    Args:
        arguments: as in ``sys.argv``.
        environment: as ``os.environ``.
    """
    if not arguments or Path(arguments[0]).parts[-2:] != ("bytewax", "run.py"):
        return None
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-r", "--recovery-directory", default=environment.get(VARIABLE))
    directory = parser.parse_known_args(arguments[1:])[0].recovery_directory
    return None if directory is None else Path(directory)


def check_recovery_directory(directory: Path, flow: str) -> None:
    """See that the engine can go on from a recovery directory, or begin in it.

    Args:
        directory: what ``-r`` names.
        flow: the flow that wants to use it.

    Raises:
        RecoveryError: it is missing, not initialised, writable by others, damaged, or of another flow.
    """
    if not directory.is_dir():
        raise RecoveryError(
            f"expected the recovery directory {directory} to exist, and it does not; if this is the first "
            f"start: mkdir -p {directory} && python -m bytewax.recovery {directory} 1"
        )
    files = sorted(directory.glob(PARTITIONS))
    if not files:
        raise RecoveryError(
            f"expected {PARTITIONS} in the recovery directory {directory}, found none; if this is the first "
            f"start: python -m bytewax.recovery {directory} 1"
        )
    for path in (directory, *files):
        _refuse_if_others_may_write(path)
    for file in files:
        _check_partition(file, flow)


def _refuse_if_others_may_write(path: Path) -> None:
    status = path.stat()
    if status.st_uid not in (0, os.getuid()):
        raise RecoveryError(
            f"expected {path} to be ours, it belongs to user {status.st_uid}: what is in a recovery "
            "directory is unpickled, so its owner can run code as us; chown it, or take another directory"
        )
    if status.st_mode & OTHERS_MAY_WRITE:
        raise RecoveryError(
            f"expected nobody else to have write access to {path}, its mode is "
            f"{stat.filemode(status.st_mode)}: what is in a recovery directory is unpickled, so who can "
            f"write to it can run code as us; chmod -R go-w {path}"
        )


def _check_partition(file: Path, flow: str) -> None:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise RecoveryError(f"{file} is damaged: {answer}; {AFRESH}")
            if not database.execute("SELECT count(*) FROM parts").fetchone()[0]:
                raise RecoveryError(f"{file} is damaged: it does not know its number; {AFRESH}")
            steps = [step for (step,) in database.execute("SELECT DISTINCT step_id FROM snaps")]
    except sqlite3.Error as error:
        raise RecoveryError(f"{file} cannot be used: {error}; {AFRESH}") from None
    for step in steps:
        if not step.startswith(f"{flow}."):
            raise RecoveryError(
                f"expected state of the flow {flow!r} in {file}, got some of {step!r}: another flow or "
                "version uses this recovery directory; give each flow its own"
            )
