"""What the demo sees of the fleet: scored events, injected faults, and which of them were flagged."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from config.settings import Settings
from dataflows.events import Enriched, InjectedFault

LIVE_WITHIN = timedelta(seconds=5)
"""An event this young was sent just now: the warm-up, which sends the past, is over."""

POLL = 0.2
"""Seconds between looks at what has come."""


class Watch:
    """Subscribes to enriched events and to the ground truth of faults, and matches them.

    A fault counts as flagged if one of its vehicle's events between its start and its end is an
    anomaly. Events of the warm-up, in which there are no faults, are counted as scored too.

    Args:
        settings: all settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._events = msgspec.json.Decoder(Enriched)
        self._faults = msgspec.json.Decoder(InjectedFault)
        self._lock = threading.Lock()
        self._live = threading.Event()
        self._scored = 0
        self._injected: dict[str, InjectedFault] = {}
        self._flagged: set[str] = set()
        # amqtt: MQTT 3.1.1.
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="demo-watch", protocol=paho.MQTTv311
        )
        self._client.on_connect = self._subscribe
        self._client.on_message = self._receive

    def wait_until_live(self, timeout: float) -> bool:
        """Wait until an event that was sent just now comes back scored; whether it did in time."""
        self._client.connect_async(self._settings.mqtt.host, self._settings.mqtt.port)
        self._client.loop_start()
        return self._live.wait(timeout)

    def count_for(self, seconds: float) -> str | None:
        """Watch the live fleet for so long. Returns what went wrong, or ``None``."""
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

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        topics = self._settings.topics
        client.subscribe([(f"{topics.enriched}/+", 0), (topics.ground_truth, 1)])

    def _receive(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic == self._settings.topics.ground_truth:
            fault = self._faults.decode(message.payload)
            with self._lock:
                self._injected[fault.fault_id] = fault
            return
        event = self._events.decode(message.payload)
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
