"""The alert of the pipeline itself: nobody in the fleet sends anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.operators import KeyedStream, StatefulBatchLogic

from config.settings import Settings
from dataflows.alert.book import AlertBook, Key
from dataflows.alert.counting import AlertMetrics
from dataflows.alert.mutes import Mutes
from dataflows.alert.summary import summary
from dataflows.clock import microseconds
from dataflows.events import AlertAction
from dataflows.messages import OutgoingBatch
from dataflows.stored_state import FLEET_SILENCE, Stored

KEY: Key = ("", "silent", "fleet")
"""Of the alert: it belongs to no vehicle."""

STEP_KEY = "fleet"

Sign = int | list[AlertAction]
"""How many events have come, or what people did."""


def _now() -> datetime:
    return datetime.now(UTC)


class FleetSilence:
    """Opens an alert when no event has come for a while by the clock of the job, and clears it with the next.

    Args:
        settings: ``alerts.no_data_after`` is used.
        snapshot: state to resume from.
        now: the time of day.
    """

    def __init__(
        self, settings: Settings, snapshot: Stored | None = None, now: Callable[[], datetime] = _now
    ) -> None:
        self._settings = settings
        self._after = timedelta(seconds=settings.alerts.no_data_after or 0.0)
        self._now = now
        self._heard_at = now()
        self._reopen_within = timedelta(seconds=settings.alerts.reopen_within)
        self._mutes = Mutes(settings.alerts.maintenance)
        self.book = AlertBook(self._mutes, keep_cleared=settings.alerts.keep_cleared, now=now)
        if snapshot is not None:
            state = FLEET_SILENCE.unwrap(snapshot)
            self._mutes.restore(state["mutes"])
            self.book.restore(state["book"])

    @property
    def due(self) -> datetime | None:
        """When the alert opens if nothing comes; ``None`` while it is open."""
        return None if self._is_open else self._heard_at + self._after

    @property
    def _is_open(self) -> bool:
        return KEY in self.book and self.book[KEY].state == "open"

    def hear(self, signs: Iterable[Sign]) -> OutgoingBatch | None:
        """Note that events have come, or what people did."""
        for sign in signs:
            if isinstance(sign, list):
                for action in sign:
                    self.book.act(action)
            elif sign:
                self._heard_at = self._now()
                if self._is_open:
                    self.book.changed(KEY, state="cleared", cleared_at=self._heard_at)
        self.book.forget(microseconds(self._now()))
        return self.book.take()

    def check(self) -> OutgoingBatch | None:
        """Open the alert if it is due."""
        now = self._now()
        due = self.due
        if due is None or now < due:
            return None
        onset = self._heard_at
        fields: dict[str, Any] = {
            "severity": "critical",
            "peak": 100.0,
            "summary": summary("silent", "fleet", (), self._settings.signals, onset=onset),
            "opened_at": now,
            "last_at": onset,
        }
        if self._came_back_lately(now):
            again = self.book[KEY].openings + 1
            self.book.changed(KEY, state="open", cleared_at=None, openings=again, **fields)
        else:
            fields |= {"signals": (), "events": 0, "onset_at": onset}
            self.book.opened(KEY, f"{onset:%Y%m%dT%H%M%S}", fields)
        return self.book.take()

    def _came_back_lately(self, now: datetime) -> bool:
        cleared = self.book[KEY].cleared_at if KEY in self.book else None
        return cleared is not None and now - cleared <= self._reopen_within

    def snapshot(self) -> Stored:
        """Copy the whole state, with the layout `FLEET_SILENCE`."""
        return FLEET_SILENCE.wrap({"book": self.book.snapshot(), "mutes": self._mutes.snapshot()})


class _Logic(StatefulBatchLogic[Sign, OutgoingBatch, Stored]):
    def __init__(self, silence: FleetSilence, step_id: str) -> None:
        self._silence = silence
        self._counted = AlertMetrics(silence.book.tally, step_id)

    def on_batch(self, values: list[Sign]) -> tuple[Iterable[OutgoingBatch], bool]:
        return self._messages(self._silence.hear(values)), self.RETAIN

    def on_notify(self) -> tuple[Iterable[OutgoingBatch], bool]:
        return self._messages(self._silence.check()), self.RETAIN

    def notify_at(self) -> datetime | None:
        return self._silence.due

    def snapshot(self) -> Stored:
        return self._counted.snapshot(self._silence.snapshot())

    def _messages(self, batch: OutgoingBatch | None) -> list[OutgoingBatch]:
        messages = [] if batch is None else [batch]
        self._counted.count(messages)
        return messages


class _Once(StatelessSourcePartition[Sign]):
    def __init__(self, signs: list[Sign]) -> None:
        self._signs = signs

    def next_batch(self) -> list[Sign]:
        if not self._signs:
            raise StopIteration
        signs, self._signs = self._signs, []
        return signs


class _Start(DynamicSource[Sign]):
    """A single sign, of no event: the engine calls a step for the first time when something comes to it."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Once:
        return _Once([0] if worker_index == 0 else [])


def fleet_silence(step_id: str, up: Stream[Sign], settings: Settings) -> KeyedStream[OutgoingBatch]:
    """Messages about the alert that nobody sends anything, not even when the job starts.

    Args:
        step_id: names the step; also the key under which its state is recovered.
        up: numbers of events as they come, and actions.
        settings: all settings.
    """
    start = op.input(f"{step_id}-start", up.flow(), _Start())
    signs = op.merge(f"{step_id}-signs", start, up)
    keyed = op.key_on(f"{step_id}-keyed", signs, lambda _: STEP_KEY)
    return op.stateful_batch(
        step_id, keyed, lambda snapshot: _Logic(FleetSilence(settings, snapshot), step_id)
    )
