"""What vehicles are for: where they belong, where they go, how long they stay there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.region.road_graph import RoadGraph
from sim.routes import FloatArray, IntArray

VAN, CAR, LORRY = range(3)
_SHARES = (0.55, 0.3, 0.15)
_STOPS = (8, 15)  # fewest and one more than most deliveries before a van returns to its depot
SETS_OFF_AFTER = np.array([45.0, 900.0, 400.0])
"""Mean seconds until a vehicle of each role sets off once it may, when people are most eager to."""

ON_THE_ROAD = np.array([0.7, 0.5, 0.7])
"""Share of the vehicles of each role that is driving when people are most eager to."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a trip goes.

    Attributes:
        edge: the edge.
        along: how far along it, metres.
        stay: shortest time there, seconds.
        is_home: whether the vehicle belongs there.
    """

    edge: int
    along: float
    stay: float
    is_home: bool = False


class Roles:
    """Roles and homes of n vehicles.

    Args:
        roads: the roads.
        rng: decides roles and homes.
        own: a generator for each vehicle, so that none changes what another does.

    Attributes:
        role: `VAN`, `CAR` or `LORRY`.
    """

    def __init__(self, roads: RoadGraph, rng: np.random.Generator, own: list[np.random.Generator]) -> None:
        self._roads = roads
        self._own = own
        vehicles = len(own)
        self.role: IntArray = rng.choice(len(_SHARES), size=vehicles, p=_SHARES)
        towns = len(roads.layout.towns)
        sizes = np.array([len(nodes) for nodes in roads.layout.towns], dtype=np.float64)
        self._sizes: FloatArray = sizes / sizes.sum()
        self._edges = [np.flatnonzero(roads.town == town) for town in range(towns)]
        depots = [self._somewhere(int(town), rng, 1200.0, is_home=True) for town in range(towns)]
        self._home = [
            depots[rng.choice(towns, p=self._sizes)]
            if role == VAN
            else self._somewhere(int(rng.choice(towns, p=self._sizes)), rng, 1800.0, is_home=True)
            for role in self.role
        ]
        self._work = [self._somewhere(int(rng.choice(towns, p=self._sizes)), rng, 3600.0) for _ in own]
        self._stops_left = rng.integers(*_STOPS, vehicles)
        self._was_home = np.ones(vehicles, dtype=np.bool_)

    def home(self, vehicle: int) -> Stop:
        """Where a vehicle belongs."""
        return self._home[vehicle]

    def next_stop(self, vehicle: int) -> Stop:
        """Where a vehicle goes next."""
        rng = self._own[vehicle]
        match int(self.role[vehicle]):
            case 0:
                return self._delivery(vehicle, rng)
            case 1:
                self._was_home[vehicle] ^= True
                if self._was_home[vehicle]:
                    return self._home[vehicle]
                at_work = rng.random() < 0.5
                return self._work[vehicle] if at_work else self._somewhere(self._town(rng), rng, 600.0)
            case _:
                return self._somewhere(self._town(rng), rng, 900.0)

    def _delivery(self, vehicle: int, rng: np.random.Generator) -> Stop:
        self._stops_left[vehicle] -= 1
        if self._stops_left[vehicle] < 0:
            self._stops_left[vehicle] = rng.integers(*_STOPS)
            return self._home[vehicle]
        nearby = int(self._roads.town[self._home[vehicle].edge])
        town = nearby if rng.random() < 0.6 else self._town(rng)
        return self._somewhere(town, rng, float(rng.uniform(90.0, 300.0)))

    def _town(self, rng: np.random.Generator) -> int:
        return int(rng.choice(len(self._sizes), p=self._sizes))

    def _somewhere(self, town: int, rng: np.random.Generator, stay: float, *, is_home: bool = False) -> Stop:
        edge = int(rng.choice(self._edges[town]))
        return Stop(edge, float(rng.uniform(0.3, 0.8) * self._roads.length[edge]), stay, is_home)
