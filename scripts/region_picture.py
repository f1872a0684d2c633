"""Draws the picture of docs/simulator.md: ``python -m scripts.region_picture`` writes docs/region.svg."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sim.region.options import RegionOptions
from sim.region.physics import RegionPhysics
from sim.region.road_graph import RoadGraph
from sim.routes import METRES_PER_DEGREE, FloatArray
from sim.vehicle import DriverOverride

FILE = Path(__file__).parent.parent / "docs" / "region.svg"
SEED = 7
TRACKS = 6
MINUTES = 40
START = datetime(2026, 5, 5, 9, tzinfo=UTC)

_WIDTH, _HEIGHT = 960.0, 740.0
_METRES = 48_000.0  # that fit into the width
_ROADS = {
    "street": ("#94a3b8", 0.9),
    "country": ("#64748b", 1.6),
    "access": ("#f59e0b", 1.8),
    "motorway": ("#ea580c", 3.2),
}
_COLOURS = ("#2563eb", "#16a34a", "#9333ea", "#db2777", "#0891b2", "#4d7c0f")


def draw() -> str:
    """The roads of a region, and where some of its vehicles drove in forty minutes, as SVG."""
    physics = RegionPhysics(
        40,
        np.random.SeedSequence(SEED).spawn(3)[0],
        latitude=0.0,
        longitude=0.0,
        start=START.timestamp(),
        options=RegionOptions(),
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        'font-family="system-ui, sans-serif" font-size="14">',
        f'  <rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#ffffff"/>',
        *_roads(physics.graph),
        *_tracks(physics),
        *_stations(physics.graph),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _roads(graph: RoadGraph) -> list[str]:
    order = list(_ROADS)
    return [
        _line(road.x, road.y, *_ROADS[road.kind])
        for road in sorted(graph.layout.roads, key=lambda road: order.index(road.kind))
    ]


def _tracks(physics: RegionPhysics) -> list[str]:
    sensible = DriverOverride.none(len(physics.speed))
    places = []
    before = physics.odometer
    for second in range(MINUTES * 60):
        physics.advance(1.0, sensible)
        if second % 10 == 0:
            places.append(physics.position)
    # The centre is at 0° north, 0° east, so that degrees are metres in both directions.
    north, east = np.array(places).transpose(1, 2, 0) * METRES_PER_DEGREE
    longest = np.argsort(before - physics.odometer)[:TRACKS]
    return [
        _line(east[vehicle], north[vehicle], colour, 2.2, opacity=0.75)
        for vehicle, colour in zip(longest.tolist(), _COLOURS, strict=True)
    ]


def _stations(graph: RoadGraph) -> list[str]:
    latitude, longitude = graph.position(graph.station, graph.length[graph.station] / 2.0)
    x, y = _pixels(longitude * METRES_PER_DEGREE, latitude * METRES_PER_DEGREE)
    return [
        f'  <circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="#dc2626"/>' for a, b in zip(x, y, strict=True)
    ]


def _legend() -> list[str]:
    lines = []
    for row, (kind, (colour, width)) in enumerate(_ROADS.items()):
        y = 24 + 20 * row
        lines.append(f'  <path d="M20 {y} h30" stroke="{colour}" stroke-width="{width}"/>')
        lines.append(f'  <text x="58" y="{y + 5}" fill="#334155">{kind}</text>')
    lines.append('  <circle cx="35" cy="104" r="2.6" fill="#dc2626"/>')
    lines.append('  <text x="58" y="109" fill="#334155">station</text>')
    lines.append(f'  <path d="M20 124 h30" stroke="{_COLOURS[0]}" stroke-width="2.2"/>')
    lines.append(f'  <text x="58" y="129" fill="#334155">a vehicle in {MINUTES} minutes</text>')
    return lines


def _line(x: FloatArray, y: FloatArray, colour: str, width: float, opacity: float = 1.0) -> str:
    # Every fifth point of a bend is enough here.
    kept = np.unique(np.append(np.arange(0, len(x), 5 if len(x) > 20 else 1), len(x) - 1))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(*_pixels(x[kept], y[kept]), strict=True))
    return (
        f'  <polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-opacity="{opacity:g}"/>'
    )


def _pixels(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = _WIDTH / _METRES
    return _WIDTH / 2 + x * scale, _HEIGHT / 2 - y * scale


def main() -> None:
    """Write the picture."""
    FILE.write_text(draw(), encoding="utf-8")
    print(f"{FILE} written")


if __name__ == "__main__":
    main()
