"""The alerts of one shard: folds scored events and what people do into messages."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.alert.book import AlertBook, Key, alert_signal
from dataflows.alert.evidence import Evidence, Verdicts
from dataflows.alert.evidence_kernel import STUCK
from dataflows.alert.gaps import Gaps
from dataflows.alert.lifecycle import Change, Changes, Lifecycle
from dataflows.alert.limits import Limits
from dataflows.alert.mutes import Mutes
from dataflows.alert.silence import Silence
from dataflows.alert.summary import summary
from dataflows.clock import SECOND, utc
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.decode.batch import TelemetryBatch
from dataflows.decode.expressions import Expression
from dataflows.detector import Status
from dataflows.detector.state import State
from dataflows.detector.vehicle_slots import VehicleSlots
from dataflows.events import SEVERITIES, AlertAction, AlertKind, AlertSignal
from dataflows.messages import OutgoingBatch
from dataflows.score.scorer import ScoredBatch
from dataflows.stored_state import ALERTS, Stored

EVICT_EVERY = 1024
"""Events of a shard after which vehicles beyond `detector.vehicles` are forgotten."""

SETTLE = 300.0
"""Seconds after a pause in which a vehicle opens no anomaly alert: what is cold becomes warm."""

PAUSE = 600.0
"""Seconds between two events that are a pause, in which no signal was missing."""

FORGET_EVERY = 60 * SECOND
"""Event time after which cleared alerts are looked through."""

SILENT_STRENGTH = 4.0
"""Of a silent vehicle: a major alert."""

LEADING_SIGNALS = 3
LEAST_SHARE = 0.1
"""Signals of an alert, at most, and the share of the evidence that the last of them has at least."""

NEVER = -(1 << 62)


class ShardAlerts:
    """Keeps the alerts of one shard.

    The same events in the same order give the same alerts, to the last field but `changed_at`, however they
    are batched; only what people do comes between.

    Args:
        settings: all settings.
        snapshot: state to resume from, as returned by `snapshot`.

    Raises:
        SnapshotError: the snapshot does not fit this version or these settings.
    """

    def __init__(self, settings: Settings, snapshot: Stored | None = None) -> None:
        alerts, detector = settings.alerts, settings.detector
        self._catalogue = settings.signals
        names = list(settings.signals)
        self._names = names
        scored = settings.scored_signals
        self._scored = np.array([names.index(name) for name in scored], np.intp)
        self._scored_names = scored
        signals = [settings.signals[name] for name in scored]
        self._judged = np.array([signal.role == "target" for signal in signals])
        self._above = np.array([signal.direction != "below" for signal in signals])
        self._below = np.array([signal.direction != "above" for signal in signals])
        self._least = np.array([signal.least_deviation for signal in signals])
        self._when = [
            (column, Expression.parse(signal.when, names))
            for column, signal in enumerate(signals)
            if signal.when is not None
        ]
        self._asleep = None if alerts.asleep is None else Expression.parse(alerts.asleep, names)
        self._measured = np.array([not signal.is_derived for signal in settings.signals.values()])

        self._slots = VehicleSlots(detector.vehicles)
        self._silence = Silence(after=alerts.silent_after)
        self._evidence = Evidence(
            len(scored),
            judged=max(int(self._judged.sum()), 1),
            false_alerts_per_day=alerts.false_alerts_per_day,
            hold=detector.hold,
            settle=SETTLE,
        )
        self._limits = Limits(list(settings.signals.values()), after=alerts.limit_after)
        self._gaps = Gaps(len(names), after=alerts.missing_after, pause=PAUSE)
        self._lifecycle = Lifecycle(
            len(scored) + 2 * len(names),
            together=len(scored),
            clear_after=alerts.clear_after,
            reopen_within=alerts.reopen_within,
        )
        self._parts: dict[str, State] = {
            "silence": self._silence,
            "evidence": self._evidence,
            "limits": self._limits,
            "gaps": self._gaps,
            "lifecycle": self._lifecycle,
        }
        self._latest = np.full(0, NEVER)
        self._mutes = Mutes(alerts.maintenance)
        self.book = AlertBook(self._mutes, keep_cleared=alerts.keep_cleared)
        self._reopen_within = alerts.reopen_within
        self._rows = 0
        self._forget_at = NEVER
        if snapshot is not None:
            self._restore(ALERTS.unwrap(snapshot))

    def fold(self, scored: ScoredBatch) -> OutgoingBatch | None:
        """Fold a scored batch, in arrival order.

        Returns:
            The messages about alerts that have changed, if any.
        """
        batch, status = scored.telemetry, scored.scores.status
        start = 0
        while start < len(batch):
            stop = min(len(batch), start + EVICT_EVERY - self._rows % EVICT_EVERY)
            self._fold(batch.part(slice(start, stop)), status[start:stop])
            self._rows += stop - start
            start = stop
            if self._rows % EVICT_EVERY == 0:
                self._evict()
        clock = int(self._silence.clock[0])
        if clock >= self._forget_at:
            self.book.forget(clock)
            self._forget_at = clock + FORGET_EVERY
        return self.book.take()

    def act(self, actions: list[AlertAction]) -> OutgoingBatch | None:
        """Do what people want done, as far as this shard is concerned."""
        for action in actions:
            self.book.act(action)
        return self.book.take()

    def snapshot(self) -> Stored:
        """Copy the whole state, with the layout `ALERTS`."""
        size = self._slots.size
        return ALERTS.wrap(
            {
                "signals": tuple(self._names),
                "scored": tuple(self._scored_names),
                "slots": self._slots.snapshot(),
                "parts": {name: part.snapshot(size) for name, part in self._parts.items()},
                "latest": self._latest[:size].copy(),
                "mutes": self._mutes.snapshot(),
                "book": self.book.snapshot(),
                "rows": self._rows,
                "forget_at": self._forget_at,
            }
        )

    def _restore(self, state: dict[str, Any]) -> None:
        self._mutes.restore(state["mutes"])
        self.book.restore(state["book"])
        if state["signals"] != tuple(self._names) or state["scored"] != tuple(self._scored_names):
            # What people have done is kept; what was known of signals that have changed is not.
            return
        self._slots.restore(state["slots"])
        for name, part in self._parts.items():
            part.restore(state["parts"][name])
        self._latest = state["latest"].copy()
        self._rows, self._forget_at = state["rows"], state["forget_at"]

    def _fold(self, batch: TelemetryBatch, status: NDArray[np.uint8]) -> None:
        slots = self._slots.slots(batch.vehicle_ids)
        if self._slots.size > len(self._latest):
            grown = np.full(max(self._slots.size, 2 * len(self._latest), 16), NEVER)
            grown[: len(self._latest)] = self._latest
            self._latest = grown
            for part in self._parts.values():
                part.grow(len(grown))
        asleep = np.zeros(len(batch), np.bool_) if self._asleep is None else self._asleep.holds(batch.values)
        for row, slot, silent in self._silence.hear(slots, batch.timestamps, asleep):
            self._silent(batch, row, slot, silent=silent)
        # What is late says nothing about now; what is out of order is taken as of its vehicle's latest event.
        used = np.flatnonzero(status != Status.LATE)
        slots, values = slots[used], batch.values[used]
        times, in_order = _rising(slots, batch.timestamps[used], self._latest)
        self._advance(batch, used, slots, times, values, in_order)

    def _advance(
        self,
        batch: TelemetryBatch,
        used: Slots,
        slots: Slots,
        times: Integers,
        values: Floats,
        in_order: Mask,
    ) -> None:
        scored, signals = len(self._scored), len(self._names)
        verdicts = self._judge(slots, times, values, in_order)
        strengths = np.empty((len(slots), scored + 2 * signals))
        onsets = np.empty(strengths.shape, np.int64)
        strengths[:, :scored], onsets[:, :scored] = self._anomalies(verdicts, values), times[:, None]
        parts = slice(scored, scored + signals), slice(scored + signals, None)
        strengths[:, parts[0]], onsets[:, parts[0]] = self._limits.judge(slots, times, values)
        strengths[:, parts[1]], onsets[:, parts[1]] = self._gaps.judge(slots, times, values)
        strengths[:, parts[1]] *= self._measured
        changes = self._lifecycle.advance(slots, times, strengths, onsets)
        for position in range(len(changes.row)):
            self._change(batch, used, times, values, verdicts, changes, position)

    def _judge(self, slots: Slots, times: Integers, values: Floats, in_order: Mask) -> Verdicts:
        judged = values[:, self._scored]
        for column, condition in self._when:
            judged[~condition.holds(values), column] = np.nan
        if not in_order.all():
            judged[~in_order] = np.nan
        return self._evidence.judge(slots, times, judged)

    def _anomalies(self, verdicts: Verdicts, values: Floats) -> Floats:
        """Strength of the evidence against each scored signal, where the catalogue lets it count."""
        strengths = verdicts.nats / verdicts.bar[:, None]
        strong = strengths >= 1.0
        if not strong.any():
            strengths[:] = 0.0
            return strengths
        counts = np.where(verdicts.upwards, self._above, self._below) & self._judged
        off = np.abs(values[:, self._scored] - verdicts.typical)
        counts &= ~(off < self._least)
        return np.where(strong & counts, strengths, 0.0)

    def _change(
        self,
        batch: TelemetryBatch,
        used: Slots,
        times: Integers,
        values: Floats,
        verdicts: Verdicts,
        changes: Changes,
        position: int,
    ) -> None:
        row, channel = int(changes.row[position]), int(changes.channel[position])
        change, state = Change(int(changes.change[position])), changes.state[position]
        kind, subject = self._subject(channel)
        vehicle = batch.vehicle_ids[used[row]]
        key: Key = (vehicle, kind, subject)
        now = utc(int(times[row]))
        fields: dict[str, Any] = {
            "severity": SEVERITIES[int(state["level"])],
            "peak": round(float(100.0 * state["peak"] / (1.0 + state["peak"])), 1),
            "events": int(state["events"]),
            "last_at": utc(int(state["last"])),
        }
        if change is Change.CLEARED:
            if key in self.book:
                self.book.changed(key, state="cleared", cleared_at=now, **fields)
            return
        onset = utc(int(state["onset"]))
        signals, stuck, nats = self._signals(kind, subject, values[row], verdicts, row)
        text = summary(
            kind,
            subject,
            signals,
            self._catalogue,
            onset=onset,
            stuck=stuck,
            nats=nats,
            known_for=float(self._evidence.seconds[0]),
        )
        fields |= {"signals": signals, "summary": text}
        if change is Change.WORSENED and key in self.book:
            self.book.changed(key, **fields)
        elif change is Change.REOPENED and key in self.book:
            openings = self.book[key].openings + 1
            self.book.changed(key, state="open", cleared_at=None, opened_at=now, openings=openings, **fields)
        else:
            event_id = batch.event_ids[used[row]]
            self.book.opened(key, event_id, fields | {"onset_at": onset, "opened_at": now})

    def _subject(self, channel: int) -> tuple[AlertKind, str]:
        scored, signals = len(self._scored), len(self._names)
        if channel < scored:
            return "anomaly", self._scored_names[channel]
        if channel < scored + signals:
            return "limit", self._names[channel - scored]
        return "missing", self._names[channel - scored - signals]

    def _signals(
        self, kind: AlertKind, subject: str, values: Floats, verdicts: Verdicts, row: int
    ) -> tuple[tuple[AlertSignal, ...], bool, float]:
        """The signals of an alert, whether the leading one is stuck, and how unusual it is in nats."""
        column = self._names.index(subject)
        if kind == "limit":
            value = float(values[column])
            low, high = float(self._limits.low[column]), float(self._limits.high[column])
            return (alert_signal(subject, value, high if value > high else low, 1.0),), False, 0.0
        if kind == "missing":
            return (alert_signal(subject, math.nan, math.nan, 1.0),), False, 0.0
        nats = verdicts.nats[row] * self._judged
        lead = self._scored_names.index(subject)
        total = float(nats.sum()) or 1.0
        order = [lead, *(other for other in np.argsort(-nats).tolist() if other != lead)]
        signals = tuple(
            alert_signal(
                self._scored_names[other],
                float(values[self._scored[other]]),
                float(verdicts.typical[row, other]),
                round(float(nats[other]) / total, 3),
            )
            for other in order[:LEADING_SIGNALS]
            if other == lead or nats[other] >= LEAST_SHARE * total
        )
        return signals, bool(verdicts.statistic[row, lead] == STUCK), float(nats[lead])

    def _silent(self, batch: TelemetryBatch, row: int, slot: int, *, silent: bool) -> None:
        key: Key = (self._slots.name(slot), "silent", "vehicle")
        now = utc(int(self._silence.clock[0]))
        if not silent:
            if key in self.book:
                self.book.changed(key, state="cleared", cleared_at=utc(int(batch.timestamps[row])))
            return
        onset = utc(int(self._silence.latest[slot]))
        fields: dict[str, Any] = {
            "severity": "major",
            "peak": round(100.0 * SILENT_STRENGTH / (1.0 + SILENT_STRENGTH), 1),
            "summary": summary("silent", "vehicle", (), self._catalogue, onset=onset),
            "opened_at": max(now, onset),
            "last_at": onset,
        }
        if key in self.book and self._came_back_lately(key, now):
            alert = self.book[key]
            self.book.changed(key, state="open", cleared_at=None, openings=alert.openings + 1, **fields)
            return
        self.book.opened(
            key,
            f"{key[0]}@{self._silence.latest[slot]}",
            fields | {"onset_at": onset, "signals": (), "events": 1},
        )

    def _came_back_lately(self, key: Key, now: datetime) -> bool:
        cleared = self.book[key].cleared_at
        return cleared is None or (now - cleared).total_seconds() <= self._reopen_within

    def _evict(self) -> None:
        evicted = self._slots.evict()
        if not len(evicted):
            return
        for part in self._parts.values():
            part.forget(evicted)
        self._latest[evicted] = NEVER
        gone = set(self._slots.last_evicted)
        clock = utc(int(self._silence.clock[0]))
        for alert in [alert for alert in self.book if alert.vehicle_id in gone and alert.state == "open"]:
            self.book.changed(
                (alert.vehicle_id, alert.kind, alert.subject), state="cleared", cleared_at=clock
            )


@compiled
def _rising(slots: Slots, times: Integers, latest: Integers) -> tuple[Integers, Mask]:
    """Times that do not fall within a vehicle, and which of them are as sent; updates `latest`."""
    rising, in_order = np.empty(len(slots), np.int64), np.empty(len(slots), np.bool_)
    for row in range(len(slots)):
        slot = slots[row]
        in_order[row] = times[row] >= latest[slot]
        latest[slot] = max(latest[slot], times[row])
        rising[row] = latest[slot]
    return rising, in_order
