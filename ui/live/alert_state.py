"""The alerts that the page knows, in bounded memory: of each alert the highest revision."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec

from dataflows.events import JSON_ERRORS, SEVERITIES, Alert

MAX_ALERTS = 2_000
"""Alerts kept; beyond that, cleared ones are dropped first."""

CONFIRM_WITHIN = 10.0
"""Seconds within which a broker sends the alerts it has kept; amqtt takes 4.9 s for 10,000."""

SHARED_FOR = 1.0
"""Seconds for which viewers get the same snapshot if no alert changes: a mute ends without a message."""

_ALERT = msgspec.json.Decoder(Alert)


@dataclass(frozen=True)
class AlertSnapshot:
    """The alerts at one moment.

    Attributes:
        taken_at: when, seconds since the epoch.
        alerts: in the order of `urgency`.
        dropped: alerts that are no longer kept because there are more than `MAX_ALERTS`.
        undecodable: messages on the alerts topic that are not alerts.
    """

    taken_at: float
    alerts: tuple[Alert, ...]
    dropped: int
    undecodable: int

    @cached_property
    def open(self) -> tuple[Alert, ...]:
        """The open alerts, muted ones included."""
        return tuple(alert for alert in self.alerts if alert.state == "open")

    @cached_property
    def muted(self) -> tuple[Alert, ...]:
        """The open alerts that nobody is to be told of."""
        return tuple(alert for alert in self.open if is_muted(alert, self.taken_at))

    @cached_property
    def unacknowledged(self) -> tuple[Alert, ...]:
        """The open alerts that somebody should look at: neither acknowledged nor muted."""
        return tuple(
            alert for alert in self.open if not alert.acknowledged_by and not is_muted(alert, self.taken_at)
        )

    @cached_property
    def worst(self) -> dict[str, Alert]:
        """Vehicle id → its open alert of the highest severity that is not muted."""
        found: dict[str, Alert] = {}
        for alert in self.open:
            if not is_muted(alert, self.taken_at):
                held = found.setdefault(alert.vehicle_id, alert)
                if SEVERITIES.index(alert.severity) > SEVERITIES.index(held.severity):
                    found[alert.vehicle_id] = alert
        return found


def is_muted(alert: Alert, now: float) -> bool:
    """Whether nobody is to be told of an alert at `now`, seconds since the epoch."""
    return alert.muted_until is not None and alert.muted_until.timestamp() > now


def urgency(alert: Alert, now: float) -> tuple[int, bool, int, float, str]:
    """Sorts alerts: open ones, muted ones, cleared ones.

    Open ones that nobody has acknowledged come first, then by severity, then the newest; of the cleared ones
    that which cleared last.
    """
    if alert.state == "cleared":
        cleared_at = alert.cleared_at or alert.last_at
        return (2, False, 0, -cleared_at.timestamp(), alert.alert_id)
    return (
        1 if is_muted(alert, now) else 0,
        bool(alert.acknowledged_by),
        -SEVERITIES.index(alert.severity),
        -alert.opened_at.timestamp(),
        alert.alert_id,
    )


@dataclass(frozen=True, slots=True)
class _Held:
    alert: Alert
    place: str


class AlertState:
    """The alerts topic as it is now; safe to use from several threads.

    A *place* is what a broker keeps one alert for: a topic of MQTT, a key of Kafka.

    Args:
        clock: seconds since the epoch.
        max_alerts: alerts kept.
        shared_for: seconds for which viewers get the same snapshot if no alert changes.
        version: from which versions rise.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        max_alerts: int = MAX_ALERTS,
        shared_for: float = SHARED_FOR,
        version: int = 0,
    ) -> None:
        self._clock = clock
        self._max_alerts = max_alerts
        self._shared_for = shared_for
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._at: dict[str, set[str]] = {}
        self._unconfirmed: set[str] = set()
        self._confirm_by = 0.0
        self._dropped = self._undecodable = 0
        self._version = version
        self._mute_ends = math.inf
        self._shared: AlertSnapshot | None = None

    @property
    def version(self) -> int:
        """Rises with every change, also when a mute ends, of which no message tells."""
        if self._clock() >= self._mute_ends:
            with self._lock:
                self._note_ends()
                self._changed()
        return self._version

    def record(self, place: str, payload: bytes) -> None:
        """Record one message of the alerts topic.

        Args:
            place: its topic (MQTT) or key (Kafka).
            payload: an `Alert` in JSON, or empty: the place has no alert any more. Anything else is counted
                as undecodable. A revision that is not higher than the known one is ignored.
        """
        alert = _decoded(payload) if payload else None
        with self._lock:
            self._unconfirmed.discard(place)
            if not payload:
                self._forget([place])
            elif alert is None:
                self._undecodable += 1
                self._changed()
            else:
                held = self._held.get(alert.alert_id)
                if held is None or alert.revision > held.alert.revision:
                    self._keep(alert.alert_id, _Held(alert, place))
                    if len(self._held) > self._max_alerts:
                        self._drop()
                    self._changed()

    def expect_all(self) -> None:
        """Note that the broker is about to send all alerts that it keeps.

        What it has not sent within `CONFIRM_WITHIN` seconds has gone while nobody listened.
        """
        with self._lock:
            self._unconfirmed = set(self._at)
            self._confirm_by = self._clock() + CONFIRM_WITHIN

    def expect_nothing(self) -> None:
        """Note that the connection has broken: what the broker has not sent yet may still be there."""
        with self._lock:
            self._unconfirmed = set()

    def snapshot(self) -> AlertSnapshot:
        """The alerts now."""
        now = self._clock()
        with self._lock:
            if self._unconfirmed and now >= self._confirm_by:
                self._forget(self._unconfirmed)
                self._unconfirmed = set()
            if self._shared is None or not 0.0 <= now - self._shared.taken_at < self._shared_for:
                alerts = sorted(self._current(), key=lambda alert: urgency(alert, now))
                self._shared = AlertSnapshot(now, tuple(alerts), self._dropped, self._undecodable)
            return self._shared

    def _current(self) -> Iterator[Alert]:
        """Without open alerts whose clearing was missed: a place has a later one."""
        latest: dict[str, datetime] = {}
        for held in self._held.values():
            opened_at = held.alert.opened_at
            latest[held.place] = max(opened_at, latest.get(held.place, opened_at))
        for held in self._held.values():
            if held.alert.state == "cleared" or held.alert.opened_at == latest[held.place]:
                yield held.alert

    def _keep(self, alert_id: str, held: _Held) -> None:
        self._held[alert_id] = held
        if is_muted(held.alert, self._clock()):
            assert held.alert.muted_until is not None
            self._mute_ends = min(self._mute_ends, held.alert.muted_until.timestamp())
        self._at.setdefault(held.place, set()).add(alert_id)

    def _note_ends(self) -> None:
        now = self._clock()
        ends = (held.alert.muted_until.timestamp() for held in self._held.values() if held.alert.muted_until)
        self._mute_ends = min((end for end in ends if end > now), default=math.inf)

    def _changed(self) -> None:
        self._version += 1
        self._shared = None

    def _forget(self, places: Iterable[str]) -> None:
        self._changed()
        for place in places:
            for alert_id in self._at.pop(place, ()):
                if alert_id in self._held and self._held[alert_id].place == place:
                    del self._held[alert_id]

    def _drop(self) -> None:
        # A twentieth at once: sorting for every message of a flood would hold up the subscriber.
        keep = self._max_alerts - self._max_alerts // 20
        now = self._clock()
        ranked = sorted(self._held.items(), key=lambda item: urgency(item[1].alert, now))
        self._held, self._at = {}, {}
        for alert_id, held in ranked[:keep]:
            self._keep(alert_id, held)
        self._dropped += len(ranked) - keep


def _decoded(payload: bytes) -> Alert | None:
    """The alert; ``None`` if it is none, or has times that cannot be compared or shown."""
    try:
        alert = _ALERT.decode(payload)
    except JSON_ERRORS:
        return None
    times = [
        alert.onset_at,
        alert.opened_at,
        alert.last_at,
        alert.cleared_at,
        alert.acknowledged_at,
        alert.muted_until,
        *(comment.at for comment in alert.comments),
    ]
    return alert if all(time is None or _is_usable(time) for time in times) else None


def _is_usable(moment: datetime) -> bool:
    # Another time zone must not lead out of the calendar.
    return moment.tzinfo is not None and 1 < moment.year < 9999
