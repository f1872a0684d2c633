"""A sample of raw messages, from a recording or a broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config.errors import RecordingError
from dataflows.messages import MessageBatch
from dataflows.recordings import Recording, open_recording
from dataflows.recordings.json_lines import JsonLinesRecording

MESSAGES = 2_000
"""How many messages are looked at unless the user says otherwise: half an hour of a vehicle that sends every
second, and read in a second."""


@dataclass(frozen=True, slots=True)
class Sample:
    """n messages and what is known of where they come from.

    Attributes:
        payloads: n payloads.
        topics: n topics; for a file without topics, its name.
        arrived: n times of arrival, microseconds since 1970-01-01 UTC.
        keys: n message keys (Kafka), empty where there is none.
        source: a file, or the kind of broker.
        name: the file, or the topic that was subscribed to.
        has_topics: whether `topics` are those that a broker had.
        has_arrivals: whether `arrived` is when messages arrived, not made up by the reader of a file.
        units: of a table, JSON pointer → unit as the header gives it; ``None`` for messages in JSON.
        time_columns: of a table, the columns that its reader takes the times of arrival from.
        warnings: what the reader of a file says of it, a sentence each.
        complete: whether these are all messages that there are.
    """

    payloads: list[bytes]
    topics: list[str]
    arrived: list[int]
    keys: list[str]
    source: Literal["file", "mqtt", "kafka"]
    name: str
    has_topics: bool = True
    has_arrivals: bool = True
    units: Mapping[str, str] | None = None
    time_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    complete: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.payloads)

    @property
    def is_table(self) -> bool:
        return self.units is not None

    @property
    def is_from_kafka(self) -> bool:
        """Whether the messages come from Kafka, now or when they were recorded: only there they have keys."""
        return self.source == "kafka" or any(self.keys)

    def batch(self) -> MessageBatch:
        """The messages as a source hands them over."""
        keys = self.keys if any(self.keys) else None
        offsets = list(range(len(self)))
        return MessageBatch(self.payloads, self.topics, self.arrived, "sample", offsets, keys)


def from_recording(path: Path, limit: int = MESSAGES) -> Sample:
    """The first messages of a file.

    Args:
        path: a recording of any format.
        limit: how many messages, at most.

    Raises:
        RecordingError: the file cannot be read, or has no messages.
    """
    recording = open_recording(path)
    payloads: list[bytes] = []
    topics: list[str] = []
    arrived: list[int] = []
    keys: list[str] = []
    for batch in recording.read(batch_size=min(limit + 1, 1024)):
        payloads += batch.payloads
        topics += batch.topics
        arrived += batch.arrived
        keys += batch.keys or [""] * len(batch)
        if len(payloads) > limit:
            break
    if not payloads:
        raise RecordingError(f"{path}: empty; expected at least one message")
    recorded = isinstance(recording, JsonLinesRecording) and recording.has_envelopes
    return Sample(
        payloads[:limit],
        topics[:limit],
        arrived[:limit],
        keys[:limit],
        source="file",
        name=str(path),
        has_topics=recorded,
        has_arrivals=recorded or bool(recording.time_columns),
        units=_units(recording),
        time_columns=recording.time_columns,
        warnings=tuple(recording.warnings),
        complete=len(payloads) <= limit,
    )


def _units(recording: Recording) -> dict[str, str] | None:
    if recording.columns is None:
        return None
    return {column.pointer: column.unit for column in recording.columns}
