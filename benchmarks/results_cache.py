"""Finished results on disk, so that a long run can be resumed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.quality_metrics import StreamFigures
from config.errors import RecordingError


class _Line(msgspec.Struct, frozen=True):
    key: str
    figures: StreamFigures


class ResultsCache:
    """Figures by key, one JSON line each, appended as soon as they are measured.

    A line that cannot be decoded, such as the last one of a run that was killed, is ignored.

    Args:
        path: the file, which need not exist.
        fresh: delete what it contains.

    Raises:
        RecordingError: the file cannot be read or, from `put`, written.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path = path
        self._known: dict[str, StreamFigures] = {}
        try:
            if fresh:
                path.unlink(missing_ok=True)
            lines = path.read_bytes().splitlines() if path.exists() else []
        except OSError as error:
            raise self._unusable(error) from None
        for line in lines:
            try:
                known = msgspec.json.decode(line, type=_Line)
            except msgspec.MsgspecError:
                continue
            self._known[known.key] = known.figures

    def get(self, key: str) -> StreamFigures | None:
        """The figures stored under a key."""
        return self._known.get(key)

    def put(self, key: str, figures: StreamFigures) -> None:
        """Store figures under a key."""
        self._known[key] = figures
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(_Line(key, figures)) + b"\n")
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> RecordingError:
        return RecordingError(
            f"{self._path}: expected a file for finished results, got {error.strerror or error}; see --cache"
        )
