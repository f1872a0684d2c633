"""A part of the history as a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from config.history_settings import Place
from config.settings import Settings
from dataflows.clock import microseconds, utc
from dataflows.history.reader import History
from ui.replay.rebuilding import alert_messages, event_rows
from ui.replay.recording import MINUTE, Revision, Row, Timeline, in_order

LOOKED_BACK = timedelta(days=30)
"""Before the start; alerts that were opened earlier are missing, even if they are still open."""

MOST_REVISIONS = 50_000
"""Of alerts, about 1 kB each; of more, the first ones are left out."""

_REVISIONS = """
SELECT * FROM alerts WHERE opened_at >= $since::TIMESTAMPTZ AND opened_at < $end::TIMESTAMPTZ
AND alert_id IN (
    SELECT alert_id FROM alerts
    WHERE opened_at >= $since::TIMESTAMPTZ AND opened_at < $end::TIMESTAMPTZ
    GROUP BY alert_id
    HAVING arg_max(state, revision) = 'open'
    OR max(greatest(last_at, cleared_at, acknowledged_at)) >= $start::TIMESTAMPTZ
)
ORDER BY changed_at DESC LIMIT $most
"""

_MINUTES = """
SELECT epoch_us(time_bucket(INTERVAL 1 MINUTE, ts)) // 60000000 AS minute, count(*) AS events,
    count(*) FILTER (is_anomaly) AS anomalies
FROM events WHERE ts >= $start::TIMESTAMPTZ AND ts < $end::TIMESTAMPTZ GROUP BY 1 ORDER BY 1
"""

_SILENT = """
SELECT vehicle_id, max(ts) AS last FROM events
WHERE ts >= $start::TIMESTAMPTZ AND ts < $end::TIMESTAMPTZ
GROUP BY vehicle_id HAVING max(ts) < $since::TIMESTAMPTZ
"""

_LAST = """
SELECT * FROM events WHERE ts >= $first::TIMESTAMPTZ AND ts <= $last::TIMESTAMPTZ
AND vehicle_id IN (SELECT unnest($vehicles::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY vehicle_id ORDER BY ts DESC, event_id DESC) = 1
ORDER BY ts, event_id
"""


class HistoryRecording:
    """Events and alerts of the history between two times; see `Recording` for the attributes."""

    def __init__(self, place: Place, settings: Settings, start: datetime, end: datetime) -> None:
        """Read what there is in each minute, and the alerts.

        Args:
            place: of the history.
            settings: the catalogue names the signals.
            start, end: between which it is, with a zone; it has the minutes that events are kept of.

        Raises:
            HistoryError: the history cannot be read.
        """
        self._history = History(place)
        self._catalogue: Sequence[str] = tuple(settings.signals)
        self.name = "History"
        self.start, self.end = microseconds(start), microseconds(end)
        minutes = self._minutes()
        if minutes:
            # Nobody wants to wait for the first event, or after the last one.
            self.start = max(self.start, minutes[0][0] * MINUTE)
            self.end = min(self.end, (minutes[-1][0] + 1) * MINUTE)
        self.timeline = Timeline.of(self.start, self.end, minutes)
        self.alerts_trouble = ""
        self.revisions: Sequence[Revision] = self._read_revisions(utc(self.start), utc(self.end))

    def events(self, start: int, end: int) -> Iterator[Row]:
        """All events from `start` to before `end`, by time and id; they are read at once.

        Raises:
            HistoryError: the history cannot be read.
        """
        start, end = max(start, self.start), min(end, self.end)
        if start >= end:
            return iter(())
        return event_rows(self._history.events(None, utc(start), utc(end)), self._catalogue)

    def last_of_silent(self, since: int, end: int) -> list[Row]:
        """See `Recording`.

        Raises:
            HistoryError: the history cannot be read.
        """
        if since <= self.start:
            return []
        silent = self._ask(_SILENT, self.start, end, since=utc(since).isoformat())
        if not len(silent):
            return []
        times = silent["last"].to_pylist()
        parameters = {
            "first": min(times).isoformat(),
            "last": max(times).isoformat(),
            "vehicles": silent["vehicle_id"].to_pylist(),
        }
        days = min(times).date(), max(times).date()
        return list(event_rows(self._history.query(_LAST, parameters, *days), self._catalogue))

    def _minutes(self) -> list[tuple[int, int, int]]:
        found = self._ask(_MINUTES, self.start, self.end).to_pydict()
        return list(zip(found["minute"], found["events"], found["anomalies"], strict=True))

    def _read_revisions(self, start: datetime, end: datetime) -> list[Revision]:
        since = start - LOOKED_BACK
        parameters = {
            "since": since.isoformat(),
            "start": start.isoformat(),
            "end": end.isoformat(),
            "most": MOST_REVISIONS,
        }
        days = utc(microseconds(since)).date(), utc(self.end - 1).date()
        table = self._history.query(_REVISIONS, parameters, *days)
        if len(table) == MOST_REVISIONS:
            self.alerts_trouble = (
                f"there are more than {MOST_REVISIONS:,} changes of alerts in this time, and only the last "
                "ones are replayed; choose a shorter time"
            )
        return in_order(list(alert_messages(table)))

    def _ask(self, question: str, start: int, end: int, **more: str) -> pa.Table:
        parameters = {"start": utc(start).isoformat(), "end": utc(end).isoformat()} | more
        return self._history.query(question, parameters, utc(start).date(), utc(max(start, end - 1)).date())
