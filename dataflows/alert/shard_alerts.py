"""The alerts of one shard: folds scored events and what people do into messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.alert.book import AlertBook
from dataflows.alert.entries import Entries, JudgedRows, subjects
from dataflows.alert.evidence import Evidence, Verdicts
from dataflows.alert.gaps import Gaps
from dataflows.alert.judged_while import JudgedWhile
from dataflows.alert.lifecycle import Conditions, Lifecycle
from dataflows.alert.limits import Limits
from dataflows.alert.mutes import Mutes
from dataflows.alert.silence import Silence
from dataflows.alert.vehicle_times import Times, VehicleTimes
from dataflows.clock import NEVER, SECOND
from dataflows.compiled import Floats, Integers, Mask, Slots
from dataflows.decode.batch import TelemetryBatch
from dataflows.decode.expressions import Expression
from dataflows.detector import Status
from dataflows.detector.state import State
from dataflows.detector.vehicle_slots import VehicleSlots
from dataflows.events import AlertAction
from dataflows.messages import OutgoingBatch
from dataflows.score.scorer import ScoredBatch
from dataflows.stored_state import ALERTS, Stored

EVICT_EVERY = 1024
"""Events of a shard after which vehicles beyond `detector.vehicles` are forgotten."""

SETTLE = 300.0
"""Seconds after a pause in which a vehicle opens no anomaly alert: what is cold becomes warm."""

PAUSE = 600.0
"""Seconds between two events that are a pause, in which no signal was missing."""

FORGET_EVERY, FORGET_ROWS = 60 * SECOND, 64
"""Event time after which cleared alerts are looked through, and events at whose multiples that may be."""


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
        conditions = [None if it.when is None else Expression.parse(it.when, names) for it in signals]
        self._asleep = None if alerts.asleep is None else Expression.parse(alerts.asleep, names)
        self._measured = np.array([not signal.is_derived for signal in settings.signals.values()])

        self._slots = VehicleSlots(detector.vehicles)
        self._silence = Silence(after=alerts.silent_after)
        self._times = VehicleTimes(hold=detector.hold)
        self._judged_while = JudgedWhile(conditions, settle=SETTLE)
        self._evidence = Evidence(
            len(scored),
            judged=self._judged,
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
            "times": self._times,
            "judged_while": self._judged_while,
            "evidence": self._evidence,
            "limits": self._limits,
            "gaps": self._gaps,
            "lifecycle": self._lifecycle,
        }
        self._room = 0
        self._mutes = Mutes(alerts.maintenance)
        self.book = AlertBook(self._mutes, keep_cleared=alerts.keep_cleared)
        self._entries = Entries(settings, self.book, self._limits)
        self._rows = 0
        self._forget_at = NEVER
        if snapshot is not None:
            self._restore(ALERTS.unwrap(snapshot))

    @property
    def event_time(self) -> int:
        """What the shard's vehicles have reached, microseconds since 1970-01-01 UTC; `NEVER` at first."""
        return int(self._silence.clock[0])

    def fold(self, scored: ScoredBatch) -> OutgoingBatch | None:
        """Fold a scored batch, in arrival order.

        Returns:
            The messages about alerts that have changed, if any.
        """
        batch, status = scored.telemetry, scored.scores.status
        start = 0
        while start < len(batch):
            stop = len(batch)
            # With so few vehicles none is forgotten, and the batch need not be cut where it would be.
            if len(self._slots) + stop - start > self._slots.limit:
                stop = min(stop, start + EVICT_EVERY - self._rows % EVICT_EVERY)
            self._fold(batch.part(slice(start, stop)), status[start:stop])
            self._rows += stop - start
            start = stop
            if self._rows % EVICT_EVERY == 0:
                self._evict()
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
                "mutes": self._mutes.snapshot(),
                "book": self.book.snapshot(),
                "waiting": self.book.waiting(),
                "rows": self._rows,
                "forget_at": self._forget_at,
            }
        )

    def _restore(self, state: dict[str, Any]) -> None:
        self._mutes.restore(state["mutes"])
        self.book.restore(state["book"])
        self.book.restore_waiting(state.get("waiting", []))
        self._slots.restore(state["slots"])
        self._room = self._slots.size
        self._rows, self._forget_at = state["rows"], state["forget_at"]
        parts = state["parts"]
        if state["signals"] == tuple(self._names) and state["scored"] == tuple(self._scored_names):
            for name, part in self._parts.items():
                part.restore(parts[name])
            return
        # What was learned of signals that have changed is of no use; alerts, and what people did, are kept.
        for name in ("silence", "times"):
            self._parts[name].restore(parts[name])
        for part in self._parts.values():
            part.grow(self._room)
        before = subjects(state["scored"], state["signals"])
        now = subjects(self._scored_names, self._names)
        self._lifecycle.adopt(
            parts["lifecycle"], [before.index(place) if place in before else None for place in now]
        )
        # Of each vehicle, its own latest event time is what it knows of the time.
        latest = dict(zip(state["slots"]["names"], parts["times"]["latest"].tolist(), strict=True))
        for alert in self._entries.open(
            lambda alert: alert.kind != "silent" and (alert.kind, alert.subject) not in now
        ):
            self._entries.clear(alert, latest.get(alert.vehicle_id, NEVER))

    def _fold(self, batch: TelemetryBatch, status: NDArray[np.uint8]) -> None:
        slots = self._slots.slots(batch.vehicle_ids)
        self._grow()
        asleep = np.zeros(len(batch), np.bool_) if self._asleep is None else self._asleep.holds(batch.values)
        notices, clocks = self._silence.hear(slots, batch.timestamps, asleep)
        start = 0
        while start < len(batch):
            # What is forgotten at the same events, however they are batched, changes no result.
            due = self._due(clocks, start)
            stop = len(batch) if due is None else due + 1
            for notice in notices:
                if start <= notice.row < stop:
                    self._entries.notice(self._slots.name(notice.slot), notice)
            self._follow(batch, slots, start + np.flatnonzero(status[start:stop] != Status.LATE))
            if due is not None:
                self.book.forget(int(clocks[due]))
                self._forget_at = int(clocks[due]) + FORGET_EVERY
            start = stop

    def _due(self, clocks: Integers, start: int) -> int | None:
        """The first event from `start` on after which the book may forget, if there is one."""
        first = start + (-1 - self._rows - start) % FORGET_ROWS
        for row in range(first, len(clocks), FORGET_ROWS):
            if not self._forget_at - FORGET_EVERY <= clocks[row] < self._forget_at:
                return row
        return None

    def _grow(self) -> None:
        if self._slots.size > self._room:
            self._room = max(self._slots.size, 2 * self._room, 16)
            for part in self._parts.values():
                part.grow(self._room)

    def _follow(self, batch: TelemetryBatch, slots: Slots, used: Slots) -> None:
        """Advance by events that are not late.

        What is late says nothing about now; what is out of order is taken as of its vehicle's latest event.
        """
        while len(used):
            times = self._times.follow(slots[used], batch.timestamps[used])
            stop = len(times.rising)
            self._advance(batch, slots, used[:stop], times)
            if times.set_back:
                self._set_back(batch, slots, int(used[stop]))
            used = used[stop:]

    def _set_back(self, batch: TelemetryBatch, slots: Slots, row: int) -> None:
        """Forget what was learned of a vehicle whose clock was set back: its times lie in the future now."""
        vehicle, time = batch.vehicle_ids[row], int(batch.timestamps[row])
        self._forget(slots[row : row + 1])
        for alert in self._entries.open(lambda alert: alert.vehicle_id == vehicle and alert.kind != "silent"):
            self._entries.clear(alert, time)

    def _forget(self, slots: Slots) -> None:
        for name, part in self._parts.items():
            if name != "silence":
                part.forget(slots)

    def _advance(self, batch: TelemetryBatch, all_slots: Slots, used: Slots, time: Times) -> None:
        times, slots, values = time.rising, all_slots, batch.values
        if len(used) < len(all_slots):
            slots, values = slots[used], values[used]
        verdicts = self._judge(slots, times, values, time.in_order)
        missing = self._gaps.judge(slots, times, values)
        if not self._measured.all():
            missing.strengths[:] *= self._measured
        conditions = (
            self._anomalies(verdicts, times, values),
            self._limits.judge(slots, times, values),
            missing,
        )
        changes = self._lifecycle.advance(slots, times, conditions)
        if not len(changes.row):
            return
        event_ids, vehicle_ids = ([ids[row] for row in used] for ids in (batch.event_ids, batch.vehicle_ids))
        rows = JudgedRows(event_ids, vehicle_ids, times, values, verdicts, time.known_for)
        self._entries.change(rows, changes)

    def _judge(self, slots: Slots, times: Integers, values: Floats, in_order: Mask) -> Verdicts:
        judged = values[:, self._scored]
        self._judged_while.drop(slots, times, values, judged)
        if not in_order.all():
            judged[~in_order] = np.nan
        return self._evidence.judge(slots, times, judged)

    def _anomalies(self, verdicts: Verdicts, times: Integers, values: Floats) -> Conditions:
        """The evidence against each scored signal, where the catalogue lets it count."""
        strengths, onsets = np.zeros(verdicts.nats.shape), times[:, None]
        bar = verdicts.bar[:, None]
        strong = verdicts.nats >= bar
        if strong.any():
            off = np.abs(values[:, self._scored] - verdicts.typical)
            counts = (
                np.where(verdicts.upwards, self._above, self._below) & self._judged & ~(off < self._least)
            )
            np.divide(verdicts.nats, bar, out=strengths, where=strong & counts)
        return Conditions(strengths, onsets)

    def _evict(self) -> None:
        evicted = self._slots.evict()
        if not len(evicted):
            return
        latest = dict(zip(self._slots.last_evicted, self._silence.latest[evicted].tolist(), strict=True))
        self._forget(evicted)
        self._silence.forget(evicted)
        for alert in self._entries.open(lambda alert: alert.vehicle_id in latest):
            self._entries.clear(alert, latest[alert.vehicle_id])
