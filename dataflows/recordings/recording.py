"""What every recording can do, whatever its format."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from config.errors import RecordingError
from dataflows.messages import MessageBatch
from dataflows.recordings.columns import Column
from dataflows.recordings.lines import GZIP_SUFFIX
from dataflows.recordings.time_column import TIME_COLUMNS, TimeColumn, time_column

logger = logging.getLogger(__name__)


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
        self._time: TimeColumn | None = None
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

    def _look_for_times(self, index: int, name: str, unit: str, sample: Sequence[Any]) -> None:
        """Use a column for the times of arrival if it is the first with the name of a time column."""
        if self._time is not None or name.lower() not in TIME_COLUMNS:
            return
        self._time = time_column(index, unit, sample)
        if self._time is not None:
            self.time_column = name
        else:
            example = repr(sample[0]) if sample else "nothing"
            logger.warning(
                "%s: expected ISO 8601, seconds or milliseconds since 1970, or a time of day in column %r, "
                "got %s; rows are played one second apart",
                self.path,
                name,
                example,
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
