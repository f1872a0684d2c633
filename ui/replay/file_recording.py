"""A file of scored events as a recording.

A file is in the order in which its events were scored, which is that of their times only roughly. So it is
sorted once, into a temporary Parquet file, of which any minute can be read by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec

from config.errors import RecordingError
from dataflows.clock import SECOND
from dataflows.events import JSON_ERRORS, Alert
from dataflows.history.database import connect, text
from dataflows.recordings import open_recording
from ui.replay.files import alerts_beside
from ui.replay.recording import Revision, Row, Timeline, in_order

MEMORY = "512MB"
"""For sorting; what does not fit is written to the temporary directory."""

LONGEST = 31 * 24 * 3600 * SECOND
"""Microseconds; events that are further from the others, such as those of 1970, are left out."""

_SORTED = """
COPY (
    SELECT epoch_us(try_cast(event->>'ts' AS TIMESTAMPTZ)) AS time, event->>'event_id' AS event_id,
        event->>'vehicle_id' AS vehicle_id, event->>'is_anomaly' = 'true' AS is_anomaly,
        event::VARCHAR AS payload
    FROM (
        SELECT coalesce(json->'payload', json) AS event
        FROM read_ndjson_objects({path}, ignore_errors = true)
    )
    WHERE event->>'event_id' IS NOT NULL AND time IS NOT NULL
    ORDER BY time, event_id
) TO {sorted} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20000)
"""

_MINUTES = """
SELECT time // 60000000, count(DISTINCT event_id), count(DISTINCT event_id) FILTER (is_anomaly)
FROM events WHERE time >= $start AND time < $end GROUP BY 1
"""

_LAST = """
SELECT max(time), vehicle_id, arg_max(event_id, (time, event_id)) AS event_id FROM events
WHERE time >= $start AND time < $end GROUP BY vehicle_id HAVING max(time) < $since
"""

_ALERT = msgspec.json.Decoder(Alert)


class FileRecording:
    """The scored events of a file, and the alerts beside it; see `Recording` for the attributes."""

    def __init__(self, path: Path, name: str) -> None:
        """Sort the file.

        Args:
            path: of the file, JSON lines.
            name: of the file, as it is shown.

        Raises:
            RecordingError: it cannot be read, or holds no scored events.
        """
        self.name = name
        self._directory = TemporaryDirectory(prefix="fleet-replay-")
        self._sorted = Path(self._directory.name, "events.parquet")
        with _reading(path), closing(connect(memory=MEMORY, spill=Path(self._directory.name))) as database:
            database.execute(_SORTED.format(path=text(str(path)), sorted=text(str(self._sorted))))
        self._path = path
        self.start, self.end = self._limits()
        times = {"start": self.start, "end": self.end}
        self.timeline = Timeline.of(self.start, self.end, self._ask(_MINUTES, **times))
        self.alerts_trouble = ""
        self.revisions: Sequence[Revision] = self._read_alerts()

    def events(self, start: int, end: int) -> Iterator[Row]:
        """All events from `start` to before `end`, by time and id; they are read at once.

        Raises:
            RecordingError: the temporary file cannot be read.
        """
        question = (
            "SELECT time, event_id, payload FROM events WHERE time >= $start AND time < $end "
            "ORDER BY time, event_id"
        )
        return _each_once(self._ask(question, start=max(start, self.start), end=min(end, self.end)))

    def last_of_silent(self, since: int, end: int) -> list[Row]:
        """See `Recording`.

        Raises:
            RecordingError: the temporary file cannot be read.
        """
        last = self._ask(_LAST, start=self.start, since=since, end=end)
        if not last:
            return []
        question = (
            "SELECT time, event_id, payload FROM events WHERE time >= $first AND time <= $last "
            "AND event_id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY time, event_id"
        )
        times = [time for time, _, _ in last]
        ids = [event_id for _, _, event_id in last]
        return list(_each_once(self._ask(question, first=min(times), last=max(times), ids=ids)))

    def _limits(self) -> tuple[int, int]:
        ((first, middle, last),) = self._ask("SELECT min(time), median(time)::BIGINT, max(time) FROM events")
        if first is None:
            raise RecordingError(f"{self._path}: expected scored events, got none with an id and a time")
        return max(first, middle - LONGEST // 2), min(last, middle + LONGEST // 2) + 1

    def _read_alerts(self) -> list[Revision]:
        path = alerts_beside(self._path)
        if path is None:
            self.alerts_trouble = "no file alerts.jsonl is beside this one"
            return []
        try:
            return in_order(list(_alerts(path)))
        except RecordingError as error:
            self.alerts_trouble = str(error)
            return []

    def _ask(self, question: str, **parameters: int | list[str]) -> list[tuple[Any, ...]]:
        with _reading(self._path), closing(connect(memory=MEMORY)) as database:
            database.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet({text(str(self._sorted))})")
            return database.execute(question, parameters).fetchall()


def _alerts(path: Path) -> Iterator[tuple[Alert, bytes]]:
    for batch in open_recording(path).read():
        for payload in batch.payloads:
            try:
                yield _ALERT.decode(payload), payload
            except JSON_ERRORS:
                continue


def _each_once(rows: list[tuple[Any, ...]]) -> Iterator[Row]:
    previous = None
    for time, event_id, payload in rows:
        # The job writes an event again if it was killed before it could note that it had.
        if event_id != previous:
            yield Row(time, payload.encode())
        previous = event_id


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        reason = " ".join(str(error).split())
        raise RecordingError(f"{path}: cannot be replayed: {reason}") from None
