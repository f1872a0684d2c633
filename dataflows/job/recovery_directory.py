"""Checks the recovery directory before the engine uses it, and reports in one line what is wrong with it.

The engine stores snapshots as pickles in SQLite files, ``part-0.sqlite3`` and so on, and unpickles them at
the start: anyone with write access to the directory can execute code as this user. So its permissions are
checked, and state that names anything beyond plain data and the engine's own windows is refused before the
engine unpickles it, whether an earlier version wrote it or somebody else did. This is not a sandbox, and does
not replace permissions.
"""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import RecoveryError, SnapshotError
from dataflows.job.window_state import is_of_windows, pieces
from dataflows.stored_state import check_layout, unpickle

logger = logging.getLogger(__name__)

DIRECTORY, ADDRESSES = "BYTEWAX_RECOVERY_DIRECTORY", "BYTEWAX_ADDRESSES"
PARTITIONS = "part-*.sqlite3"

START_OVER = "restore a copy of it, or start over with a new one: python -m bytewax.recovery"
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""SQLite's codes for a damaged file; the others are about permissions, disks and other processes."""

EVERY_STATE = "SELECT step_id, state_key, ser_change FROM snaps WHERE ser_change IS NOT NULL"
NEWEST_STATES = """
    SELECT ser_change FROM snaps
    JOIN (SELECT state_key, max(snap_epoch) AS snap_epoch FROM snaps WHERE step_id = :step GROUP BY state_key)
    USING (state_key, snap_epoch)
    WHERE step_id = :step AND ser_change IS NOT NULL
"""
"""Bytewax 0.21 has a row per step, key and epoch; ``ser_change`` is ``NULL`` where a state was discarded."""


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """The options of ``python -m bytewax.run`` about recovery.

    Attributes:
        directory: the recovery directory; ``None`` without recovery.
        single_process: whether this is the only process of the job. Of several, one may have no partition.
    """

    directory: Path | None
    single_process: bool

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> RecoveryOptions:
        """Read them.

        Args:
            arguments: as in ``sys.argv``.
            environment: as ``os.environ``.
        """
        if not is_run_by_engine(arguments):
            return cls(None, single_process=True)
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("-r", "--recovery-directory", default=environment.get(DIRECTORY))
        parser.add_argument("-a", "--addresses", default=environment.get(ADDRESSES))
        found = parser.parse_known_args(arguments[1:])[0]
        directory = found.recovery_directory
        return cls(None if directory is None else Path(directory), single_process=found.addresses is None)


def is_run_by_engine(arguments: Sequence[str]) -> bool:
    """Whether these, as in ``sys.argv``, are of ``python -m bytewax.run``."""
    return bool(arguments) and Path(arguments[0]).parts[-2:] == ("bytewax", "run.py")


def check_recovery_directory(directory: Path, flow: str, *, single_process: bool = True) -> None:
    """Check that the engine can resume from a recovery directory, or use it for a first start.

    Logs a warning about a directory that its group may write to, or that belongs to another user.

    Args:
        directory: the argument of ``-r``.
        flow: id of the flow that uses it.
        single_process: whether all partitions of the job must be here.

    Raises:
        RecoveryError: it is missing, not initialised, writable by everybody, damaged, of another flow, or of
            a version whose state this one cannot read.
    """
    try:
        files = _files(directory)
    except FileNotFoundError:
        raise RecoveryError(
            f"expected the recovery directory {directory} to exist, but it does not; if this is the first "
            f"start: mkdir -m 700 {directory} && python -m bytewax.recovery {directory} 1"
        ) from None
    except OSError as error:
        raise RecoveryError(
            f"expected to be able to read the recovery directory {directory}: {error.strerror}; check its "
            "permissions"
        ) from None
    if not files and single_process:
        raise RecoveryError(
            f"expected {PARTITIONS} in the recovery directory {directory}, found none; if this is the first "
            f"start: python -m bytewax.recovery {directory} 1"
        )
    for path in (directory, *files):
        _check_permissions(path)
    for file in files:
        with _opened(file) as database:
            _check_partition(file, database, flow)


def newest_states(directory: Path | None, flow: str, step: str) -> Iterator[Any]:
    """The newest state of every key of a step, in a directory that has been checked.

    Args:
        directory: the argument of ``-r``; nothing is stored without one.
        flow: id of the flow.
        step: id of the step within it.

    Raises:
        RecoveryError: a file cannot be read any more.
    """
    for file in () if directory is None else _files(directory):
        with _opened(file) as database:
            for (pickled,) in database.execute(NEWEST_STATES, {"step": f"{flow}.{step}"}):
                yield unpickle(pickled)


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.match(PARTITIONS))


def _check_permissions(path: Path) -> None:
    status = path.stat()
    mode = stat.filemode(status.st_mode)
    why = "state is unpickled from there, so anyone with write access can execute code as this user"
    if status.st_mode & stat.S_IWOTH:
        raise RecoveryError(
            f"expected {path} not to be writable by everybody, but its mode is {mode}: {why}; "
            f"chmod -R go-w {path}"
        )
    if status.st_mode & stat.S_IWGRP or status.st_uid not in (0, os.getuid()):
        logger.warning(
            "%s belongs to user %d and its mode is %s: %s; unless all of them are trusted, chown it and "
            "chmod -R go-w",
            path,
            status.st_uid,
            mode,
            why,
        )


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        # The code may be an extended one, whose low byte is the plain one.
        is_damaged = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in DAMAGED
        remedy = START_OVER if is_damaged else "check its permissions and disk, and that no other job uses it"
        raise RecoveryError(f"{file} cannot be used: {error}; {remedy}") from None


def _check_partition(file: Path, database: sqlite3.Connection, flow: str) -> None:
    (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise RecoveryError(f"{file} is damaged: {answer}; {START_OVER}")
    if not database.execute("SELECT count(*) FROM parts").fetchone()[0]:
        raise RecoveryError(f"{file} is damaged: its partition number is missing; {START_OVER}")
    for step, key, pickled in database.execute(EVERY_STATE):
        if not step.startswith(f"{flow}."):
            raise RecoveryError(
                f"expected state of the flow {flow!r} in {file}, got state of {step!r}: another flow or "
                "version uses this recovery directory; give each flow its own"
            )
        try:
            for piece in pieces(unpickle(pickled, is_of_windows)):
                check_layout(piece)
        except SnapshotError as error:
            raise RecoveryError(
                f"{file}: this version cannot read the state of {step!r}, key {key!r}: {error}; finish with "
                "the version that wrote it, or start over with a new directory: python -m bytewax.recovery. "
                "What has been learned is then lost; input resumes at the offsets committed to the consumer "
                "group (Kafka), with unacknowledged messages (MQTT), or at the beginning (recording)"
            ) from None
