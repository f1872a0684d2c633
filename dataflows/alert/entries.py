"""What happens to vehicles and their signals, as entries in the book of alerts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from config.settings import Settings
from dataflows.alert.book import AlertBook, Key, alert_signal
from dataflows.alert.evidence import Verdicts
from dataflows.alert.evidence_kernel import STUCK
from dataflows.alert.lifecycle import Change, Changes
from dataflows.alert.limits import Limits
from dataflows.alert.silence import Notice
from dataflows.alert.summary import summary
from dataflows.clock import microseconds, utc
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


class Entries:
    """Writes into the book of a shard.

    Args:
        settings: all settings.
        book: the book.
        limits: the alarm limits.
    """

    def __init__(self, settings: Settings, book: AlertBook, limits: Limits) -> None:
        self._book = book
        self._limits = limits
        self._catalogue = settings.signals
        self._reopen_within = settings.alerts.reopen_within
        self._names = list(settings.signals)
        self._scored = settings.scored_signals
        self._judged = np.array([settings.signals[name].role == "target" for name in self._scored])
        self._subjects = subjects(self._scored, self._names)

    def change(self, rows: JudgedRows, changes: Changes, position: int) -> None:
        """Enter what happened to an alert of a signal: the change at this position."""
        row, channel = int(changes.row[position]), int(changes.channel[position])
        change, state = Change(int(changes.change[position])), changes.state[position]
        kind, subject = self._subjects[channel]
        vehicle = rows.vehicle_ids[row]
        key: Key = (vehicle, kind, subject)
        now = utc(int(rows.times[row]))
        fields: dict[str, Any] = {
            "severity": SEVERITIES[int(state["level"])],
            "peak": round(float(100.0 * state["peak"] / (1.0 + state["peak"])), 1),
            "events": int(state["events"]),
            "last_at": utc(int(state["last"])),
        }
        if change is Change.CLEARED:
            if key in self._book:
                self._book.changed(key, state="cleared", cleared_at=now, **fields)
            return
        onset = utc(int(state["onset"]))
        is_kept = change is Change.WORSENED and key in self._book
        if is_kept and kind == "anomaly" and rows.verdicts.nats[row, channel] <= 0.0:
            # Another signal shows the same fault: that says nothing of the one that the alert is named after.
            self._book.changed(key, **fields)
            return
        signals, stuck, nats = self._signals(kind, subject, rows, row)
        text = summary(
            kind,
            subject,
            signals,
            self._catalogue,
            onset=onset,
            stuck=stuck,
            nats=nats,
            known_for=float(rows.known_for[row]),
        )
        fields |= {"signals": signals, "summary": text}
        if is_kept:
            self._book.changed(key, **fields)
        elif change is Change.REOPENED and key in self._book:
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
        self, kind: AlertKind, subject: str, rows: JudgedRows, row: int
    ) -> tuple[tuple[AlertSignal, ...], bool, float]:
        """The signals of an alert, whether the leading one is stuck, and how unusual it is in nats."""
        column, values, verdicts = self._names.index(subject), rows.values[row], rows.verdicts
        if kind == "limit":
            value = float(values[column])
            low, high = float(self._limits.low[column]), float(self._limits.high[column])
            return (alert_signal(subject, value, high if value > high else low, 1.0),), False, 0.0
        if kind == "missing":
            return (alert_signal(subject, math.nan, math.nan, 1.0),), False, 0.0
        nats = verdicts.nats[row] * self._judged
        lead = self._scored.index(subject)
        total = float(nats.sum()) or 1.0
        order = [lead, *(other for other in np.argsort(-nats).tolist() if other != lead)]
        signals = tuple(
            alert_signal(
                self._scored[other],
                float(values[self._names.index(self._scored[other])]),
                float(verdicts.typical[row, other]),
                round(float(nats[other]) / total, 3),
            )
            for other in order[:LEADING_SIGNALS]
            if other == lead or nats[other] >= LEAST_SHARE * total
        )
        return signals, bool(verdicts.statistic[row, lead] == STUCK), float(nats[lead])


def subjects(scored: Sequence[str], signals: Sequence[str]) -> list[tuple[AlertKind, str]]:
    """Kind and subject of each channel of a vehicle."""
    return [
        *(("anomaly", name) for name in scored),
        *(("limit", name) for name in signals),
        *(("missing", name) for name in signals),
    ]
