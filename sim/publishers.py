"""What takes simulated telemetry and its ground truth, and one such publisher: a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec

from dataflows.events import InjectedFault
from dataflows.messages import MessageBatch
from dataflows.recordings import JsonLinesWriter, RecordingWriter


class Publisher(Protocol):
    """Takes messages."""

    def publish(self, batch: MessageBatch) -> int:
        """Send messages; returns how many were sent: fewer than all only after a request to stop."""


class FleetPublisher(Publisher, Protocol):
    """Takes a simulated fleet."""

    def announce(self, fault: InjectedFault) -> None:
        """Send ground truth."""


class BrokerPublisher(FleetPublisher, Protocol):
    """Takes a simulated fleet live: a broker."""

    @property
    def confirmed(self) -> int:
        """Messages that the broker has confirmed."""

    def send(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes]) -> None:
        """Send n messages to another topic, with n keys where the broker has keys; empty for none."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: Any) -> None: ...


class RecordingPublisher:
    """Writes a recording, and its ground truth beside it as one `InjectedFault` a line.

    Raises:
        RecordingError: a file cannot be written.
    """

    def __init__(self, recording: Path, ground_truth: Path) -> None:
        self._recording = RecordingWriter(recording)
        self._ground_truth = JsonLinesWriter(ground_truth)

    def publish(self, batch: MessageBatch) -> int:
        self._recording.write(batch)
        return len(batch)

    def announce(self, fault: InjectedFault) -> None:
        self._ground_truth.write([msgspec.json.encode(fault)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._recording.close()
        self._ground_truth.close()
