"""The lines of a file, plain or gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from config.errors import RecordingError

GZIP_SUFFIX = ".gz"
GZIP_MAGIC = b"\x1f\x8b"
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PROBE_BYTES = 200


class LineFile:
    """The lines of a file as bytes, streamed; memory is bounded by the longest line.

    Only a line feed ends a line. It is stripped, as is a carriage return before it, and a UTF-8 byte order
    mark at the start of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Read the file from its start.

        Raises:
            RecordingError: it cannot be read, is UTF-16, or its gzip data are damaged; the message
                says how many lines were read.
        """
        count = 0
        try:
            with self._path.open("rb") as file:
                self._file = file
                for line in self._open(file):
                    if count == 0:
                        line = self._without_mark(line)
                    count += 1
                    yield line.rstrip(b"\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise RecordingError(
                f"{self._path}: gzip data damaged after line {count:,}: {error}; "
                f"'gzip -cd FILE | head -n {count}' recovers the lines before the damage"
            ) from None
        except OSError as error:
            raise RecordingError(f"cannot read {self._path}: {error.strerror or error}") from None
        finally:
            self._file = None

    def tell(self) -> int:
        """Bytes of the file (compressed, if it is) read by the iteration in progress."""
        return self._file.tell() if self._file else 0

    def _open(self, file: BinaryIO) -> Iterator[bytes]:
        named_gzip = self._path.suffix.lower() == GZIP_SUFFIX
        is_gzip = file.peek(2)[:2] == GZIP_MAGIC  # type: ignore[attr-defined]
        if is_gzip and not named_gzip:
            raise RecordingError(
                f"{self._path}: expected plain text, got gzip data; rename it to {self._path.name}.gz"
            )
        return gzip.GzipFile(fileobj=file) if named_gzip else file

    def _without_mark(self, line: bytes) -> bytes:
        if line.startswith(UTF16_MARKS):
            raise RecordingError(
                f"{self._path}: expected UTF-8, got UTF-16; 'iconv -f UTF-16 -t UTF-8 FILE' converts it"
            )
        order = _utf16_order(line)
        if order:
            raise RecordingError(
                f"{self._path}: expected UTF-8, got UTF-16 without a byte order mark; "
                f"'iconv -f UTF-16{order} -t UTF-8 FILE' converts it"
            )
        return line.removeprefix(UTF8_MARK)


def _utf16_order(line: bytes) -> str:
    """The byte order, LE or BE, if every second byte is zero as in Latin text; "" for other encodings."""
    start = line[:_PROBE_BYTES]
    half = len(start) // 2
    if half < 2:
        return ""
    if start[1::2].count(0) > 0.8 * half and start[::2].count(0) < 0.2 * half:
        return "LE"
    return "BE" if start[::2].count(0) > 0.8 * half and start[1::2].count(0) < 0.2 * half else ""
