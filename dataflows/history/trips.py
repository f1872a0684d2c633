"""Trips and stops, from the rollups of a vehicle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
"""A rollup, by the names of its columns."""

STOP_AFTER = 300.0
"""Seconds without driving that end a trip, by default; at red lights and in jams vehicles stand for less."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position, degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Trip:
    """A vehicle on its way, or standing between two trips.

    Attributes:
        moving: whether it is a trip, and not a stop.
        start, end: event times, UTC; exact to about a second where the vehicle sends every second, and always
            to the length of a rollup.
        distance_km: driven; null if nothing says so.
        moving_s, idle_s: seconds in which it moved, and in which it stood with the engine running.
        anomalies: flagged events.
        used: level → how far it fell, in its unit.
        origin, destination: where it was at the start and the end; null if its position is not known.
    """

    moving: bool
    start: datetime
    end: datetime
    distance_km: float | None
    moving_s: float
    idle_s: float
    anomalies: int
    used: dict[str, float] = field(default_factory=dict)
    origin: Place | None = None
    destination: Place | None = None

    @property
    def duration(self) -> timedelta:
        """From start to end."""
        return self.end - self.start


def trips(
    rollups: Iterable[Mapping[str, Any]],
    *,
    stop_after: float = STOP_AFTER,
    levels: Sequence[str] = (),
    position: tuple[str, str] = ("latitude", "longitude"),
) -> list[Trip]:
    """Trips and the stops between them, in order and without gaps.

    A trip begins and ends within a rollup: the vehicle is taken to stand first and to drive then in the one
    that it begins in, and the other way round in the one that it ends in.

    Args:
        rollups: rows of one vehicle in the order of their windows: `start`, `end`, `first_at`,
            `last_at`, `moving_s`, `idle_s`, `distance_km`, `anomalies`, and for signals ``<signal>_last`` and
            ``used_<signal>``.
        stop_after: seconds without driving that end a trip.
        levels: signals whose use is summed up.
        position: signals with latitude and longitude.
    """
    found: list[Trip] = []
    stretches = _stretches(list(rollups), stop_after)
    for number, (moving, rows) in enumerate(stretches):
        start, end = _begin(rows[0]) if moving else rows[0]["first_at"], rows[-1]["last_at"]
        if moving and len(rows) > 1:
            end = _finish(rows[-1])
        if found and not moving:
            start = found[-1].end
        if not moving and number + 1 < len(stretches):
            end = _begin(stretches[number + 1][1][0])
        elif found and moving and found[-1].moving:
            found.append(_trip([], False, found[-1].end, start, found[-1].destination, levels, position))
        origin = found[-1].destination if found else _place(rows[0], position)
        found.append(_trip(rows, moving, start, max(start, end), origin, levels, position))
    return found


def _stretches(rows: Sequence[Row], stop_after: float) -> list[tuple[bool, list[Row]]]:
    """Rows that belong together, and whether the vehicle drives in them."""
    stretches: list[tuple[bool, list[Row]]] = []
    standing: list[Row] = []
    for row in rows:
        if row["moving_s"] <= 0.0:
            standing.append(row)
            continue
        goes_on = bool(stretches) and (
            (_begin(row) - _finish(stretches[-1][1][-1])).total_seconds() < stop_after
        )
        if goes_on:
            stretches[-1][1].extend([*standing, row])
        else:
            if standing:
                stretches.append((False, standing))
            stretches.append((True, [row]))
        standing = []
    if standing:
        stretches.append((False, standing))
    return stretches


def _begin(row: Row) -> datetime:
    """When a vehicle begins to drive in a window in which it stood before."""
    begin: datetime = max(row["first_at"], row["end"] - timedelta(seconds=row["moving_s"]))
    return begin


def _finish(row: Row) -> datetime:
    """When a vehicle stops in a window in which it stands afterwards."""
    finish: datetime = min(row["last_at"], row["start"] + timedelta(seconds=row["moving_s"]))
    return finish


def _trip(
    rows: Sequence[Row],
    moving: bool,
    start: datetime,
    end: datetime,
    origin: Place | None,
    levels: Sequence[str],
    position: tuple[str, str],
) -> Trip:
    distances = [row["distance_km"] for row in rows]
    return Trip(
        moving=moving,
        start=start,
        end=end,
        distance_km=None if None in distances else float(sum(distances)),
        moving_s=sum(row["moving_s"] for row in rows),
        idle_s=sum(row["idle_s"] for row in rows),
        anomalies=sum(row["anomalies"] for row in rows),
        used={name: sum(row.get(f"used_{name}") or 0.0 for row in rows) for name in levels},
        origin=origin,
        destination=_place(rows[-1], position) if rows else origin,
    )


def _place(row: Row, position: tuple[str, str]) -> Place | None:
    latitude, longitude = (row.get(f"{name}_last") for name in position)
    return None if latitude is None or longitude is None else Place(latitude, longitude)
