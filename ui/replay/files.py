"""The files that can be replayed: those of one directory, so that nothing from a browser leads elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from dataflows.events import JSON_ERRORS
from dataflows.recordings import open_recording

MOST_FILES = 500
"""Files that are offered, at most."""

DEEPEST = 3
"""Directories that lead to a file, at most."""

LOOKED_AT = 20
"""Messages of a file that tell whether it holds scored events."""

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
GZIP = ".gz"

ALERTS = "alerts"
OTHER_RESULTS = frozenset({ALERTS, "dead_letters", "dead-letters", "rollups", "late"})
"""Names of what the job writes beside the scored events."""


class _Scored(msgspec.Struct):
    event_id: str
    vehicle_id: str
    reconstruction_error: float


_SCORED = msgspec.json.Decoder(_Scored)


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that can be chosen.

    Attributes:
        name: its path below the directory.
        path: where it is.
        size: in bytes.
        changed_at: when it was last written, nanoseconds since the epoch.
    """

    name: str
    path: Path
    size: int
    changed_at: int


def offered_files(directory: Path) -> list[OfferedFile]:
    """The recordings below a directory, the newest first; none if there is no such directory."""
    root = directory.resolve()
    found = [file for path in islice(_paths(root, 0), MOST_FILES) if (file := _offered(root, path))]
    return sorted(found, key=lambda file: (-file.changed_at, file.name))


def is_scored(path: Path) -> bool:
    """Whether a recording holds events with scores, and not telemetry as vehicles sent it.

    Raises:
        RecordingError: it cannot be read.
    """
    batch = next(open_recording(path).read(batch_size=LOOKED_AT), None)
    return batch is not None and any(map(_has_score, batch.payloads))


def scoring_command(path: Path, directory: Path) -> str:
    """The command that scores the telemetry in a file, with its results where this page finds them."""
    results = directory / path.name.split(".")[0]
    settings = {
        "SOURCE__KIND": "recording",
        "RECORDING__INPUT": str(path),
        "SINK__KIND": "recording",
        "RECORDING__RESULTS": str(results),
    }
    assigned = " ".join(f"FLEET__{name}={shlex.quote(value)}" for name, value in settings.items())
    return f"{assigned} python -m bytewax.run dataflows.fleet"


def alerts_beside(path: Path) -> Path | None:
    """The file with the alerts that were made together with scored events, if there is one."""
    candidates = [path.with_name(f"{ALERTS}.jsonl{gzip}") for gzip in ("", GZIP)]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _has_score(payload: bytes) -> bool:
    try:
        _SCORED.decode(payload)
    except JSON_ERRORS:
        return False
    return True


def _paths(directory: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and depth < DEEPEST:
            yield from _paths(entry, depth + 1)
        elif _is_recording(entry):
            yield entry


def _is_recording(path: Path) -> bool:
    name = path.name.lower().removesuffix(GZIP)
    return name.endswith(SUFFIXES) and name.split(".")[0] not in OTHER_RESULTS


def _offered(root: Path, path: Path) -> OfferedFile | None:
    try:
        if not path.resolve().is_relative_to(root):
            return None
        status = path.stat()
    except OSError:
        return None
    return OfferedFile(str(path.relative_to(root)), path, status.st_size, status.st_mtime_ns)
