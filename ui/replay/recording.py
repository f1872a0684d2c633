"""What a replay reads: a part of the history, or a file, behind the same few questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from dataflows.clock import SECOND, microseconds
from dataflows.compiled import Integers
from dataflows.events import SEVERITIES, Alert, Severity

MINUTE = 60 * SECOND
"""Microseconds."""

_ALERT = msgspec.json.Decoder(Alert)


class Row(NamedTuple):
    """An event of a recording.

    Attributes:
        time: event time, microseconds since 1970-01-01 UTC.
        payload: an `Enriched` in JSON.
    """

    time: int
    payload: bytes


class Revision(NamedTuple):
    """A revision of an alert.

    Attributes:
        time: from which it was so, microseconds since 1970-01-01 UTC.
        place: what a broker keeps one alert for: vehicle, kind and subject.
        payload: an `Alert` in JSON.
    """

    time: int
    place: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that was opened in a recording.

    Attributes:
        opened_at: event time, UTC.
        severity: the highest that it reached before it cleared.
        vehicle_id: of which vehicle; empty for the whole fleet.
        summary: one sentence.
    """

    opened_at: datetime
    severity: Severity
    vehicle_id: str
    summary: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """How many events a recording has in each minute.

    Attributes:
        first: microseconds since 1970-01-01 UTC at which the first minute begins, a multiple of `MINUTE`.
        events, anomalies: in each minute, shape (n,).
    """

    first: int
    events: Integers
    anomalies: Integers

    @classmethod
    def of(cls, start: int, end: int, minutes: Sequence[tuple[int, int, int]]) -> Timeline:
        """From triples of (minute since 1970, events, anomalies) between two times in microseconds."""
        first = start // MINUTE
        events = np.zeros(max(0, -(-end // MINUTE) - first) + 1, np.int64)
        anomalies = np.zeros_like(events)
        for minute, count, flagged in minutes:
            if 0 <= minute - first < len(events):
                events[minute - first], anomalies[minute - first] = count, flagged
        return cls(first * MINUTE, events, anomalies)

    def minute(self, time: int) -> int:
        """Index of the minute of a time, clipped to the recording."""
        return min(max(0, (time - self.first) // MINUTE), len(self.events) - 1)

    def begin(self, minute: int) -> int:
        """When a minute begins, microseconds since 1970-01-01 UTC."""
        return self.first + minute * MINUTE


class Recording(Protocol):
    """Events by event time, and alerts; what cannot be read is a `FleetError` of one line.

    Attributes:
        name: what it is, in words; untrusted text.
        start, end: of what is replayed, microseconds since 1970-01-01 UTC; `end` is exclusive.
        timeline: events in each minute.
        revisions: of alerts, by time; also those that were open at the start.
        alerts_trouble: why there are no alerts, or not all; empty if there may be some.
    """

    name: str
    start: int
    end: int
    timeline: Timeline
    revisions: Sequence[Revision]
    alerts_trouble: str

    def events(self, start: int, end: int) -> Iterator[Row]:
        """All events from `start` to before `end`, by time and id; they are read at once."""

    def last_of_silent(self, since: int, end: int) -> list[Row]:
        """Of each vehicle that sent something before `since`, but nothing from then to `end`, the last event.

        By time and id.
        """


def revision_of(alert: Alert, payload: bytes) -> Revision:
    """A revision with the time from which it was so.

    That is the latest event time that it names: a recording may have been scored long after it was made. Only
    what people do about an alert happens when it is sent.
    """
    acted = bool(alert.acknowledged_by or alert.muted_until or alert.comments or alert.useful is not None)
    times = [alert.opened_at, alert.last_at, alert.cleared_at, alert.changed_at if acted else None]
    latest = max(time for time in times if time is not None)
    return Revision(microseconds(latest), f"{alert.vehicle_id}/{alert.kind}/{alert.subject}", payload)


def in_order(alerts: Sequence[tuple[Alert, bytes]]) -> list[Revision]:
    """Revisions by time; of an alert, a higher one is never earlier than a lower one."""
    found: list[Revision] = []
    latest: dict[str, int] = {}
    for alert, payload in sorted(alerts, key=lambda pair: (pair[0].alert_id, pair[0].revision)):
        revision = revision_of(alert, payload)
        time = latest[alert.alert_id] = max(revision.time, latest.get(alert.alert_id, revision.time))
        found.append(revision._replace(time=time))
    return sorted(found, key=lambda revision: revision.time)


def openings(revisions: Sequence[Revision], start: int, end: int) -> list[Opening]:
    """The alerts that were opened from `start` to before `end`, by time; one that came back counts again."""
    found: dict[tuple[str, int], Opening] = {}
    for revision in revisions:
        alert = _ALERT.decode(revision.payload)
        if start <= microseconds(alert.opened_at) < end:
            key = (alert.alert_id, alert.openings)
            known = found.get(key)
            worst = alert.severity
            if known is not None and SEVERITIES.index(known.severity) > SEVERITIES.index(worst):
                worst = known.severity
            found[key] = Opening(alert.opened_at, worst, alert.vehicle_id, alert.summary)
    return sorted(found.values(), key=lambda opening: (opening.opened_at, opening.vehicle_id))
