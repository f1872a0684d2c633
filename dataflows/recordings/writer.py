"""Writing recordings and results as JSON lines, in files that survive a kill and can be appended to."""

from __future__ import annotations

import gzip
import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from config.errors import RecordingError
from dataflows.messages import MessageBatch
from dataflows.recordings.envelope import encode
from dataflows.recordings.lines import GZIP_SUFFIX

logger = logging.getLogger(__name__)

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson", ".json")
MEMBER_BYTES = 1 << 20
"""Uncompressed bytes after which a gzip member is written without waiting for a flush."""

_CHUNK_BYTES = 1 << 16
_GZIP_WINDOW = 31  # zlib's wbits for gzip


class LineWriter:
    """What the writers share: a file that grows by whole lines; gzip if its name ends in ``.gz``.

    A plain file shows every line as soon as it is written. A gzip file grows by whole members, at every
    flush and after every `MEMBER_BYTES`. So it can be read at any time, whatever happens to this process,
    and be cut at any position that `flush` returned.

    Args:
        path: the file; missing directories are created.
        append_at: position from `flush` or `end_of_lines` at which to append; what follows it in the file is
            cut off. ``None`` or 0 replaces the file.

    Raises:
        RecordingError: the suffix is unknown, the file cannot be written, or it is shorter than `append_at`.
    """

    def __init__(self, path: Path, append_at: int | None = None) -> None:
        check_output(path)
        self._path = path
        self._gzip = path.suffix.lower() == GZIP_SUFFIX
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("r+b" if append_at and path.exists() else "w+b")
            if append_at:
                self._cut_at(append_at)

    @property
    def position(self) -> int:
        """Size of the file in bytes, without lines that wait for a flush."""
        return self._file.tell()

    def flush(self) -> int:
        """Force everything written so far to disk, so that it survives a power failure.

        Returns:
            the position at which the file can be cut and appended to.

        Raises:
            RecordingError: the file cannot be written.
        """
        self._write_pending()
        with _writing(self._path):
            os.fsync(self._file.fileno())
        return self.position

    def close(self) -> None:
        """Flush and close the file."""
        if not self._file.closed:
            self.flush()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_lines(self, lines: list[bytes]) -> None:
        self._pending += lines
        self._pending_bytes += sum(map(len, lines))
        if not self._gzip or self._pending_bytes >= MEMBER_BYTES:
            self._write_pending()

    def _cut_at(self, append_at: int) -> None:
        size = self._file.seek(0, os.SEEK_END)
        if size < append_at:
            raise RecordingError(
                f"{self._path}: expected at least the {append_at:,} bytes of the last snapshot, "
                f"got {size:,}: the file was replaced; restore it, or start with a new recovery directory"
            )
        self._file.truncate(append_at)
        self._file.seek(append_at - 1)
        ends_a_line = self._gzip or self._file.read(1) == b"\n"
        self._file.seek(append_at)
        if not ends_a_line:
            self._file.write(b"\n")

    def _write_pending(self) -> None:
        if self._pending:
            data = b"".join(self._pending)
            if self._gzip:
                # Without a modification time the same content gives the same bytes.
                data = gzip.compress(data, compresslevel=6, mtime=0)
            with _writing(self._path):
                self._file.write(data)
                self._file.flush()
            self._pending = []
            self._pending_bytes = 0


class JsonLinesWriter(LineWriter):
    """Writes JSON documents, one per line; the file is that of a `LineWriter`."""

    def write(self, documents: Iterable[bytes]) -> None:
        """Append JSON documents.

        A line feed within one can only be white space between tokens; it is written as a space.

        Raises:
            RecordingError: the file cannot be written, e.g. because the disk is full.
        """
        self._write_lines([document.replace(b"\n", b" ") + b"\n" for document in documents])


class RecordingWriter(LineWriter):
    """Writes messages as a recording that `open_recording` reads back, payloads byte for byte.

    The file is that of a `LineWriter`.
    """

    def write(self, batch: MessageBatch) -> None:
        """Append messages; arrival times must be within the years 1 to 9999.

        Raises:
            RecordingError: the file cannot be written, e.g. because the disk is full.
        """
        keys = batch.keys or [""] * len(batch)
        messages = zip(batch.payloads, batch.topics, batch.arrived, keys, strict=True)
        self._write_lines([encode(*message) + b"\n" for message in messages])


def check_output(path: Path) -> None:
    """Check before the first message that `path` can be written.

    Raises:
        RecordingError: unknown suffix, or the file or its directory cannot be written.
    """
    plain = path.with_suffix("") if path.suffix.lower() == GZIP_SUFFIX else path
    if plain.suffix.lower() not in JSON_LINES_SUFFIXES:
        raise RecordingError(f"{path}: expected a name that ends in .jsonl or .jsonl.gz")
    nearest = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if path.is_dir() or (nearest != path and not nearest.is_dir()) or not os.access(nearest, os.W_OK):
        raise RecordingError(f"cannot write {path}: {nearest} is not writable; choose another file")


def end_of_lines(path: Path) -> int:
    """Where an existing file of JSON lines can be appended to, however its writer ended.

    Returns:
        its size, or 0 if there is no such file. For gzip: the end of its last complete member, since
        nothing can follow an incomplete one.

    Raises:
        RecordingError: a gzip file is damaged other than by lacking its end.
    """
    if not path.exists():
        return 0
    with _writing(path):
        if path.suffix.lower() != GZIP_SUFFIX:
            return path.stat().st_size
        end = _end_of_members(path)
        cut = path.stat().st_size - end
    if cut:
        logger.warning(
            "%s: dropping its last %d bytes, an incomplete gzip member: the writer was killed", path, cut
        )
    return end


def _end_of_members(path: Path) -> int:
    end = position = 0
    member = zlib.decompressobj(_GZIP_WINDOW)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            position += len(chunk)
            while chunk:
                try:
                    member.decompress(chunk)
                except zlib.error as error:
                    raise RecordingError(
                        f"{path}: cannot append to it, gzip data damaged after byte {end:,}: {error}; "
                        "move it away or choose another file"
                    ) from None
                chunk = member.unused_data
                if member.eof:
                    end = position - len(chunk)
                    member = zlib.decompressobj(_GZIP_WINDOW)
    return end


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror or error}") from None
