"""Finished results on disk, so that a long run can be resumed."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from config.errors import RecordingError

Result = TypeVar("Result", bound=msgspec.Struct)


def add_cache_options(parser: ArgumentParser, default: Path) -> None:
    """Add ``--cache`` and ``--fresh``: where finished results are, and whether to measure them again."""
    parser.add_argument(
        "--cache",
        type=Path,
        default=default,
        metavar="FILE",
        help="finished results, so that a run can be resumed (default: %(default)s)",
    )
    parser.add_argument("--fresh", action="store_true", help="ignore finished results and measure everything")


class _Line(msgspec.Struct, frozen=True):
    key: str
    figures: msgspec.Raw


class ResultsCache(Generic[Result]):
    """Results by key, one JSON line each, appended as soon as they are measured.

    A line that cannot be decoded, such as the last one of a run that was killed, is ignored.

    Args:
        path: the file, which need not exist.
        kind: class of the results.
        fresh: delete what it contains.

    Raises:
        RecordingError: the file cannot be read or, from `put`, written.
    """

    def __init__(self, path: Path, kind: type[Result], *, fresh: bool = False) -> None:
        self._path = path
        self._known: dict[str, Result] = {}
        try:
            if fresh:
                path.unlink(missing_ok=True)
            lines = path.read_bytes().splitlines() if path.exists() else []
        except OSError as error:
            raise self._unusable(error) from None
        for line in lines:
            try:
                known = msgspec.json.decode(line, type=_Line)
                self._known[known.key] = msgspec.json.decode(known.figures, type=kind)
            except msgspec.MsgspecError:
                continue

    def get(self, key: str) -> Result | None:
        """The result stored under a key."""
        return self._known.get(key)

    def put(self, key: str, result: Result) -> None:
        """Store a result under a key."""
        self._known[key] = result
        line = msgspec.json.encode(_Line(key, msgspec.Raw(msgspec.json.encode(result))))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(line + b"\n")
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> RecordingError:
        return RecordingError(
            f"{self._path}: expected a file for finished results, got {error.strerror or error}; see --cache"
        )
