"""Counts what the demo publishes: scored events, injected faults, those flagged and alerted, false alerts."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import msgspec

from dataflows.events import Alert, Enriched, InjectedFault

LIVE_WITHIN = timedelta(seconds=5)
"""A younger event is live; events of the warm-up lie in the past."""

AFTERMATH = timedelta(seconds=60)
"""After a fault: what comes back to normal may still be unusual."""

POLL = 0.2
"""Seconds between checks of the deadline."""


class Watch:
    """Matches enriched events with the ground truth of faults; `scripts.demo_listeners` feeds it.

    A fault is flagged if an event of its vehicle between its start and its end is an anomaly, and alerted if
    an alert of its vehicle opens in that time. An alert that opens at any other time, and not within a minute
    after a fault, is false. Events of the warm-up, which has no faults, count as scored as well.
    """

    def __init__(self) -> None:
        self._events = msgspec.json.Decoder(Enriched)
        self._faults = msgspec.json.Decoder(InjectedFault)
        self._lock = threading.Lock()
        self._live = threading.Event()
        self._scored = 0
        self._injected: dict[str, InjectedFault] = {}
        self._flagged: set[str] = set()
        self._alerts = msgspec.json.Decoder(Alert)
        self._opened: dict[str, Alert] = {}

    def wait_until_live(self, timeout: float) -> bool:
        """Wait until a live event was scored; returns whether one was within ``timeout`` seconds."""
        return self._live.wait(timeout)

    def count_for(self, seconds: float) -> str | None:
        """Watch the live fleet for ``seconds``; returns what is wrong, or ``None``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(POLL)
        with self._lock:
            if not self._flagged:
                injected = len(self._injected)
                return f"expected at least one injected fault to be flagged, got none of {injected}"
        return None

    def summary(self) -> str:
        """One line: events scored, faults injected, flagged and alerted, false alerts."""
        with self._lock:
            faults, opened = self._injected.values(), self._opened.values()
            alerted = [fault for fault in faults if any(_is_of(alert, fault) for alert in opened)]
            false = [
                alert for alert in opened if not any(_is_of(alert, fault, AFTERMATH) for fault in faults)
            ]
            return (
                f"{self._scored} events scored, {len(faults)} faults injected, "
                f"{len(self._flagged)} faults flagged, {len(alerted)} alerted, {len(false)} false alerts"
            )

    def take_alert(self, payload: bytes) -> None:
        """Take a message from the topics of the alerts; an empty one says that an alert is gone."""
        if payload:
            alert = self._alerts.decode(payload)
            with self._lock:
                self._opened.setdefault(f"{alert.alert_id}#{alert.openings}", alert)

    def take_fault(self, payload: bytes) -> None:
        """Take a message from the topic of the ground truth."""
        fault = self._faults.decode(payload)
        with self._lock:
            self._injected[fault.fault_id] = fault

    def take_event(self, payload: bytes) -> None:
        """Take a message from the enriched topic."""
        event = self._events.decode(payload)
        if datetime.now(UTC) - event.ts < LIVE_WITHIN:
            self._live.set()
        with self._lock:
            self._scored += 1
            if event.is_anomaly:
                self._flagged.update(
                    fault.fault_id
                    for fault in self._injected.values()
                    if fault.vehicle_id == event.vehicle_id and fault.starts_at <= event.ts < fault.ends_at
                )


def _is_of(alert: Alert, fault: InjectedFault, aftermath: timedelta = timedelta()) -> bool:
    """Whether an alert opened while a fault of its vehicle lasted, or in its aftermath."""
    of_vehicle = alert.vehicle_id == fault.vehicle_id
    return of_vehicle and fault.starts_at <= alert.opened_at < fault.ends_at + aftermath
