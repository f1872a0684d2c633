"""Where a vehicle has been: a thinned polyline, and its heading."""

from __future__ import annotations

import math
from collections.abc import Mapping

Track = tuple[tuple[float, float], ...]
"""(latitude, longitude) in degrees, oldest first; the last point is where the vehicle is now."""

MAX_POINTS = 120
SPACING = 25.0
"""Metres between kept points: a standing vehicle adds none, so its trail does not fade away."""

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere with a radius of 6371 km."""


def position_in(
    values: Mapping[str, float | None], latitude: str, longitude: str
) -> tuple[float, float] | None:
    """The position that an event reports.

    Args:
        values: signal → value.
        latitude, longitude: names of the signals that hold them.

    Returns:
        Latitude and longitude in degrees; ``None`` if one is missing or off the globe.
    """
    north, east = values.get(latitude), values.get(longitude)
    if north is None or east is None or abs(north) > 90.0 or abs(east) > 180.0:
        return None
    return north, east


def extended(track: Track, position: tuple[float, float] | None, most: int = MAX_POINTS) -> Track:
    """The track with the vehicle at `position`, at most `most` points; unchanged if it is not known where."""
    if position is None:
        return track
    if len(track) < 2:
        return (*track, position)
    # The last point moves with the vehicle until it is far enough from the point before.
    settled = track if distance(track[-2], track[-1]) >= SPACING else track[:-1]
    return (*settled[-(most - 1) :], position)


def heading(track: Track) -> float | None:
    """Direction of the last stretch driven, degrees clockwise from north; ``None`` if there is none."""
    if len(track) < 2 or distance(track[-2], track[-1]) < 1.0:
        return heading(track[:-1]) if len(track) > 2 else None
    (latitude, longitude), (to_latitude, to_longitude) = track[-2], track[-1]
    east = (to_longitude - longitude) * math.cos(math.radians(latitude))
    return math.degrees(math.atan2(east, to_latitude - latitude)) % 360.0


def distance(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Metres between two nearby points (equirectangular: accurate to 0.1 % within a city)."""
    north = end[0] - start[0]
    east = (end[1] - start[1]) * math.cos(math.radians((start[0] + end[0]) / 2))
    return math.hypot(north, east) * METRES_PER_DEGREE
