"""Local time, and how busy the roads are then: rush hours, quiet nights and weekends.

The shapes follow the hourly counts of permanent counters (FHWA, *Traffic Monitoring Guide*, 2022, ch. 3): on
workdays two peaks, at 8 and 17 o'clock, on weekends one broad one in the afternoon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from sim.routes import FloatArray

_HOURS = np.arange(25.0)
# Percent of the most there ever is, from 0 to 24 h.
_WORKDAY = [4, 3, 3, 4, 8, 25, 60, 92, 100, 72, 62, 64, 68, 68, 70, 80, 94, 100, 84, 62, 42, 30, 20, 10, 4]
_WEEKEND = [8, 6, 4, 3, 3, 5, 9, 16, 28, 42, 54, 60, 60, 60, 62, 62, 60, 56, 50, 42, 32, 25, 19, 13, 8]
_QUIET, _BUSY = 1.2, 3.7  # usual traffic levels at no and at full demand


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A moment as the people in the region see it.

    Attributes:
        hour: of the day, [0, 24).
        day: of the year, [0, 366).
        weekday: 0 (Monday) to 6.
    """

    hour: float
    day: float
    weekday: int

    @property
    def demand(self) -> float:
        """How much of the most traffic there ever is, 0–1."""
        table = _WEEKEND if self.weekday >= 5 else _WORKDAY
        return float(np.interp(self.hour, _HOURS, table)) / 100.0

    @property
    def usual_traffic(self) -> float:
        """The level of traffic around which it varies, 1–5."""
        return _QUIET + (_BUSY - _QUIET) * self.demand

    def departures(self) -> FloatArray:
        """How eager people of each role of `sim.region.roles` are to set off, 0–1."""
        works = self.weekday < 6 and 6.0 <= self.hour < 19.0
        van = 1.0 if works and self.weekday < 5 else 0.45 if works else 0.01
        lorry = 0.3 + 0.7 * self.demand if self.weekday < 6 else 0.1
        return np.array([van, self.demand, lorry])


class LocalClock:
    """Converts event times.

    Args:
        longitude: degrees; decides the local mean time if there is no time zone.
        time_zone: such as ``Europe/Berlin``; empty for none.
    """

    def __init__(self, longitude: float, time_zone: str = "") -> None:
        self._mean = timedelta(hours=longitude / 15.0)
        self._zone = ZoneInfo(time_zone) if time_zone else None

    def at(self, seconds: float) -> LocalTime:
        """The local time of a number of seconds since 1970-01-01 UTC."""
        moment = datetime.fromtimestamp(seconds, UTC)
        moment = moment + self._mean if self._zone is None else moment.astimezone(self._zone)
        hour = moment.hour + moment.minute / 60.0 + moment.second / 3600.0
        return LocalTime(hour, moment.timetuple().tm_yday - 1 + hour / 24.0, moment.weekday())
