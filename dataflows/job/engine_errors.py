"""Errors of the engine, as errors that say what to do."""

from __future__ import annotations

import re

from config.errors import FleetError, LostProcessError, RecoveryError
from dataflows.job.recovery_directory import START_OVER

_SQLITE_FAILURE = re.compile(r'SqliteFailure\(.*?Some\("(?P<reason>.*?)"\)')
_PARTITION_ERRORS = ("MissingPartitionsError", "NoPartitionsError", "InconsistentPartitionsError")
_LOST_PEER = re.compile(r"(Send|Recv|Send/Recv) thread panic|Communication|connection reset", re.IGNORECASE)


def translate_engine_error(error: BaseException) -> FleetError | None:
    """The `FleetError` that an exception of the engine stands for; ``None`` if it is not a known one.

    The engine passes SQLite's errors on as the text of a `RuntimeError`, has exceptions of its own for
    missing files, and panics when it loses another process of the job.
    """
    if type(error).__name__ in _PARTITION_ERRORS:
        return RecoveryError(f"the recovery directory cannot be used: {error}; {START_OVER}")
    if type(error).__name__ == "PanicException" and _LOST_PEER.search(str(error)):
        return LostProcessError(
            "a peer process of this job exited or became unreachable; restart all processes, they resume "
            "from the last snapshot"
        )
    found = _SQLITE_FAILURE.search(str(error)) if isinstance(error, RuntimeError) else None
    if found is None:
        return None
    reason = found["reason"]
    if "malformed" in reason or "not a database" in reason:
        return RecoveryError(f"the recovery directory cannot be used: {reason}; {START_OVER}")
    return RecoveryError(
        f"the recovery directory cannot be written or read: {reason}; nothing is lost: check the disk's free "
        "space and that no other job uses the directory, and restart; the job resumes from the last snapshot"
    )
