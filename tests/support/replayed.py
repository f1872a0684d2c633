"""A recording for tests of replays, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from dataflows.clock import microseconds
from dataflows.events import Alert, Enriched
from tests.support.shown_alerts import message
from ui.replay.recording import MINUTE, Revision, Row, Timeline, in_order


class ListedRecording:
    """Events and alerts of lists; counts how many events were read from it, in all and at once."""

    def __init__(self, events: Iterable[Enriched], alerts: Sequence[Alert] = ()) -> None:
        self.name = "a list"
        ordered = sorted(events, key=lambda event: (event.ts, event.event_id))
        self._rows = [(Row(microseconds(e.ts), msgspec.json.encode(e)), e.vehicle_id) for e in ordered]
        self.start, self.end = self._rows[0][0].time, self._rows[-1][0].time + 1
        counted = Counter(row.time // MINUTE for row, _ in self._rows)
        flagged = Counter(microseconds(event.ts) // MINUTE for event in ordered if event.is_anomaly)
        minutes = [(minute, count, flagged[minute]) for minute, count in counted.items()]
        self.timeline = Timeline.of(self.start, self.end, minutes)
        self.alerts_trouble = ""
        self.revisions: Sequence[Revision] = in_order([(alert, message(alert)) for alert in alerts])
        self.read = self.most_at_once = 0

    def events(self, start: int, end: int) -> Iterator[Row]:
        found = [row for row, _ in self._rows if start <= row.time < end]
        self.read += len(found)
        self.most_at_once = max(self.most_at_once, len(found))
        return iter(found)

    def last_of_silent(self, since: int, end: int) -> list[Row]:
        last: dict[str, Row] = {}
        for row, vehicle in self._rows:
            if row.time < end:
                last[vehicle] = row
        return sorted((row for row in last.values() if row.time < since), key=lambda row: row.time)
