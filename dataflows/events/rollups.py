"""What a vehicle did in a window of time."""

from __future__ import annotations

from datetime import datetime

import msgspec


class SignalSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a signal in a rollup, in its unit; numbers are rounded to nine digits.

    Attributes:
        count: events that had a value.
        mean, min, max: of these values; null if there were none.
        last: the value of the event that came last; null if there was none.
    """

    count: int
    mean: float | None
    min: float | None
    max: float | None
    last: float | None


class Rollup(msgspec.Struct, frozen=True, kw_only=True):
    """What a vehicle did in one event-time window; numbers are rounded to nine digits.

    What changes between two readings belongs to the window of the later one. A window has more than one
    rollup where events came after it was closed, as its vehicle was taken for silent: their counts and times
    add up.

    Attributes:
        rollup_id: made of the vehicle, the window and the part: a replay makes no second one.
        revision: of all messages with the same `rollup_id` that with the highest counts.
        vehicle_id: the vehicle.
        start: the window begins here, UTC ...
        end: ... and ends before this.
        first_at, last_at: event times of its first and its last event, UTC.
        events: how many events there were, without duplicates.
        anomalies: how many of them were flagged.
        error_mean, error_peak: of the reconstruction error.
        signals: signal → what its values were, for every signal of the catalogue.
        distance_km: distance driven; null if neither speed nor odometer says so.
        moving_s: seconds in which it moved.
        idle_s: seconds in which it stood with the engine running.
        used: signal → how far a level fell, in its unit, such as fuel; for every signal that measures one.
        filled: signal → how far it rose.
        made_at: when this message was made, UTC; the only field that differs after a replay.
    """

    rollup_id: str
    revision: int = 1
    vehicle_id: str
    start: datetime
    end: datetime
    first_at: datetime
    last_at: datetime
    events: int
    anomalies: int
    error_mean: float
    error_peak: float
    signals: dict[str, SignalSummary]
    distance_km: float | None
    moving_s: float
    idle_s: float
    used: dict[str, float] = {}
    filled: dict[str, float] = {}
    made_at: datetime


class LateEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that came after the rollup of its window was closed, and is in none.

    Attributes:
        event_id: the same as on the enriched topic, where the event is too.
        vehicle_id: the vehicle.
        ts: event time, UTC.
        late_by_s: seconds by which it missed its window, `rollups.allowed_lateness` included.
    """

    event_id: str
    vehicle_id: str
    ts: datetime
    late_by_s: float
