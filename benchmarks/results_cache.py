"""Finished results on disk, so that a long run can be resumed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.quality_metrics import StreamFigures


class _Line(msgspec.Struct, frozen=True):
    key: str
    figures: StreamFigures


class ResultsCache:
    """Figures by key, one JSON line each, appended as soon as they are known.

    A line that is no result, like the last one of a run that was killed, is ignored.

    Args:
        path: the file; it need not exist.
        fresh: forget what it holds.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path = path
        self._known: dict[str, StreamFigures] = {}
        if fresh:
            path.unlink(missing_ok=True)
        elif path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    known = msgspec.json.decode(line, type=_Line)
                except msgspec.MsgspecError:
                    continue
                self._known[known.key] = known.figures

    def get(self, key: str) -> StreamFigures | None:
        """The figures kept under a key."""
        return self._known.get(key)

    def put(self, key: str, figures: StreamFigures) -> None:
        """Keep figures."""
        self._known[key] = figures
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(_Line(key, figures)) + b"\n")
