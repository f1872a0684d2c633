"""What errors of the engine mean to whoever runs the job."""

from __future__ import annotations

import re

from config.errors import FleetError, LostProcessError, RecoveryError
from dataflows.job.recovery_directory import AFRESH

_SQLITE_SAYS = re.compile(r'SqliteFailure\(.*?Some\("(?P<reason>.*?)"\)')
_PARTITIONS = ("MissingPartitionsError", "NoPartitionsError", "InconsistentPartitionsError")
_LOST_ANOTHER = re.compile(
    r"(Send|Recv|Send/Recv) thread panic|Communication|connection reset", re.IGNORECASE
)


def translate_engine_error(error: BaseException) -> FleetError | None:
    """The error in words that one of the engine stands for; ``None`` if it stands for none that is known.

    The engine passes on what SQLite says as the text of a `RuntimeError`, has errors of its own where files
    are missing, and panics when another process of the job is gone.
    """
    if type(error).__name__ in _PARTITIONS:
        return RecoveryError(f"the recovery directory cannot be used: {error}; {AFRESH}")
    if type(error).__name__ == "PanicException" and _LOST_ANOTHER.search(str(error)):
        return LostProcessError(
            "lost another process of this job: it has ended, or cannot be reached any more; start all of "
            "them again, they go on from the last snapshot"
        )
    found = _SQLITE_SAYS.search(str(error)) if isinstance(error, RuntimeError) else None
    if found is None:
        return None
    reason = found["reason"]
    if "malformed" in reason or "not a database" in reason:
        return RecoveryError(f"the recovery directory cannot be used: {reason}; {AFRESH}")
    return RecoveryError(
        f"the recovery directory cannot be written or read: {reason}; nothing is lost: make room, or see to "
        "the disk and that no other job uses it, and start again; it goes on from the last snapshot"
    )
