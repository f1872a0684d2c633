"""Who is not to be notified of what: mutes that people set, and maintenance windows of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from config.alert_settings import MaintenanceWindow
from dataflows.clock import microseconds, utc

MOST = 10_000
"""Mutes that are kept; beyond that, those that end first are dropped."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Mute(NamedTuple):
    """A mute that is in force.

    Attributes:
        until: its end, microseconds since 1970-01-01 UTC.
        reason: why.
    """

    until: int
    reason: str


class Mutes:
    """Mutes by vehicle, kind and subject, each of which may be any.

    Args:
        windows: the maintenance windows.
    """

    def __init__(self, windows: Sequence[MaintenanceWindow] = ()) -> None:
        self._windows = tuple(windows)
        self._set: dict[tuple[str, str, str], Mute] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._set or self._windows)

    def mute(self, vehicle: str, kind: str, subject: str, mute: Mute) -> None:
        """Mute what matches; an empty text matches everything."""
        self._set[vehicle, kind, subject] = mute
        if len(self._set) > MOST:
            del self._set[min(self._set, key=lambda key: self._set[key].until)]

    def unmute(self, vehicle: str, kind: str, subject: str) -> None:
        """End every mute of what matches: that of a vehicle ends those of its kinds and subjects as well."""
        wanted = (vehicle, kind, subject)
        for key in list(self._set):
            if all(part in ("", other) for part, other in zip(wanted, key, strict=True)):
                del self._set[key]

    def of(self, vehicle: str, kind: str, subject: str, now: int) -> Mute | None:
        """The mute in force at an event time that lasts longest; ``None`` if there is none."""
        found = []
        for first in ("", vehicle):
            for second in ("", kind):
                for third in ("", subject):
                    mute = self._set.get((first, second, third))
                    if mute is not None and mute.until > now:
                        found.append(mute)
        for window in self._windows:
            if window.vehicle in (None, vehicle) and window.kind in (None, kind):
                end = window_end(window, utc(now))
                if end is not None:
                    found.append(Mute(microseconds(end), window.reason))
        return max(found, default=None)

    def forget(self, now: int) -> None:
        """Drop the mutes that have ended."""
        self._set = {key: mute for key, mute in self._set.items() if mute.until > now}

    def snapshot(self) -> list[Any]:
        """Copy the mutes that people have set."""
        return [(*key, *mute) for key, mute in self._set.items()]

    def restore(self, state: list[Any]) -> None:
        """Replace them by a copy of what `snapshot` returned."""
        self._set = {
            (vehicle, kind, subject): Mute(until, why) for vehicle, kind, subject, until, why in state
        }


def window_end(window: MaintenanceWindow, now: datetime) -> datetime | None:
    """End of the maintenance window that is open at `now`, UTC; ``None`` if it is not open."""
    if window.start is not None and window.end is not None:
        return window.end.astimezone(UTC) if window.start <= now < window.end else None
    assert window.begin is not None
    assert window.until is not None
    zone = ZoneInfo(window.time_zone)
    begin, until = time.fromisoformat(window.begin), time.fromisoformat(window.until)
    local = now.astimezone(zone)
    for days_ago in (0, 1):
        day = local.date() - timedelta(days=days_ago)
        if DAYS[day.weekday()] not in window.days:
            continue
        start = datetime.combine(day, begin, zone)
        end = datetime.combine(day if until > begin else day + timedelta(days=1), until, zone)
        if start <= now < end:
            return end.astimezone(UTC)
    return None
