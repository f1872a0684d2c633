"""What is reported of a vehicle and a day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from dataflows.compiled import Floats, Integers, Mask
from dataflows.history.trips import Trip


@dataclass(frozen=True, slots=True)
class Line:
    """A signal over time.

    Attributes:
        times: event times, rising, microseconds since 1970-01-01 UTC, shape (n,).
        values: NaN where missing, shape (n,).
        expected: what the model expected, NaN where it expected nothing, shape (n,).
        band: how far from that the value normally lies at most, NaN where unknown, shape (n,).
        flagged: anomalies, shape (n,).
        least, most: plausible range of the signal; infinite where it has none.
    """

    times: Integers
    values: Floats
    expected: Floats
    band: Floats
    flagged: Mask
    least: float = -math.inf
    most: float = math.inf


@dataclass(frozen=True, slots=True)
class Chart:
    """A signal of a day.

    Attributes:
        name: the signal.
        unit: its unit; empty if it has none.
        line: its values.
        limits: its alarm limits.
    """

    name: str
    unit: str
    line: Line
    limits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert that was open on a day.

    Attributes:
        opened_at, cleared_at: event times, UTC; the latter null while it is open.
        severity: warning, minor, major or critical.
        summary: one sentence.
        acknowledged_by: who; empty if nobody has.
        vehicle_id: of which vehicle.
    """

    opened_at: datetime
    cleared_at: datetime | None
    severity: str
    summary: str
    acknowledged_by: str
    vehicle_id: str = ""


@dataclass(frozen=True, slots=True)
class DayReport:
    """A vehicle on one day, or in another time.

    Attributes:
        vehicle_id: the vehicle.
        day: the day on which it begins.
        start, end: of the time.
        trips: trips and stops in order.
        alerts: those open on that day, in order of their opening.
        commands: what it was told to do, and the answers, as lines of text in order.
        charts: its signals; empty where only rollups are left.
        latitudes, longitudes: degrees, NaN where unknown, shape (n,).
        flagged: anomalies, shape (n,).
    """

    vehicle_id: str
    day: date
    start: datetime
    end: datetime
    trips: Sequence[Trip]
    alerts: Sequence[AlertLine] = ()
    commands: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    latitudes: Floats = field(default_factory=lambda: np.zeros(0))
    longitudes: Floats = field(default_factory=lambda: np.zeros(0))
    flagged: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def distance_km(self) -> float | None:
        """Driven on that day; null if nothing says so."""
        distances = [trip.distance_km for trip in self.trips]
        return None if None in distances else float(sum(filter(None, distances)))

    @property
    def moving_s(self) -> float:
        """Seconds in which it moved."""
        return sum(trip.moving_s for trip in self.trips)

    @property
    def idle_s(self) -> float:
        """Seconds in which it stood with the engine running."""
        return sum(trip.idle_s for trip in self.trips)

    @property
    def anomalies(self) -> int:
        """Flagged events."""
        return sum(trip.anomalies for trip in self.trips)

    @property
    def used(self) -> dict[str, float]:
        """Level → how far it fell on that day, in its unit."""
        names = {name: None for trip in self.trips for name in trip.used}
        return {name: sum(trip.used.get(name, 0.0) for trip in self.trips) for name in names}
