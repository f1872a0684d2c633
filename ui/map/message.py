"""What the browser gets of a map: parts that are compressed each, most of them the same for all viewers.

``ui/assets/map_message.js`` reads them. A part is its length, 4 bytes, and as many bytes of a zlib stream:

1. the settings of the map, JSON
2. the vehicles: how many, and how many points their tails have, uint32 each; latitudes, then longitudes,
   int32, in 1e-6 degrees; the steps of the tails, each from a point to the next one, oldest first and to
   where the vehicle is: north, then east, int16, in 1e-5 degrees; then a byte each for the number of a tail's
   points, the tone (its index in `TONES`), and the heading in 1/255 turns, 255 for none
3. ids and lines of the tooltips, JSON, which the browser reads when it needs the first of them
4. a route, if there is one: the number of points, that of flagged ones, and the index of the moment that is
   shown or -1; latitudes, longitudes and indices; all int32

Numbers are little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ui.map.vehicles import ALERTS, TONES, MapRoute, MapVehicle, Tone

UNITS_PER_DEGREE = 1e6
TAIL_UNITS_PER_DEGREE = 1e5
HEADINGS = 255

TAIL_POINTS = 24
"""Points of a vehicle's tail, at most: some 600 m."""

CALM_TAIL_POINTS = 12_000
"""Points of all calm vehicles' tails together: those of a large fleet would outweigh its positions."""

TROUBLED_TAILS = 300
"""Vehicles with an alert that have a whole tail, however large the fleet."""

COMPRESSION = 1
"""Level of zlib. The default, 6, takes four times as long to save another sixth."""

SHARED_FROM = 100
"""Vehicles from which on what has been packed for one viewer is kept for the next."""

_REACH = 32_767
_NUMBERS: dict[Tone, int] = {tone: number for number, tone in enumerate(TONES)}
_shared: tuple[Sequence[MapVehicle], bytes] = ((), b"")

Degrees = npt.NDArray[np.float64]
"""n × 2: latitudes and longitudes."""


def packed(settings: Mapping[str, Any], vehicles: Sequence[MapVehicle], route: MapRoute | None) -> bytes:
    """A message.

    Args:
        settings: part 1.
        vehicles: those without a track are left out. A sequence that was packed before is not packed again;
            so it must not have changed.
        route: part 4; ``None`` for none.
    """
    last = _part(_route(route)) if route is not None else b""
    return _part(msgspec.json.encode(settings)) + _packed_vehicles(vehicles) + last


def _packed_vehicles(vehicles: Sequence[MapVehicle]) -> bytes:
    global _shared
    known, parts = _shared
    if known is vehicles and vehicles:
        return parts
    placed = [vehicle for vehicle in vehicles if vehicle.track]
    parts = _part(_bodies(placed)) + _part(_texts(placed))
    if len(placed) >= SHARED_FROM:
        _shared = (vehicles, parts)
    return parts


def _bodies(vehicles: Sequence[MapVehicle]) -> bytes:
    lengths = _tail_lengths(vehicles)
    positions = _degrees(vehicle.track[-1] for vehicle in vehicles)
    tails = _degrees(
        point
        for vehicle, length in zip(vehicles, lengths, strict=True)
        for point in vehicle.track[-1 - length : -1]
    )
    return b"".join(
        (
            struct.pack("<II", len(vehicles), len(tails)),
            _units(positions),
            _steps(tails, positions, lengths),
            bytes(lengths),
            bytes(_NUMBERS[vehicle.tone] for vehicle in vehicles),
            bytes(_heading(vehicle.heading) for vehicle in vehicles),
        )
    )


def _steps(tails: Degrees, positions: Degrees, lengths: Sequence[int]) -> bytes:
    counts = np.array(lengths, np.intp)
    ways = ((tails - np.repeat(positions, counts, axis=0)) * TAIL_UNITS_PER_DEGREE).round()
    following = np.roll(ways, -1, axis=0)
    following[np.cumsum(counts)[counts > 0] - 1] = 0.0
    return np.clip(following - ways, -_REACH, _REACH).T.astype("<i2").tobytes()


def _tail_lengths(vehicles: Sequence[MapVehicle]) -> list[int]:
    calm = sum(vehicle.tone not in ALERTS for vehicle in vehicles)
    share = min(TAIL_POINTS, CALM_TAIL_POINTS // max(1, calm))
    left = TROUBLED_TAILS
    lengths = []
    for vehicle in vehicles:
        most = share
        if vehicle.tone in ALERTS and left > 0:
            most, left = TAIL_POINTS, left - 1
        lengths.append(min(most, len(vehicle.track) - 1))
    return lengths


def _texts(vehicles: Sequence[MapVehicle]) -> bytes:
    return msgspec.json.encode(
        {
            "ids": [vehicle.vehicle_id for vehicle in vehicles],
            "lines": [vehicle.lines for vehicle in vehicles],
        }
    )


def _route(route: MapRoute) -> bytes:
    points = _degrees(route.points)
    last = len(points) - 1
    flagged = [index for index in route.flagged if 0 <= index <= last]
    at = -1 if route.at is None else min(max(route.at, 0), last)
    head = struct.pack("<iii", len(points), len(flagged), at)
    return head + _units(points) + np.array(flagged, "<i4").tobytes()


def _degrees(points: Iterable[tuple[float, float]]) -> Degrees:
    return np.fromiter(chain.from_iterable(points), np.float64).reshape(-1, 2)


def _units(points: Degrees) -> bytes:
    """Latitudes, then longitudes."""
    return (points.T * UNITS_PER_DEGREE).round().astype("<i4").tobytes()


def _heading(degrees: float | None) -> int:
    return HEADINGS if degrees is None else round(degrees / 360.0 * HEADINGS) % HEADINGS


def _part(data: bytes) -> bytes:
    compressed = zlib.compress(data, COMPRESSION)
    return struct.pack("<I", len(compressed)) + compressed
