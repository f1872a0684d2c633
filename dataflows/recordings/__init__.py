"""Recordings: telemetry in files. Knows the wire contract, but no Bytewax.

| suffix                                 | a message is                                            |
|----------------------------------------|---------------------------------------------------------|
| `.jsonl` `.ndjson` `.json`, also `.gz` | a line: an `events.RecordedMessage`, or plain telemetry |
| `.csv` `.tsv`, also `.gz`              | a row, as the JSON object ``{column: value}``           |
| `.parquet`                             | a row, as the JSON object ``{column: value}``           |

`open_recording` reads any of them as `MessageBatch`es, `RecordingWriter` writes the first kind, and
`discover_columns` lists the values in one. A file that is missing, empty, damaged or in another format raises
a `RecordingError`.
"""

from dataflows.recordings.columns import Column
from dataflows.recordings.opening import discover_columns, open_recording
from dataflows.recordings.options import TableOptions
from dataflows.recordings.recording import Recording
from dataflows.recordings.writer import JsonLinesWriter, RecordingWriter

__all__ = [
    "Column",
    "JsonLinesWriter",
    "Recording",
    "RecordingWriter",
    "TableOptions",
    "discover_columns",
    "open_recording",
]
