"""The digital twins: what the page knows about every vehicle, in bounded memory.

One thread writes, any number of viewers read. A viewer gets a `FleetSnapshot`: immutable, consistent,
and shared by everyone who asks at about the same time, so that many viewers cost no more than one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from config.settings import PageSettings
from dataflows.events import JSON_ERRORS, DeadLetter, Enriched
from ui.live.rolling_count import RollingCount
from ui.live.severity_lanes import Lanes, PastCell, SeverityLanes
from ui.live.track import MAX_POINTS, Track, extended, position_in

MAX_VEHICLES = 20_000
"""Vehicles kept; beyond that, those that have been silent longest are dropped."""

TOTAL_HISTORY = 250_000
"""Events kept for all vehicles together, about 1.2 kB each; a large fleet gets shorter histories."""

MIN_HISTORY = 12
"""Events kept per vehicle, however large the fleet."""

WATCHED = 50
"""Vehicles that were looked at last: their histories grow to `page.history`, however large the fleet."""

TOTAL_POINTS = 300_000
"""Points of all tracks together, about 110 bytes each; a large fleet gets shorter tracks."""

MIN_POINTS = 15
"""Points of a track, however large the fleet."""

DEAD_LETTERS_KEPT = 50
"""The latest ones."""

SHARED_FOR = 0.2
"""Seconds for which viewers get the same snapshot."""

_ENRICHED = msgspec.json.Decoder(Enriched)
_DEAD_LETTER = msgspec.json.Decoder(DeadLetter)


@dataclass(frozen=True, slots=True)
class VehicleSnapshot:
    """One vehicle at one moment.

    Attributes:
        latest: its newest event; a late event only if there is no other.
        seen_at: when its last event arrived, seconds since the epoch.
        late: whether the last event to arrive was late.
        track: where it has been, oldest first.
        version: rises with every event of the vehicle.
    """

    latest: Enriched
    seen_at: float
    late: bool
    track: Track
    version: int = 0

    @property
    def vehicle_id(self) -> str:
        """Id of the vehicle."""
        return self.latest.vehicle_id

    @property
    def error_ratio(self) -> float:
        """Smoothed error as a multiple of the threshold; 0 while there is no threshold."""
        threshold = self.latest.anomaly_threshold
        return self.latest.reconstruction_error_smoothed / threshold if threshold else 0.0

    def silent(self, now: float, stale_after: float) -> bool:
        """Whether nothing has arrived for longer than `stale_after` seconds."""
        return now - self.seen_at > stale_after


@dataclass(frozen=True, slots=True, eq=False)
class FleetSnapshot:
    """The fleet at one moment; the same only as itself, so that what follows from it can be cached.

    Attributes:
        taken_at: when, seconds since the epoch.
        vehicles: vehicle id → vehicle.
        events: scored events received since the page was started, without duplicates.
        events_per_second: over the last 10 s, without retained events.
        anomalies_last_hour: number of anomalous events.
        last_event_at: when the last event arrived, seconds since the epoch; ``None`` before the first.
        dead_letters: dead letters received since the page was started.
        dead_letter_reason: reason of the last dead letter; empty before the first.
        latest_dead_letters: the last `DEAD_LETTERS_KEPT` that could be decoded, the newest first.
        undecodable: messages on the enriched topic that are not enriched events.
        dropped: vehicles that are no longer kept because there are more than `MAX_VEHICLES`.
    """

    taken_at: float
    vehicles: dict[str, VehicleSnapshot]
    events: int
    events_per_second: float
    anomalies_last_hour: int
    last_event_at: float | None
    dead_letters: int
    dead_letter_reason: str
    latest_dead_letters: tuple[DeadLetter, ...]
    undecodable: int
    dropped: int


History: TypeAlias = dict[str, bytes]
"""Event id → payload, in the order of arrival. An `OrderedDict` would take a third more memory."""


class FleetState:
    """Last event, history, track and lane of every vehicle; safe to use from several threads.

    Args:
        page: `latitude` and `longitude` name the signals with the position; `history` is the number of events
            kept per vehicle, fewer in a large fleet (`TOTAL_HISTORY`).
        clock: seconds since the epoch.
        max_vehicles: vehicles kept.
        shared_for: seconds for which viewers get the same snapshot.
        version: from which versions rise.
    """

    def __init__(
        self,
        page: PageSettings,
        clock: Callable[[], float] = time.time,
        max_vehicles: int = MAX_VEHICLES,
        shared_for: float = SHARED_FOR,
        version: int = 0,
    ) -> None:
        self._page = page
        self._clock = clock
        self._max_vehicles = max_vehicles
        self._shared_for = shared_for
        self._lock = threading.Lock()
        # What is shown of each vehicle is made when its event arrives, so that a snapshot is only a copy.
        self._vehicles: dict[str, VehicleSnapshot] = {}
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._watched: OrderedDict[str, None] = OrderedDict()
        self._lanes = SeverityLanes()
        self._rate = RollingCount(width=1.0, buckets=11)
        self._anomalies = RollingCount(width=60.0, buckets=60)
        self._events = self._dead_letters = self._undecodable = self._dropped = 0
        self._last_event_at: float | None = None
        self._dead_letter_reason = ""
        self._latest_dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)
        self._version = version
        self._shared: FleetSnapshot | None = None

    @property
    def version(self) -> int:
        """Rises with every message."""
        return self._version

    def version_of(self, vehicle_id: str) -> int:
        """Rises with every event of a vehicle; 0 while it is unknown."""
        vehicle = self._vehicles.get(vehicle_id)
        return vehicle.version if vehicle else 0

    def record(self, payload: bytes, *, retained: bool = False) -> None:
        """Record one message of the enriched topic.

        Args:
            payload: an `Enriched` in JSON. Anything else is counted as undecodable. An event that is in the
                history already (redelivered, or retained and sent again after a reconnection) is ignored.
            retained: whether the broker had kept it; such an event counts as seen when it was scored.
        """
        now = self._clock()
        try:
            event = _ENRICHED.decode(payload)
        except JSON_ERRORS:
            with self._lock:
                self._undecodable += 1
                self._version += 1
            return
        seen_at = min(now, event.processed_at.timestamp()) if retained else now
        with self._lock:
            history = self._history_of(event.vehicle_id)
            if event.event_id in history:
                return
            history[event.event_id] = payload
            while len(history) > self._history_limit(event.vehicle_id):
                del history[next(iter(history))]
            self._vehicles[event.vehicle_id] = self._updated(event, seen_at)
            self._lanes.record(event.vehicle_id, event.ts.timestamp(), event.severity, now)
            self._events += 1
            self._version += 1
            self._last_event_at = max(self._last_event_at or 0.0, seen_at)
            if not retained:
                self._rate.add(now)
            if event.is_anomaly:
                self._anomalies.add(seen_at)

    def record_dead_letter(self, payload: bytes) -> None:
        """Record one message of the dead-letter topic; it counts even if it cannot be decoded."""
        try:
            letter = _DEAD_LETTER.decode(payload)
        except JSON_ERRORS:
            letter = None
        with self._lock:
            self._dead_letters += 1
            self._version += 1
            self._dead_letter_reason = letter.reason if letter else "the dead letter itself cannot be decoded"
            if letter is not None:
                self._latest_dead_letters.appendleft(letter)

    def count_earlier(self, events: int, anomalies: Mapping[float, int], until: float) -> None:
        """Count events of which nothing else is known: a replay begins in the middle of a recording.

        Args:
            events: how many.
            anomalies: when, in seconds since the epoch → how many anomalous events.
            until: before which they all came, in seconds since the epoch.
        """
        with self._lock:
            self._events += events
            self._version += 1
            if events:
                self._rate.add(until)
            for at, count in anomalies.items():
                for _ in range(count):
                    self._anomalies.add(at)

    def snapshot(self) -> FleetSnapshot:
        """The fleet now, or up to `shared_for` seconds ago."""
        now = self._clock()
        with self._lock:
            if self._shared is None or not 0.0 <= now - self._shared.taken_at < self._shared_for:
                self._shared = FleetSnapshot(
                    taken_at=now,
                    vehicles=self._vehicles.copy(),
                    events=self._events,
                    events_per_second=self._rate.per_second(now),
                    anomalies_last_hour=self._anomalies.total(now),
                    last_event_at=self._last_event_at,
                    dead_letters=self._dead_letters,
                    dead_letter_reason=self._dead_letter_reason,
                    latest_dead_letters=tuple(self._latest_dead_letters),
                    undecodable=self._undecodable,
                    dropped=self._dropped,
                )
            return self._shared

    def history(self, vehicle_id: str) -> list[Enriched]:
        """The events kept for a vehicle, by event time, oldest first; empty for an unknown vehicle.

        More of them are kept of a vehicle that has been asked for, see `WATCHED`.
        """
        with self._lock:
            payloads = tuple(self._histories.get(vehicle_id, {}).values())
            if payloads:
                self._watched[vehicle_id] = None
                self._watched.move_to_end(vehicle_id)
                if len(self._watched) > WATCHED:
                    self._watched.popitem(last=False)
        # Kept as bytes, a third of the memory, and decoded only for the vehicle that is shown.
        return sorted(map(_ENRICHED.decode, payloads), key=lambda event: event.ts)

    def lanes(self) -> Lanes:
        """The worst severities of the last hours."""
        with self._lock:
            return self._lanes.snapshot()

    def merge_past(self, past: Mapping[str, Sequence[PastCell]]) -> None:
        """Add what a history knows of the time before the page was started.

        Args:
            past: vehicle id → cells. Vehicles that are not known, or have no threshold yet, are left out.
        """
        with self._lock:
            for vehicle_id, cells in past.items():
                vehicle = self._vehicles.get(vehicle_id)
                threshold = vehicle.latest.anomaly_threshold if vehicle else None
                if threshold:
                    self._lanes.merge(vehicle_id, ((each.number, each.severity(threshold)) for each in cells))
            self._version += 1

    def _updated(self, event: Enriched, seen_at: float) -> VehicleSnapshot:
        """What is known of a vehicle with its event that has just arrived."""
        before, late = self._vehicles.get(event.vehicle_id), event.status == "late"
        latest, track = event, before.track if before else ()
        if before is not None and late and event.ts < before.latest.ts:
            latest = before.latest
        else:
            position = position_in(event.values, self._page.latitude, self._page.longitude)
            track = extended(track, position, self._track_limit())
        seen_at = max(seen_at, before.seen_at) if before else seen_at
        return VehicleSnapshot(latest, seen_at, late, track, self._version + 1)

    def _history_of(self, vehicle_id: str) -> History:
        history = self._histories.get(vehicle_id)
        if history is None:
            history = self._histories[vehicle_id] = {}
            if len(self._histories) > self._max_vehicles:
                longest_silent, _ = self._histories.popitem(last=False)
                self._vehicles.pop(longest_silent, None)
                self._watched.pop(longest_silent, None)
                self._lanes.forget(longest_silent)
                self._dropped += 1
        else:
            self._histories.move_to_end(vehicle_id)
        return history

    def _history_limit(self, vehicle_id: str) -> int:
        if vehicle_id in self._watched:
            return self._page.history
        return min(self._page.history, max(MIN_HISTORY, TOTAL_HISTORY // len(self._histories)))

    def _track_limit(self) -> int:
        return min(MAX_POINTS, max(MIN_POINTS, TOTAL_POINTS // len(self._histories)))
