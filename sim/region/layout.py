"""Where the roads of a simulated region run: towns with streets, country roads between them, a motorway.

Towns are grids of streets. A country road joins two towns if no third one is inside the circle whose diameter
is the line between them: the Gabriel graph (Gabriel and Sokal, 1969), which looks like real road networks,
and is connected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np

from sim.routes import FloatArray, IntArray

RoadKind = Literal["street", "country", "access", "motorway"]

_TOWNS = 9
_WIDTH, _HEIGHT = 42_000.0, 32_000.0  # metres
_APART = 7_000.0  # metres between two towns, at least
_STREETS_KEPT = 0.88  # share; a town's grid has gaps
_LIMITS = {"street": (30.0, 50.0), "country": (70.0, 100.0), "access": (80.0,), "motorway": (120.0,)}  # km/h
_STEP = 10.0  # metres between two points of a bending road


@dataclass(frozen=True, slots=True)
class Road:
    """A road between two nodes, to be driven in both directions.

    Attributes:
        start, end: the nodes.
        x, y: its points in metres east and north of the centre, from `start` to `end`.
        limit: speed limit, km/h.
        kind: what kind of road.
    """

    start: int
    end: int
    x: FloatArray
    y: FloatArray
    limit: float
    kind: RoadKind


@dataclass(slots=True)
class Layout:
    """The roads of a region.

    Attributes:
        nodes: positions of the nodes, metres east and north of the centre.
        roads: the roads.
        towns: for each town the first and last node of its streets, the first town being the largest.
    """

    nodes: list[tuple[float, float]] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    towns: list[range] = field(default_factory=list)

    def add_node(self, x: float, y: float) -> int:
        """Add a node; returns its number."""
        self.nodes.append((float(x), float(y)))
        return len(self.nodes) - 1

    def join(
        self, start: int, end: int, kind: RoadKind, limit: float, bends: FloatArray | None = None
    ) -> None:
        """Add a road.

        Args:
            start, end: the nodes.
            kind: what kind of road.
            limit: speed limit, km/h.
            bends: the points between, n × 2; ``None`` for a straight road.
        """
        ends = np.array([self.nodes[start], self.nodes[end]])
        points = ends if bends is None else np.vstack((ends[:1], bends, ends[1:]))
        self.roads.append(Road(start, end, points[:, 0], points[:, 1], limit, kind))


def lay_out(rng: np.random.Generator) -> Layout:
    """A region; the generator decides all of it."""
    layout = Layout()
    centres = _scatter_towns(rng)
    for number, centre in enumerate(centres):
        side = 7 if number == 0 else int(rng.integers(3, 6))
        layout.towns.append(_add_town(layout, centre, side, rng))
    for one, other in _gabriel(centres):
        _add_country_road(layout, layout.towns[one], layout.towns[other], rng)
    _add_motorway(layout, centres, rng)
    return layout


def _scatter_towns(rng: np.random.Generator) -> FloatArray:
    centres = [np.zeros(2)]
    while len(centres) < _TOWNS:
        candidate = rng.uniform(-0.5, 0.5, 2) * (_WIDTH, _HEIGHT)
        if min(np.hypot(*(candidate - centre)) for centre in centres) >= _APART:
            centres.append(candidate)
    return np.array(centres)


def _add_town(layout: Layout, centre: FloatArray, side: int, rng: np.random.Generator) -> range:
    """A turned grid of side × side junctions, joined by streets; the middle ones are main streets."""
    spacing = rng.uniform(230.0, 320.0)
    angle = rng.uniform(0.0, np.pi / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)
    places = (grid - (side - 1) / 2 + rng.uniform(-0.13, 0.13, grid.shape)) * spacing
    first = len(layout.nodes)
    for place in places @ turn.T + centre:
        layout.add_node(*place)
    streets = [
        (place, place + step, across == side // 2)
        for place, (row, column) in enumerate(grid.tolist())
        for step, across, inside in ((side, column, row < side - 1), (1, row, column < side - 1))
        if inside
    ]
    reached = list(range(side * side))  # which streets are needed so that the town holds together
    for index in rng.permutation(len(streets)).tolist():
        one, other, is_main = streets[index]
        joins = _root(reached, one) != _root(reached, other)
        reached[_root(reached, one)] = _root(reached, other)
        if joins or is_main or rng.random() < _STREETS_KEPT:
            layout.join(first + one, first + other, "street", _LIMITS["street"][int(is_main)])
    return range(first, len(layout.nodes))


def _root(parents: list[int], member: int) -> int:
    while parents[member] != member:
        member = parents[member]
    return member


def _gabriel(centres: FloatArray) -> list[tuple[int, int]]:
    pairs = []
    for one in range(len(centres)):
        for other in range(one + 1, len(centres)):
            middle = (centres[one] + centres[other]) / 2
            radius = np.hypot(*(centres[one] - centres[other])) / 2
            between = np.hypot(*(centres - middle).T) < radius - 1e-6
            if not between.any():
                pairs.append((one, other))
    return pairs


def _add_country_road(layout: Layout, one: range, other: range, rng: np.random.Generator) -> None:
    """From edge to edge of two towns, slower where it leaves them."""
    slow, fast = _LIMITS["country"]
    start, end = _closest(layout, one, other)
    points = _winding(np.array(layout.nodes[start]), np.array(layout.nodes[end]), rng)
    cuts = [int(len(points) * share) for share in (0.15, 0.85)]
    nodes = [start, *(layout.add_node(*points[cut]) for cut in cuts), end]
    between = [points[1 : cuts[0]], points[cuts[0] + 1 : cuts[1]], points[cuts[1] + 1 : -1]]
    for before, after, limit, bends in zip(nodes, nodes[1:], (slow, fast, slow), between, strict=False):
        layout.join(before, after, "country", limit, bends)


def _add_motorway(layout: Layout, centres: FloatArray, rng: np.random.Generator) -> None:
    """From west to east past the largest town, with a junction for each town that is near."""
    x = np.arange(-0.5 * _WIDTH, 0.5 * _WIDTH, _STEP)
    wave = 2.0 * np.pi * (x / rng.uniform(22_000.0, 30_000.0) + rng.random())
    y = rng.choice((-1.0, 1.0)) * 2600.0 + rng.uniform(900.0, 1500.0) * (np.sin(wave) - 0.3)
    points = np.column_stack((x, y))
    junctions: list[tuple[int, int, int]] = []
    for town in np.argsort(np.abs(np.interp(centres[:, 0], x, y) - centres[:, 1])).tolist():
        # An access road leaves the motorway where it can run to the town straight.
        distance = np.hypot(*(points - centres[town]).T)
        at = int(np.argmin(distance))
        if distance[at] < 10_000.0 and all(abs(at - other) * _STEP > 3500.0 for other, _, _ in junctions):
            junctions.append((at, town, layout.add_node(*points[at])))
    junctions.sort()
    for (at, _, node), (until, _, following) in pairwise(junctions):
        layout.join(node, following, "motorway", _LIMITS["motorway"][0], points[at + 1 : until])
    for _, town, node in junctions:
        (gate, _) = _closest(layout, layout.towns[town], range(node, node + 1))
        bends = _winding(np.array(layout.nodes[node]), np.array(layout.nodes[gate]), rng)[1:-1]
        layout.join(node, gate, "access", _LIMITS["access"][0], bends)


def _closest(layout: Layout, one: range, other: range) -> tuple[int, int]:
    """The two nodes, one of each range, that are nearest to each other."""
    places = np.array(layout.nodes)
    apart = np.hypot(*(places[one][:, None] - places[other][None]).transpose(2, 0, 1))
    row, column = np.unravel_index(int(np.argmin(apart)), apart.shape)
    return one[int(row)], other[int(column)]


def _winding(start: FloatArray, end: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points of a road that winds from start to end: bends of several lengths, none at the ends."""
    straight = end - start
    length = float(np.hypot(*straight))
    along = np.linspace(0.0, 1.0, max(int(length / _STEP), 2) + 1)
    sideways = np.zeros(len(along))
    waves: IntArray = np.arange(1, max(int(length / 700.0), 1) + 1)
    for number, height in zip(waves, rng.normal(0.0, 1.0, len(waves)), strict=True):
        # Bends of every length are about as tight, as if by rolling hills of all sizes.
        sideways += 0.08 * length * height / number**1.6 * np.sin(np.pi * number * along)
    sideways *= np.minimum(1.0, 6.0 * np.minimum(along, 1.0 - along))
    normal = np.array([-straight[1], straight[0]]) / length
    points: FloatArray = start + along[:, None] * straight + sideways[:, None] * normal
    return points
