"""What every recording can do, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from config.errors import RecordingError
from dataflows.messages import MessageBatch
from dataflows.recordings.arrival import ArrivalClock, TimeColumn
from dataflows.recordings.columns import Column
from dataflows.recordings.lines import GZIP_SUFFIX
from dataflows.recordings.options import TableOptions
from dataflows.recordings.time_column import find_time


class Message(NamedTuple):
    """One message of a recording.

    Attributes:
        offset: its number in the recording, from 0.
        payload: its bytes.
        topic: the topic it was recorded from, or the name of the file without suffixes.
        arrived: when it arrived, microseconds since 1970-01-01 UTC.
        key: its key (Kafka); empty where there is none.
    """

    offset: int
    payload: bytes
    topic: str
    arrived: int
    key: str = ""


class Recording(ABC):
    """A file of messages. It can be read any number of times, in bounded memory.

    Attributes:
        path: the file.
        topic: its name without suffixes: the topic of messages that were recorded without one.
        size_bytes: its size on disk.
        position: how far the latest `read` has got, in bytes of the file, for a progress bar.
        columns: the columns of a table; ``None`` for JSON lines (see `discover_columns`).
        time_column: name of the column that arrival times come from; ``None`` if there is none.
        time_columns: the same, and where date and time of day are two columns, both; empty if there is none.
        rows: number of messages if the format records it, else ``None``.

    Args:
        path: an existing file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.topic = _stem(path)
        self.size_bytes = path.stat().st_size
        self.position = 0
        self.columns: tuple[Column, ...] | None = None
        self.time_column: str | None = None
        self.time_columns: tuple[str, ...] = ()
        self._time: TimeColumn | None = None
        self._warnings: dict[str, str] = {}
        self.rows: int | None = None

    def read(self, start: int = 0, batch_size: int = 1024) -> Iterator[MessageBatch]:
        """Read the messages in order.

        Args:
            start: offset of the first message to return. The messages from there on are the same as when
                the whole file is read.
            batch_size: messages in a batch, at most.

        Raises:
            RecordingError: the file is damaged (raised after everything before the damage was returned), or
                has fewer messages than `start`.
        """
        self.position = 0
        batch: list[Message] = []
        try:
            for message in self._messages(start):
                batch.append(message)
                if len(batch) == batch_size:
                    self.position = self._tell()
                    yield self._as_batch(batch)
                    batch = []
        except RecordingError:
            if batch:
                yield self._as_batch(batch)
            raise
        self.position = self.size_bytes
        if batch:
            yield self._as_batch(batch)

    @abstractmethod
    def _messages(self, start: int) -> Iterator[Message]:
        """The messages from offset `start`; calls `_check_length` at the end of the file."""

    @abstractmethod
    def _tell(self) -> int:
        """Bytes of the file read so far."""

    @property
    def warnings(self) -> list[str]:
        """What to know of the file, a sentence each; complete once it has been read to its end."""
        return list(self._warnings.values())

    def warn(self, kind: str, sentence: str) -> None:
        """Add a sentence to the warnings, in the place of an earlier one of this kind."""
        self._warnings[kind] = sentence

    def _look_for_times(
        self, columns: Sequence[tuple[str, str]], sample: Sequence[Sequence[Any]], options: TableOptions
    ) -> None:
        """Find the times of arrival of a table.

        Args:
            columns: name and unit of each.
            sample: the first rows.
            options: what the user said of them.

        Raises:
            RecordingError: the column that the user named is not there, or holds no times.
        """
        try:
            found = find_time(columns, sample, options)
        except RecordingError as error:
            raise RecordingError(f"{self.path}: {error}") from None
        self._time = found.column
        self.time_columns = found.names
        self.time_column = found.names[0] if found.names else None
        for number, warning in enumerate(found.warnings):
            self.warn(f"time {number}", warning)

    def _report_times(self, clock: ArrivalClock) -> None:
        """Warn of the rows that a reading of the whole file found no time in."""
        if clock.untimed:
            self.warn(
                "untimed",
                f"rows without a time that can be read, which take that of the row before: {clock.untimed:,}",
            )

    def _check_length(self, start: int, count: int) -> None:
        if count < start:
            raise RecordingError(
                f"{self.path}: expected at least the {start:,} messages already read from it, got {count:,}: "
                "the file was replaced; restore it, or start with a new recovery directory"
            )

    def _as_batch(self, messages: list[Message]) -> MessageBatch:
        offsets, payloads, topics, arrived, keys = zip(*messages, strict=True)
        return MessageBatch(
            payloads=list(payloads),
            topics=list(topics),
            arrived=list(arrived),
            origin=self.path.name,
            offsets=list(offsets),
            keys=list(keys) if any(keys) else None,
        )


def _stem(path: Path) -> str:
    compressed = path.suffix.lower() == GZIP_SUFFIX
    return path.with_suffix("").stem if compressed else path.stem
