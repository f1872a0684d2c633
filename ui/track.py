"""Where a vehicle has been: a thinned polyline, and the direction it drives."""

from __future__ import annotations

import math

Track = tuple[tuple[float, float], ...]
"""(latitude, longitude) in degrees, oldest first; the last one is where the vehicle is."""

MAX_POINTS = 120
SPACING = 25.0
"""Metres between kept points: a standing vehicle adds none, so that the trail stays."""

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6371 km."""


def extended(track: Track, position: tuple[float, float] | None) -> Track:
    """The track with the vehicle at `position`; unchanged if that is not known."""
    if position is None:
        return track
    if len(track) < 2:
        return (*track, position)
    # The last point moves along with the vehicle until it is far enough from the one before.
    settled = track if distance(track[-2], track[-1]) >= SPACING else track[:-1]
    return (*settled[-(MAX_POINTS - 1) :], position)


def heading(track: Track) -> float | None:
    """Direction over the last piece of the track, degrees clockwise from north; `None` if it stood still."""
    if len(track) < 2 or distance(track[-2], track[-1]) < 1.0:
        return heading(track[:-1]) if len(track) > 2 else None
    (latitude, longitude), (to_latitude, to_longitude) = track[-2], track[-1]
    east = (to_longitude - longitude) * math.cos(math.radians(latitude))
    return math.degrees(math.atan2(east, to_latitude - latitude)) % 360.0


def distance(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Metres between two close points (equirectangular: good to a part in a thousand within a city)."""
    north = end[0] - start[0]
    east = (end[1] - start[1]) * math.cos(math.radians((start[0] + end[0]) / 2))
    return math.hypot(north, east) * METRES_PER_DEGREE
