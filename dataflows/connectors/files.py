"""Recordings as Bytewax source and sinks.

Each has one partition. With recovery on, the source's offset and the sinks' file positions are snapshots of
the same epoch, so a job from a recording to JSON lines is exactly-once: when it resumes, the source continues
after the last message of that epoch, and the sinks truncate what they wrote after it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from dataflows.clock import SECOND
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.recordings import JsonLinesWriter, Recording, RecordingWriter, TableOptions, open_recording
from dataflows.recordings.writer import check_output, end_of_lines
from dataflows.stored_state import FILE, RECORDING, Stored

logger = logging.getLogger(__name__)

Speed = float | Literal["max"]


class RecordingSource(FixedPartitionedSource[MessageBatch, Stored]):
    """Plays a recording of any format. Its partition is named after the file."""

    def __init__(
        self, path: Path, speed: Speed = "max", batch_size: int = 1024, table: TableOptions | None = None
    ) -> None:
        """Open the recording.

        Args:
            path: a file that `open_recording` reads.
            speed: 1.0 as recorded, 10.0 ten times as fast, "max" as fast as possible. Arrival times stay as
                recorded.
            batch_size: messages in a batch, at most.
            table: where a table holds its times; ``None`` finds them.

        Raises:
            RecordingError: as `open_recording`.
        """
        self._recording = open_recording(path, table)
        self._speed = speed
        self._batch_size = batch_size

    def list_parts(self) -> list[str]:
        return [self._recording.path.name]

    def build_part(
        self, step_id: str, for_part: str, resume_state: Stored | None
    ) -> RecordingSourcePartition:
        start = 0 if resume_state is None else RECORDING.unwrap(resume_state)
        return RecordingSourcePartition(self._recording, self._speed, self._batch_size, start)


class RecordingSourcePartition(StatefulSourcePartition[MessageBatch, Stored]):
    """A recording being played from the offset `start` on.

    At a speed, the first message is emitted at once, and any other when its recorded distance from the first,
    divided by the speed, has passed; a message that is older than its predecessor is emitted with it.
    """

    def __init__(
        self,
        recording: Recording,
        speed: Speed,
        batch_size: int,
        start: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recording = recording
        self._warned: set[str] = set()
        self._warn()
        self._batches = recording.read(start, batch_size)
        self._next_offset = start
        self._current: MessageBatch | None = None
        self._emitted = 0  # messages of the current batch
        self._pace = None if speed == "max" else _Pace(speed, monotonic)

    def next_batch(self) -> list[MessageBatch]:
        """Emit the messages that are due, in at most one batch.

        Raises:
            StopIteration: the recording has ended.
            RecordingError: it is damaged, or shorter than when it was last read.
        """
        if self._current is None:
            try:
                self._current = next(self._batches)
            except StopIteration:
                self._warn()
                raise
            self._emitted = 0
        batch, begin = self._current, self._emitted
        end = len(batch) if self._pace is None else self._pace.count_due(batch.arrived, begin)
        self._emitted = end
        self._next_offset += end - begin
        if end == len(batch):
            self._current = None
        return [batch.part(begin, end)] if end > begin else []

    def next_awake(self) -> datetime | None:
        """When the next message is due; ``None`` if it has not been read yet."""
        if self._current is None or self._pace is None:
            return None
        seconds = self._pace.seconds_until(self._current.arrived[self._emitted])
        return datetime.now(UTC) + timedelta(seconds=max(0.0, seconds))

    def _warn(self) -> None:
        """Log what the recording warns of and has not been logged: some of it is known only at its end."""
        for warning in self._recording.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                logger.warning("%s: %s", self._recording.path, warning)

    def snapshot(self) -> Stored:
        """Offset of the next message to emit."""
        return RECORDING.wrap(self._next_offset)


class _Pace:
    """Recorded time that runs at a speed, from the first message on."""

    def __init__(self, speed: float, monotonic: Callable[[], float]) -> None:
        self._speed = speed
        self._monotonic = monotonic
        self._first_arrived: int | None = None
        self._started = 0.0

    def count_due(self, arrived: list[int], begin: int) -> int:
        """Index after the last message that is due, from `begin` on."""
        if self._first_arrived is None:
            self._first_arrived = arrived[begin]
            self._started = self._monotonic()
        end = begin
        while end < len(arrived) and self.seconds_until(arrived[end]) <= 0:
            end += 1
        return end

    def seconds_until(self, arrived: int) -> float:
        recorded = (arrived - (self._first_arrived or 0)) / SECOND
        return recorded / self._speed - (self._monotonic() - self._started)


class RecordingSink(FixedPartitionedSink[MessageBatch, Stored]):
    """Records raw messages, payloads byte for byte.

    Takes ``(key, MessageBatch)``; the key is ignored. An existing recording is continued, never overwritten:
    without a snapshot to resume from, after its last message.
    """

    def __init__(self, path: Path) -> None:
        """Remember where to write.

        Raises:
            RecordingError: the suffix is unknown, or the file or its directory cannot be written.
        """
        check_output(path)
        self._path = path

    def list_parts(self) -> list[str]:
        return [self._path.name]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> RecordingSinkPartition:
        append_at = end_of_lines(self._path) if resume_state is None else FILE.unwrap(resume_state)
        return RecordingSinkPartition(RecordingWriter(self._path, append_at))


class RecordingSinkPartition(StatefulSinkPartition[MessageBatch, Stored]):
    """A recording being written. Its state is the position up to which the file is complete."""

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer

    def write_batch(self, values: list[MessageBatch]) -> None:
        for batch in values:
            self._writer.write(batch)

    def snapshot(self) -> Stored:
        return FILE.wrap(self._writer.flush())

    def close(self) -> None:
        self._writer.close()


class JsonLinesSink(FixedPartitionedSink[OutgoingBatch, Stored]):
    """Writes the payloads of results as JSON lines.

    Takes ``(key, OutgoingBatch)``; the key and the keys within are ignored.
    """

    def __init__(self, path: Path, keep: bool) -> None:
        """Remember where to write.

        Args:
            path: the file, ``.jsonl`` or ``.jsonl.gz``.
            keep: what to do with an existing file if there is no snapshot to resume from. True appends to it,
                which suits a source that does not repeat itself (MQTT); false overwrites it, which suits one
                that starts again (a recording).

        Raises:
            RecordingError: the suffix is unknown, or the file or its directory cannot be written.
        """
        check_output(path)
        self._path = path
        self._keep = keep

    def list_parts(self) -> list[str]:
        return [self._path.name]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> JsonLinesSinkPartition:
        append_at = None if resume_state is None else FILE.unwrap(resume_state)
        if append_at is None and self._keep:
            append_at = end_of_lines(self._path)
        return JsonLinesSinkPartition(JsonLinesWriter(self._path, append_at))


class JsonLinesSinkPartition(StatefulSinkPartition[OutgoingBatch, Stored]):
    """Results being written. Its state is the position up to which the file is complete."""

    def __init__(self, writer: JsonLinesWriter) -> None:
        self._writer = writer

    def write_batch(self, values: list[OutgoingBatch]) -> None:
        for batch in values:
            # What removes a message from a topic is no result.
            self._writer.write(list(filter(None, batch.payloads)))

    def snapshot(self) -> Stored:
        return FILE.wrap(self._writer.flush())

    def close(self) -> None:
        self._writer.close()
