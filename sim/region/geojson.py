"""The roads of a region as GeoJSON (RFC 7946), for a map."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from sim.region.road_graph import RoadGraph
from sim.routes import FloatArray

_DECIMALS = 6  # of degrees: a decimetre


def as_geojson(roads: RoadGraph) -> bytes:
    """A feature collection: a line with ``kind`` and ``limit`` (km/h) per road, a point per station."""
    lines = [
        _feature(
            "LineString",
            _coordinates(roads, road.x, road.y),
            {"kind": road.kind, "limit": int(road.limit)},
        )
        for road in roads.layout.roads
    ]
    latitude, longitude = roads.position(roads.station, roads.length[roads.station] / 2.0)
    stations = [
        _feature("Point", place, {"kind": "station"})
        for place in np.column_stack((longitude, latitude)).round(_DECIMALS).tolist()
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": lines + stations})


def _coordinates(roads: RoadGraph, x: FloatArray, y: FloatArray) -> list[list[float]]:
    latitude, longitude = roads.to_degrees(x, y)
    pairs: list[list[float]] = np.column_stack((longitude, latitude)).round(_DECIMALS).tolist()
    return pairs


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }
