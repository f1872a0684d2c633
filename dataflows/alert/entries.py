"""What happens to vehicles and their signals, as entries in the book of alerts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.alert.book import AlertBook, Key, alert_signal
from dataflows.alert.evidence import Verdicts
from dataflows.alert.evidence_kernel import STUCK
from dataflows.alert.lifecycle import Change, Changes
from dataflows.alert.limits import Limits
from dataflows.alert.silence import Notice
from dataflows.alert.summary import summary
from dataflows.clock import EPOCH, microseconds, utc
from dataflows.compiled import Floats, Integers
from dataflows.events import SEVERITIES, Alert, AlertKind, AlertSignal

SILENT_STRENGTH = 4.0
"""Of a silent vehicle: a major alert."""

LEADING_SIGNALS = 3
LEAST_SHARE = 0.1
"""Signals of an alert, at most, and the share of the evidence that the last of them has at least."""


class JudgedRows(NamedTuple):
    """n events and what is known of them.

    Attributes:
        event_ids, vehicle_ids: n texts.
        times: event times, microseconds, shape (n,).
        values: in the signals' units, in the order of the catalogue, shape (n, S).
        verdicts: the evidence.
        known_for: seconds of data that the model had seen of the fleet, shape (n,).
    """

    event_ids: list[str]
    vehicle_ids: list[str]
    times: Integers
    values: Floats
    verdicts: Verdicts
    known_for: Floats


class _Place(NamedTuple):
    """One of `Changes`, and the event that made it.

    Attributes:
        row, channel, change, level, events: as in `Changes` and `CHANNEL`.
        peak: on a scale of 0–100.
        values: of the event, in the order of the catalogue.
        typical, evidence: of the scored signals; 0 nats for those that are not judged.
        total: nats of all of them.
        known_for: as in `JudgedRows`.
        now, onset, last: times of the event and of `CHANNEL`.
    """

    row: int
    channel: int
    change: int
    level: int
    events: int
    peak: float
    values: list[float]
    typical: list[float]
    evidence: list[float]
    total: float
    known_for: float
    now: datetime
    onset: datetime
    last: datetime


class Entries:
    """Writes into the book of a shard.

    Args:
        settings: all settings.
        book: the book.
        limits: the alarm limits.
    """

    def __init__(self, settings: Settings, book: AlertBook, limits: Limits) -> None:
        self._book = book
        self._low, self._high = limits.low.tolist(), limits.high.tolist()
        self._catalogue = settings.signals
        self._reopen_within = settings.alerts.reopen_within
        names = list(settings.signals)
        self._scored = settings.scored_signals
        self._column = {name: column for column, name in enumerate(names)}
        self._scored_column = {name: column for column, name in enumerate(self._scored)}
        self._judged = np.array([settings.signals[name].role == "target" for name in self._scored])
        self._subjects = subjects(self._scored, names)

    def change(self, rows: JudgedRows, changes: Changes) -> None:
        """Enter what happened to alerts of signals, in this order."""
        # In a storm, thousands of alerts open at once: what arrays can do is done for all of them together.
        at, state, verdicts = changes.row, changes.state, rows.verdicts
        evidence = verdicts.nats[at] * self._judged
        columns: list[NDArray[Any]] = [at, changes.channel, changes.change, state["level"], state["events"]]
        columns += [100.0 * state["peak"] / (1.0 + state["peak"]), rows.values[at], verdicts.typical[at]]
        columns += [evidence, evidence.sum(axis=1), rows.known_for[at]]
        lists = [column.tolist() for column in columns]
        lists += map(_moments, (rows.times[at], state["onset"], state["last"]))
        for place in zip(*lists, strict=True):
            self._change(rows, _Place._make(place))

    def _change(self, rows: JudgedRows, place: _Place) -> None:
        row, change, now, onset = place.row, place.change, place.now, place.onset
        kind, subject = self._subjects[place.channel]
        key: Key = (rows.vehicle_ids[row], kind, subject)
        fields: dict[str, Any] = {
            "severity": SEVERITIES[place.level],
            "peak": round(place.peak, 1),
            "events": place.events,
            "last_at": place.last,
        }
        if change == Change.CLEARED:
            if key in self._book:
                self._book.changed(key, state="cleared", cleared_at=now, **fields)
            return
        is_kept = change == Change.WORSENED and key in self._book
        if is_kept and kind == "anomaly" and rows.verdicts.nats[row, place.channel] <= 0.0:
            # Another signal shows the same fault: that says nothing of the one that the alert is named after.
            self._book.changed(key, **fields)
            return
        signals, lead = self._signals(kind, subject, place)
        text = summary(
            kind,
            subject,
            signals,
            self._catalogue,
            onset=onset,
            stuck=lead is not None and bool(rows.verdicts.statistic[row, lead] == STUCK),
            nats=0.0 if lead is None else place.evidence[lead],
            known_for=place.known_for,
        )
        fields |= {"signals": signals, "summary": text}
        if is_kept:
            self._book.changed(key, **fields)
        elif change == Change.REOPENED and key in self._book:
            openings = self._book[key].openings + 1
            self._book.changed(key, state="open", cleared_at=None, opened_at=now, openings=openings, **fields)
        else:
            event_id = rows.event_ids[row]
            self._book.opened(key, event_id, fields | {"onset_at": onset, "opened_at": now})

    def notice(self, vehicle: str, notice: Notice) -> None:
        """Enter that a vehicle has fallen silent, or is heard again."""
        key: Key = (vehicle, "silent", "vehicle")
        now = utc(notice.at)
        if not notice.silent:
            if key in self._book and self._book[key].state == "open":
                self.clear(self._book[key], notice.at)
            return
        onset = utc(notice.latest)
        fields: dict[str, Any] = {
            "severity": "major",
            "peak": round(100.0 * SILENT_STRENGTH / (1.0 + SILENT_STRENGTH), 1),
            "summary": summary("silent", "vehicle", (), self._catalogue, onset=onset),
            "opened_at": now,
            "last_at": onset,
        }
        if key in self._book and self._came_back_lately(key, now):
            alert = self._book[key]
            self._book.changed(key, state="open", cleared_at=None, openings=alert.openings + 1, **fields)
            return
        self._book.opened(
            key,
            f"{key[0]}@{notice.latest}",
            fields | {"onset_at": onset, "signals": (), "events": 1},
        )

    def _came_back_lately(self, key: Key, now: datetime) -> bool:
        cleared = self._book[key].cleared_at
        # A clock that was set back in between makes it a new alert.
        return cleared is None or 0.0 <= (now - cleared).total_seconds() <= self._reopen_within

    def open(self, wanted: Callable[[Alert], bool]) -> list[Alert]:
        """The open alerts that are wanted."""
        return [alert for alert in self._book if alert.state == "open" and wanted(alert)]

    def clear(self, alert: Alert, time: int) -> None:
        """Clear an alert, or one of which no more will be known.

        Args:
            alert: an open alert.
            time: microseconds, by the vehicle's clock; if that is before the alert opened, it counts as then.
        """
        key: Key = (alert.vehicle_id, alert.kind, alert.subject)
        cleared_at = utc(max(time, microseconds(alert.opened_at)))
        self._book.changed(key, state="cleared", cleared_at=cleared_at)

    def _signals(
        self, kind: AlertKind, subject: str, place: _Place
    ) -> tuple[tuple[AlertSignal, ...], int | None]:
        """The signals of an alert; of an anomaly, also which of the scored signals leads."""
        if kind == "limit":
            column = self._column[subject]
            value, low, high = place.values[column], self._low[column], self._high[column]
            return (alert_signal(subject, value, high if value > high else low, 1.0),), None
        if kind == "missing":
            return (alert_signal(subject, math.nan, math.nan, 1.0),), None
        evidence, total, lead = place.evidence, place.total or 1.0, self._scored_column[subject]
        least = LEAST_SHARE * total
        others = [other for other, nats in enumerate(evidence) if nats >= least and other != lead]
        others.sort(key=evidence.__getitem__, reverse=True)
        signals = tuple(
            alert_signal(
                self._scored[signal],
                place.values[self._column[self._scored[signal]]],
                place.typical[signal],
                round(evidence[signal] / total, 3),
            )
            for signal in (lead, *others[: LEADING_SIGNALS - 1])
        )
        return signals, lead


def _moments(times: Integers) -> list[datetime]:
    """`utc` of each of many times, in a fifth of the time."""
    return list(map(EPOCH.__add__, times.astype("timedelta64[us]").tolist()))


def subjects(scored: Sequence[str], signals: Sequence[str]) -> list[tuple[AlertKind, str]]:
    """Kind and subject of each channel of a vehicle."""
    return [
        *(("anomaly", name) for name in scored),
        *(("limit", name) for name in signals),
        *(("missing", name) for name in signals),
    ]
