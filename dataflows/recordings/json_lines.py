"""JSON lines: recordings of this project, and plain telemetry with one message per line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config.errors import RecordingError
from dataflows.clock import SECOND
from dataflows.recordings.envelope import decode
from dataflows.recordings.lines import LineFile
from dataflows.recordings.recording import Message, Recording

_OPENING_BRACKETS = (b"[", b"{")


class JsonLinesRecording(Recording):
    """JSON lines of one of two kinds; the first line that is not blank decides which.

    - A recording: every line is an `events.RecordedMessage`. A line that is not one becomes a message with
      the line itself as payload, the name of the file as topic, and the arrival time of the line before.
    - Plain telemetry: every line is the payload of a message, any bytes; line n arrives n seconds after
      1970-01-01.

    So a bad line reaches the decoder, which turns it into a dead letter. Blank lines are skipped.

    Raises:
        RecordingError: the file has no lines, cannot be read, or is one JSON document over many lines.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        first = next(iter(self._lines()), None)
        if first is None:
            raise RecordingError(f"{path}: empty; expected a JSON message on every line")
        if first.strip() in _OPENING_BRACKETS:
            raise RecordingError(
                f"{path}: expected a JSON message on every line, got one document over many lines; "
                "'jq -c .[] FILE' turns a list into lines"
            )
        self.has_envelopes = decode(first) is not None

    def _lines(self) -> Iterator[bytes]:
        self._file = LineFile(self.path)
        return filter(bytes.strip, self._file)

    def _tell(self) -> int:
        return self._file.tell()

    def _messages(self, start: int) -> Iterator[Message]:
        count = 0
        arrived = 0
        for offset, line in enumerate(self._lines()):
            count += 1
            payload, topic, key = line, self.topic, ""
            if not self.has_envelopes:
                arrived = offset * SECOND
            elif (recorded := decode(line)) is not None:
                payload, topic, arrived, key = recorded
            if offset >= start:
                yield Message(offset, payload, topic, arrived, key)
        self._check_length(start, count)
