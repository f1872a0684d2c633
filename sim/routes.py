"""The roads of a simulated city: closed routes of straight streets joined by rounded corners.

Every route is sampled at equal distances. The position of a vehicle, the speed limit and the advisable speed
there, and the next traffic light are then a single look-up for the whole fleet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

METRES_PER_DEGREE = 111_195.0  # of latitude, on a sphere with a radius of 6371 km

_SPACING = 5.0  # metres between samples, roughly
_LATERAL_ACCELERATION = 2.2  # m/s², that people accept in a bend
_PLANNED_DECELERATION = 1.3  # m/s², towards a bend or a lower limit
_LIMITS = (  # (streets shorter than this, metres; their possible speed limits, km/h)
    (450.0, (30, 50)),
    (1100.0, (50, 60)),
    (2200.0, (60, 80, 100)),
    (np.inf, (100, 120)),
)
_LIGHTS_UP_TO = 60  # km/h: faster roads have no traffic lights


@dataclass(frozen=True, slots=True)
class RoadAhead:
    """The road ahead of n drivers.

    Attributes:
        limit: speed limit, km/h.
        advisable: speed that respects the limit, the bends and the road that follows, m/s.
        stop_gap: distance to the next stop line, metres; infinite on a route without one.
        red: whether the light there is red.
    """

    limit: FloatArray
    advisable: FloatArray
    stop_gap: FloatArray
    red: BoolArray


@dataclass(frozen=True, slots=True)
class _Route:
    x: FloatArray
    y: FloatArray
    length: float
    limit: FloatArray
    stops: FloatArray


class RoadNetwork:
    """Closed routes around the centre of a city.

    Args:
        count: how many routes.
        rng: decides where they run.
        latitude, longitude: centre of the city, degrees.

    Attributes:
        length: length of each route, metres.
    """

    def __init__(self, count: int, rng: np.random.Generator, *, latitude: float, longitude: float) -> None:
        routes = [_lay_out(rng) for _ in range(count)]
        self._latitude = latitude
        self._longitude = longitude
        self._metres_per_longitude = METRES_PER_DEGREE * np.cos(np.radians(latitude))
        self.length: FloatArray = np.array([route.length for route in routes])
        self._samples: IntArray = np.array([len(route.x) for route in routes])
        self._first: IntArray = np.concatenate(([0], np.cumsum(self._samples)[:-1]))
        self._spacing = self.length / self._samples
        self._x = np.concatenate([route.x for route in routes])
        self._y = np.concatenate([route.y for route in routes])
        self._limit = np.concatenate([route.limit for route in routes])
        self._advisable = np.concatenate([_advisable_speed(route) for route in routes])
        stops = [_next_stop(route) for route in routes]
        self._stop_at = np.concatenate(stops)
        # A light is identified by its position; each has its own cycle.
        self._cycle, self._red, self._shift = self._programme_lights(stops, rng)

    @staticmethod
    def _programme_lights(
        stops: list[FloatArray], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        cycle, red, shift = [], [], []
        for stop_at in stops:
            lights, light = np.unique(stop_at, return_inverse=True)
            cycle.append(rng.uniform(60.0, 90.0, len(lights))[light])
            red.append(rng.uniform(20.0, 40.0, len(lights))[light])
            shift.append(rng.uniform(0.0, 90.0, len(lights))[light])
        return np.concatenate(cycle), np.concatenate(red), np.concatenate(shift)

    def ahead(self, route: IntArray, distance: FloatArray, seconds: FloatArray) -> RoadAhead:
        """The road ahead of n vehicles.

        Args:
            route: the route of each.
            distance: how far along it each is, metres in [0, length).
            seconds: the time of each, which decides the colour of the lights.
        """
        along = (distance / self._spacing[route]).astype(np.int64)
        sample = self._first[route] + np.minimum(along, self._samples[route] - 1)
        phase = (seconds + self._shift[sample]) % self._cycle[sample]
        return RoadAhead(
            limit=self._limit[sample],
            advisable=self._advisable[sample],
            stop_gap=self._stop_at[sample] - distance,
            red=phase < self._red[sample],
        )

    def position(self, route: IntArray, distance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude in degrees of n vehicles; arguments as for `ahead`."""
        along = distance / self._spacing[route]
        lower = np.minimum(along.astype(np.int64), self._samples[route] - 1)
        share = along - lower
        here = self._first[route] + lower
        there = self._first[route] + (lower + 1) % self._samples[route]
        x = self._x[here] + share * (self._x[there] - self._x[here])
        y = self._y[here] + share * (self._y[there] - self._y[here])
        return self._latitude + y / METRES_PER_DEGREE, self._longitude + x / self._metres_per_longitude

    def nearest(self, route: int, latitude: float, longitude: float) -> tuple[float, float]:
        """The point of a route that is nearest to a place, to within a few metres.

        Args:
            route: the route.
            latitude, longitude: of the place, degrees.

        Returns:
            how far along the route the point is, and how far from the place, both in metres.
        """
        own = slice(self._first[route], self._first[route] + self._samples[route])
        x = (longitude - self._longitude) * self._metres_per_longitude
        y = (latitude - self._latitude) * METRES_PER_DEGREE
        away = np.hypot(self._x[own] - x, self._y[own] - y)
        sample = int(np.argmin(away))
        return sample * float(self._spacing[route]), float(away[sample])


def _lay_out(rng: np.random.Generator) -> _Route:
    corners = _corners(rng)
    streets = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    limits = np.array([rng.choice(next(found for below, found in _LIMITS if s < below)) for s in streets])
    points, street_of_point, corner_starts = _round_off(corners, streets, rng)

    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    reached = np.concatenate(([0.0], np.cumsum(steps)))
    length = float(reached[-1])
    at = np.arange(round(length / _SPACING)) * (length / round(length / _SPACING))
    closed = np.vstack((points, points[:1]))
    street = street_of_point[np.searchsorted(reached, at, side="right") - 1]

    stops = []
    for index, start in enumerate(corner_starts):
        faster_of_both = max(limits[index], limits[index - 1])
        if faster_of_both <= _LIGHTS_UP_TO and rng.random() < 0.7:
            stops.append(reached[start])
    return _Route(
        x=np.interp(at, reached, closed[:, 0]),
        y=np.interp(at, reached, closed[:, 1]),
        length=length,
        limit=limits[street].astype(np.float64),
        stops=np.array(stops),
    )


def _corners(rng: np.random.Generator) -> FloatArray:
    """Corners of a loop that does not cross itself: one in each of equal sectors around its centre."""
    number = int(rng.integers(7, 15))
    size = 450.0 * np.exp(rng.uniform(0.0, 1.9))
    angle = (np.arange(number) + rng.uniform(-0.35, 0.35, number)) * (2 * np.pi / number)
    radius = size * rng.uniform(0.55, 1.3, number)
    middle = rng.normal(0.0, 1500.0, 2)
    turned = angle if rng.random() < 0.5 else -angle
    corners: FloatArray = middle + radius[:, None] * np.column_stack((np.cos(turned), np.sin(turned)))
    return corners


def _round_off(
    corners: FloatArray, streets: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, IntArray, list[int]]:
    """Replace each corner by a quadratic Bézier curve.

    Returns:
        The points, the street that starts at or contains each, and the index of each corner's first point.
    """
    share = np.linspace(0.0, 1.0, 17)[:, None]
    curves: list[FloatArray] = []
    street_of_point: list[int] = []
    starts: list[int] = []
    for index, corner in enumerate(corners):
        before, after = corners[index - 1], corners[(index + 1) % len(corners)]
        cut = min(rng.uniform(15.0, 60.0), 0.4 * streets[index - 1], 0.4 * streets[index])
        entry = corner + cut * (before - corner) / streets[index - 1]
        leave = corner + cut * (after - corner) / streets[index]
        starts.append(len(curves) * len(share))
        curves.append((1 - share) ** 2 * entry + 2 * share * (1 - share) * corner + share**2 * leave)
        street_of_point += [index] * len(share)
    return np.vstack(curves), np.array(street_of_point), starts


def _advisable_speed(route: _Route) -> FloatArray:
    """Speed at every sample, m/s: v² ≤ a_lateral / curvature, and v² ≤ w² + 2·b·d for every w at d ahead."""
    spacing = route.length / len(route.x)
    heading = np.arctan2(np.roll(route.y, -1) - route.y, np.roll(route.x, -1) - route.x)
    turn = (heading - np.roll(heading, 1) + np.pi) % (2 * np.pi) - np.pi
    curvature = np.maximum(np.abs(turn) / spacing, 1e-6)
    squared = np.minimum((route.limit / 3.6) ** 2, _LATERAL_ACCELERATION / curvature)
    twice = np.tile(squared, 2) + 2 * _PLANNED_DECELERATION * spacing * np.arange(2 * len(squared))
    reachable = np.minimum.accumulate(twice[::-1])[::-1][: len(squared)]
    speed: FloatArray = np.sqrt(reachable - 2 * _PLANNED_DECELERATION * spacing * np.arange(len(squared)))
    return speed


def _next_stop(route: _Route) -> FloatArray:
    """Position of the next stop line of every sample along the route, metres; it may exceed the length."""
    if not len(route.stops):
        return np.full(len(route.x), np.inf)
    lines = np.sort(route.stops)
    # A line between two samples is still ahead of a vehicle that has just passed the first one.
    at = np.arange(len(route.x)) * (route.length / len(route.x))
    ahead = np.concatenate((lines, lines[:1] + route.length))
    stop_at: FloatArray = ahead[np.searchsorted(ahead, at, side="left")]
    return stop_at
