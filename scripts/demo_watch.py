"""Counts what the demo publishes: scored events, injected faults, and the faults that were flagged."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import msgspec

from dataflows.events import Enriched, InjectedFault

LIVE_WITHIN = timedelta(seconds=5)
"""A younger event is live; events of the warm-up lie in the past."""

POLL = 0.2
"""Seconds between checks of the deadline."""


class Watch:
    """Matches enriched events with the ground truth of faults; `scripts.demo_listeners` feeds it.

    A fault is flagged if an event of its vehicle between its start and its end is an anomaly. Events of the
    warm-up, which has no faults, count as scored as well.
    """

    def __init__(self) -> None:
        self._events = msgspec.json.Decoder(Enriched)
        self._faults = msgspec.json.Decoder(InjectedFault)
        self._lock = threading.Lock()
        self._live = threading.Event()
        self._scored = 0
        self._injected: dict[str, InjectedFault] = {}
        self._flagged: set[str] = set()

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
        """One line: events scored, faults injected, faults flagged."""
        with self._lock:
            return (
                f"{self._scored} events scored, {len(self._injected)} faults injected, "
                f"{len(self._flagged)} faults flagged"
            )

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
