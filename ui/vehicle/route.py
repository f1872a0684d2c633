"""Where a vehicle was in the window that is shown."""

from __future__ import annotations

import numpy as np

from dataflows.compiled import Integers
from ui.live.track import METRES_PER_DEGREE
from ui.map.view import MapRoute
from ui.vehicle.series import Series

MOST_POINTS = 400
"""Points of a route, anomalies not counted."""

LEAST_SPACING = 10.0
"""Metres between kept points, at least."""


def route_of(series: Series, at: int | None) -> MapRoute | None:
    """The route of a window, thinned; ``None`` if no position is known.

    Args:
        series: the vehicle in the window.
        at: the moment that is shown, microseconds since 1970-01-01 UTC; ``None`` for the last one.
    """
    known = np.flatnonzero(np.isfinite(series.latitudes) & np.isfinite(series.longitudes))
    if not len(known):
        return None
    moment = (
        known[-1] if at is None else known[max(0, int(np.searchsorted(series.times[known], at, "right")) - 1)]
    )
    kept = _kept(series, known, int(moment))
    points = tuple(
        zip(series.latitudes[kept].round(6).tolist(), series.longitudes[kept].round(6).tolist(), strict=True)
    )
    flagged = np.flatnonzero(series.flagged[kept]).tolist()
    return MapRoute(points, tuple(flagged), int(np.searchsorted(kept, moment)))


def _kept(series: Series, known: Integers, moment: int) -> Integers:
    """Places of the points that are drawn: along the way, its ends, the anomalies and the moment."""
    north = np.diff(series.latitudes[known], prepend=series.latitudes[known[0]])
    east = np.diff(series.longitudes[known], prepend=series.longitudes[known[0]])
    scale = np.cos(np.radians(series.latitudes[known]))
    way = np.cumsum(np.hypot(north, east * scale)) * METRES_PER_DEGREE
    spacing = max(LEAST_SPACING, float(way[-1]) / MOST_POINTS)
    first = np.diff(np.floor(way / spacing), prepend=-1.0) > 0
    kept = np.concatenate((known[first], known[:1], known[-1:], known[series.flagged[known]], [moment]))
    places: Integers = np.unique(kept)
    return places
