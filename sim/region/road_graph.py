"""The roads of a region as tables: every direction of every road sampled at equal distances.

What drivers see, where vehicles are and which way leads where are then look-ups for the whole fleet. The way
is a table too: for each node and each target the road to take, from the shortest paths of all pairs
(Dijkstra's algorithm).
"""

from __future__ import annotations

import numpy as np

from sim.region.layout import Layout, lay_out
from sim.routes import METRES_PER_DEGREE, BoolArray, FloatArray, IntArray

_SPACING = 8.0  # metres between samples, roughly
_LATERAL_ACCELERATION = 2.2  # m/s², that people accept in a bend, on a dry road
PLANNED_DECELERATION = 1.3
"""m/s², towards a bend or a lower limit, on a dry road."""

_FASTEST = 60.0  # m/s, where nothing bends
_NODE_COST = 5.0  # seconds that a junction in a town takes
_LIGHTS_SHARE = 0.6  # of the main junctions of a town
_STATION_EVERY = 12  # nodes of a town for each station
_U_TURN = 2.0  # m/s
_SECONDS_PER_METRE = 3.6 / 0.9  # times the inverse of the limit in km/h: people drive a little slower


class RoadGraph:
    """The roads of a region. Edge ``2k`` is road k from its start to its end, edge ``2k + 1`` the way back.

    Args:
        rng: decides where the roads run.
        latitude, longitude: centre of the region, degrees.

    Attributes:
        layout: the roads as they were laid out.
        length: of each edge, metres.
        limit: of each edge, km/h.
        tail, head: the nodes where each edge starts and ends.
        town: of each edge the number of its town, −1 outside.
        station: edges beside which there is a station, in the middle.
        travel_time: seconds from each node to each other one.
    """

    def __init__(self, rng: np.random.Generator, *, latitude: float, longitude: float) -> None:
        self._latitude, self._longitude = latitude, longitude
        self._metres_per_longitude = METRES_PER_DEGREE * np.cos(np.radians(latitude))
        self.layout: Layout = lay_out(rng)
        roads = self.layout.roads
        self.limit: FloatArray = np.repeat([road.limit for road in roads], 2)
        self.tail: IntArray = np.array([node for road in roads for node in (road.start, road.end)])
        self.head: IntArray = np.array([node for road in roads for node in (road.end, road.start)])
        self._is_fast: BoolArray = np.repeat([road.kind != "street" for road in roads], 2)
        self._sample()
        self.town: IntArray = np.repeat(
            [self._town_of(road.start) if road.kind == "street" else -1 for road in roads], 2
        )
        self._find_ways()
        self._programme_lights(rng)
        self._place_stations(rng)

    def _sample(self) -> None:
        xs, ys, bends, lengths = [], [], [], []
        for road in self.layout.roads:
            reached = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(road.x), np.diff(road.y)))))
            intervals = max(round(float(reached[-1]) / _SPACING), 2)
            at = np.linspace(0.0, reached[-1], intervals + 1)
            forth = np.interp(at, reached, road.x), np.interp(at, reached, road.y)
            for x, y in (forth, (forth[0][::-1], forth[1][::-1])):
                xs.append(x)
                ys.append(y)
                # Along the chords of the samples, as positions are.
                lengths.append(float(np.hypot(np.diff(x), np.diff(y)).sum()))
                bends.append(_speed_in_bends(x, y, lengths[-1] / intervals))
        self.length: FloatArray = np.array(lengths)
        points = np.array([len(x) for x in xs])
        self._intervals: IntArray = points - 1
        self._first: IntArray = np.concatenate(([0], np.cumsum(points)[:-1]))
        self._per_metre: FloatArray = self._intervals / self.length
        self._x, self._y = np.concatenate(xs), np.concatenate(ys)
        self._bend = np.concatenate(bends)
        last = self._first + self._intervals
        self._enters: FloatArray = np.arctan2(
            self._y[self._first + 1] - self._y[self._first], self._x[self._first + 1] - self._x[self._first]
        )
        self._leaves: FloatArray = np.arctan2(
            self._y[last] - self._y[last - 1], self._x[last] - self._x[last - 1]
        )

    def _town_of(self, node: int) -> int:
        return next((number for number, nodes in enumerate(self.layout.towns) if node in nodes), -1)

    def _find_ways(self) -> None:
        # Takes half a second to import, which the city can do without.
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import dijkstra

        nodes = len(self.layout.nodes)
        cost = self.length / self.limit * _SECONDS_PER_METRE + _NODE_COST * ~self._is_fast
        # Searched backwards from every target, so that what precedes a node is the next one on the way.
        # Older versions of SciPy search only graphs with indices of 32 bits.
        ends = self.head.astype(np.int32), self.tail.astype(np.int32)
        backwards = csr_array((cost, ends), shape=(nodes, nodes))
        seconds, following = dijkstra(backwards, return_predecessors=True)
        self.travel_time: FloatArray = seconds.T
        edge = np.full((nodes, nodes), -1, dtype=np.int32)
        edge[self.tail, self.head] = np.arange(len(self.tail))
        self._way = edge[np.arange(nodes)[:, None], following.T.clip(0)]

    def _programme_lights(self, rng: np.random.Generator) -> None:
        """Main junctions in towns have lights: red for one direction while it is green for the other."""
        nodes = len(self.layout.nodes)
        is_main = (self.limit == 50.0) & ~self._is_fast
        roads_there = np.bincount(self.head[is_main], minlength=nodes)
        has_light = (roads_there >= 3) | ((roads_there >= 1) & (rng.random(nodes) < 0.3))
        has_light &= rng.random(nodes) < _LIGHTS_SHARE
        in_town = self.town >= 0
        self._light: BoolArray = has_light[self.head] & in_town
        self._cycle: FloatArray = rng.uniform(60.0, 90.0, nodes)[self.head]
        self._red: FloatArray = 0.45 * self._cycle
        half = (np.round(self._leaves / (np.pi / 2)).astype(np.int64) % 2) * 0.5
        self._shift: FloatArray = (rng.random(nodes)[self.head] + half) * self._cycle

    def _place_stations(self, rng: np.random.Generator) -> None:
        chosen: list[int] = []
        for number, nodes in enumerate(self.layout.towns):
            streets = np.flatnonzero((self.town == number) & (self.limit == 50.0))
            chosen += rng.choice(streets, size=-(-len(nodes) // _STATION_EVERY), replace=False).tolist()
        self.station: IntArray = np.array(chosen)
        self._nearest_station: IntArray = self.station[
            np.argmin(self.travel_time[:, self.tail[self.station]], axis=1)
        ]

    def nearest_station(self, node: int) -> int:
        """The edge of the station to which it takes least time from a node."""
        return int(self._nearest_station[node])

    def follow(self, edge: IntArray, target: IntArray) -> IntArray:
        """The edges that come after those of n vehicles.

        Args:
            edge: where they are.
            target: the edges they want to get to.
        """
        node, goal = self.head[edge], self.tail[target]
        return np.where(node == goal, target, self._way[node, goal]).astype(np.int64)

    def seconds_to(self, edge: int, target: int) -> float:
        """About how long it takes from the end of an edge to the start of another."""
        return float(self.travel_time[self.head[edge], self.tail[target]])

    def turning_speed(self, edge: IntArray, following: IntArray) -> FloatArray:
        """How fast n vehicles can change from one edge to the next on a dry road, m/s."""
        turn = np.abs((self._enters[following] - self._leaves[edge] + np.pi) % (2.0 * np.pi) - np.pi)
        tangent = np.where(self._is_fast[edge] | self._is_fast[following], 50.0, 9.0)
        radius = tangent / np.maximum(np.tan(np.minimum(turn, 3.0) / 2.0), 1e-3)
        speed = np.sqrt(_LATERAL_ACCELERATION * radius).clip(_U_TURN, _FASTEST)
        slower: FloatArray = np.minimum(speed, self._bend[self._first[following]])
        return slower

    def bend(self, edge: IntArray, along: FloatArray) -> FloatArray:
        """How fast n vehicles can go where they are because of the bends ahead, on a dry road, m/s."""
        speed: FloatArray = self._bend[self._sample_at(edge, along)[0]]
        return speed

    def is_red(self, edge: IntArray, seconds: FloatArray) -> BoolArray:
        """Whether the light at the end of each edge is red; never where there is none."""
        red: BoolArray = self._light[edge] & (
            (seconds + self._shift[edge]) % self._cycle[edge] < self._red[edge]
        )
        return red

    def position(self, edge: IntArray, along: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude of n vehicles, degrees."""
        here, share = self._sample_at(edge, along)
        x = self._x[here] + share * (self._x[here + 1] - self._x[here])
        y = self._y[here] + share * (self._y[here + 1] - self._y[here])
        return self.to_degrees(x, y)

    def heading(self, edge: IntArray, along: FloatArray) -> FloatArray:
        """Where n vehicles point to, degrees clockwise from north, in [0, 360)."""
        here, _ = self._sample_at(edge, along)
        heading: FloatArray = np.degrees(
            np.arctan2(self._x[here + 1] - self._x[here], self._y[here + 1] - self._y[here])
        )
        return heading % 360.0

    def to_degrees(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude of points in metres east and north of the centre."""
        return self._latitude + y / METRES_PER_DEGREE, self._longitude + x / self._metres_per_longitude

    def nearest(self, latitude: float, longitude: float) -> tuple[int, float, float]:
        """The point of the roads that is nearest to a place, to within a few metres.

        Returns:
            its edge, how far along it the point is, and how far from the place, both in metres.
        """
        x = (longitude - self._longitude) * self._metres_per_longitude
        y = (latitude - self._latitude) * METRES_PER_DEGREE
        away = np.hypot(self._x - x, self._y - y)
        sample = int(np.argmin(away))
        edge = int(np.searchsorted(self._first, sample, side="right")) - 1
        return edge, (sample - int(self._first[edge])) / float(self._per_metre[edge]), float(away[sample])

    def _sample_at(self, edge: IntArray, along: FloatArray) -> tuple[IntArray, FloatArray]:
        steps = along * self._per_metre[edge]
        whole = np.minimum(steps.astype(np.int64), self._intervals[edge] - 1)
        return self._first[edge] + whole, steps - whole


def _speed_in_bends(x: FloatArray, y: FloatArray, spacing: float) -> FloatArray:
    """Speed at every sample: v² ≤ a_lateral / curvature, and v² ≤ w² + 2·b·d for every w at d ahead."""
    heading = np.arctan2(np.diff(y), np.diff(x))
    turn = (np.diff(heading) + np.pi) % (2.0 * np.pi) - np.pi
    curvature = np.zeros(len(x))
    curvature[1:-1] = np.abs(turn) / spacing
    # A corner of the polyline is a bend of a few samples.
    curvature = np.convolve(curvature, np.full(3, 1.0 / 3.0), mode="same")
    squared = np.minimum(_FASTEST**2, _LATERAL_ACCELERATION / np.maximum(curvature, 1e-6))
    ramp = 2.0 * PLANNED_DECELERATION * spacing * np.arange(len(x))
    reachable = np.minimum.accumulate((squared + ramp)[::-1])[::-1] - ramp
    speed: FloatArray = np.sqrt(reachable)
    return speed


def roads_of(seed: int, *, latitude: float, longitude: float) -> RoadGraph:
    """The roads on which a `sim.fleet.Fleet` with this seed drives, whatever its size."""
    for_physics = np.random.SeedSequence(seed).spawn(3)[0]
    return RoadGraph(np.random.default_rng(for_physics.spawn(4)[0]), latitude=latitude, longitude=longitude)
