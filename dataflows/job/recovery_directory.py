"""Looks at the recovery directory before the engine does, and says in one line what is wrong with it.

The engine stores snapshots in SQLite files, ``part-0.sqlite3`` and so on, and unpickles them at the start:
who can write to the directory can run code as us.
"""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import stat
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from config.errors import RecoveryError

logger = logging.getLogger(__name__)

DIRECTORY, ADDRESSES = "BYTEWAX_RECOVERY_DIRECTORY", "BYTEWAX_ADDRESSES"
PARTITIONS = "part-*.sqlite3"

AFRESH = "put back a copy of it, or start afresh with a new one: python -m bytewax.recovery"
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""What SQLite says of a file that is not what it was; the rest is about rights, disks and other processes."""


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """What ``python -m bytewax.run`` is told about recovery.

    Attributes:
        directory: where; ``None`` without recovery.
        alone: whether this is the only process of the job. Of several, one may have no partition.
    """

    directory: Path | None
    alone: bool

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> RecoveryOptions:
        """Read them.

        Args:
            arguments: as in ``sys.argv``.
            environment: as ``os.environ``.
        """
        if not arguments or Path(arguments[0]).parts[-2:] != ("bytewax", "run.py"):
            return cls(None, alone=True)
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("-r", "--recovery-directory", default=environment.get(DIRECTORY))
        parser.add_argument("-a", "--addresses", default=environment.get(ADDRESSES))
        found = parser.parse_known_args(arguments[1:])[0]
        directory = found.recovery_directory
        return cls(None if directory is None else Path(directory), alone=found.addresses is None)


def check_recovery_directory(directory: Path, flow: str, *, alone: bool = True) -> None:
    """See that the engine can go on from a recovery directory, or begin in it.

    A directory that its owner's group may write to, or that belongs to another user, is told in the log.

    Args:
        directory: what ``-r`` names.
        flow: the flow that wants to use it.
        alone: whether all of the job's partitions must be here.

    Raises:
        RecoveryError: it is missing, not initialised, writable by everybody, damaged, or of another flow.
    """
    try:
        files = sorted(path for path in directory.iterdir() if path.match(PARTITIONS))
    except FileNotFoundError:
        raise RecoveryError(
            f"expected the recovery directory {directory} to exist, and it does not; if this is the first "
            f"start: mkdir -m 700 {directory} && python -m bytewax.recovery {directory} 1"
        ) from None
    except OSError as error:
        raise RecoveryError(
            f"expected to be able to read the recovery directory {directory}: {error.strerror}; see to its "
            "rights"
        ) from None
    if not files and alone:
        raise RecoveryError(
            f"expected {PARTITIONS} in the recovery directory {directory}, found none; if this is the first "
            f"start: python -m bytewax.recovery {directory} 1"
        )
    for path in (directory, *files):
        _check_who_may_write(path)
    for file in files:
        _check_partition(file, flow)


def _check_who_may_write(path: Path) -> None:
    status = path.stat()
    mode = stat.filemode(status.st_mode)
    why = "what is in a recovery directory is unpickled, so who can write to it can run code as us"
    if status.st_mode & stat.S_IWOTH:
        raise RecoveryError(
            f"expected nobody else to have write access to {path}, its mode is {mode}: {why}; "
            f"chmod -R go-w {path}"
        )
    if status.st_mode & stat.S_IWGRP or status.st_uid not in (0, os.getuid()):
        logger.warning(
            "%s belongs to user %d, its mode is %s: %s; chown it and chmod -R go-w, unless all who can are "
            "to be trusted",
            path,
            status.st_uid,
            mode,
            why,
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
        # The code may be an extended one: the plain one is its low byte.
        is_damaged = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in DAMAGED
        remedy = AFRESH if is_damaged else "see to its rights and its disk, and that no other job uses it"
        raise RecoveryError(f"{file} cannot be used: {error}; {remedy}") from None
    for step in steps:
        if not step.startswith(f"{flow}."):
            raise RecoveryError(
                f"expected state of the flow {flow!r} in {file}, got some of {step!r}: another flow or "
                "version uses this recovery directory; give each flow its own"
            )
