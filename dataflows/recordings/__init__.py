"""Recordings: telemetry in files, the wire contract on disk. No Bytewax here.

| suffix                                | a message is                                            |
|---------------------------------------|---------------------------------------------------------|
| `.jsonl` `.ndjson` `.json`, or + `.gz`| a line: an `events.RecordedMessage`, or plain telemetry |
| `.csv`, or + `.gz`                    | a row, as the JSON object ``{column: value}``           |
| `.parquet`                            | a row, as the JSON object ``{column: value}``           |

`open_recording` reads any of them as `MessageBatch`es, `RecordingWriter` writes the first kind,
`discover_columns` says what is in one. A file that is missing, empty, damaged or of another kind
is a `RecordingError`.
"""

from dataflows.recordings.columns import Column
from dataflows.recordings.opening import discover_columns, open_recording
from dataflows.recordings.recording import Recording
from dataflows.recordings.writer import JsonLinesWriter, RecordingWriter

__all__ = [
    "Column",
    "JsonLinesWriter",
    "Recording",
    "RecordingWriter",
    "discover_columns",
    "open_recording",
]
