"""Where the vehicles of a region are on its roads, and where they go: trips, stops, stations.

A vehicle is on an edge, so far along it, and has a target on an edge. It follows the shortest way, which is
looked up whenever it enters an edge; so it can be sent somewhere else at any time.
"""

from __future__ import annotations

import numpy as np

from sim.region.road_graph import RoadGraph
from sim.region.roles import ON_THE_ROAD, SETS_OFF_AFTER, Roles, Stop
from sim.region.time_of_day import LocalTime
from sim.routes import BoolArray, FloatArray, IntArray

_AT_THE_TARGET = 25.0  # metres; who stands closer has arrived
_HOME_CHARGER, _STATION_CHARGER = 11e3, 100e3  # W
_DUE = 0.18  # of a tank or battery: below, a vehicle fills up before its next trip
_URGENT = 0.1  # ... and even in the middle of one
_FULL = 0.95  # of a tank: enough
_CHARGED = 0.8  # of a battery: enough at a station


class Trips:
    """The way of n vehicles.

    Attributes:
        edge: where each vehicle is.
        along: how far along that edge, metres.
        parked: who stands at a target, or at a station, with the engine off.
        at_station: who is filling up.
        charger: power of the charger where each one is parked, W.
        next_limit: speed limit of the edge that comes next, km/h.
        turning_speed: how fast one can change to it on a dry road, m/s.
    """

    def __init__(
        self, roads: RoadGraph, rng: np.random.Generator, seed: np.random.SeedSequence, vehicles: int
    ) -> None:
        self._roads = roads
        self._rng = rng
        self._own = [np.random.default_rng(child) for child in seed.spawn(vehicles)]
        self.roles = Roles(roads, rng, self._own)
        homes = [self.roles.home(vehicle) for vehicle in range(vehicles)]
        self.edge: IntArray = np.array([home.edge for home in homes])
        self.along: FloatArray = np.array([home.along for home in homes])
        self.parked: BoolArray = np.ones(vehicles, dtype=np.bool_)
        self.at_station: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        self.charger: FloatArray = np.zeros(vehicles)
        self._electric: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        self._target: IntArray = self.edge.copy()
        self._target_along: FloatArray = self.along.copy()
        self._to_station: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        self._stops: list[Stop] = homes
        self._until: FloatArray = np.zeros(vehicles)
        self._following: IntArray = self.edge.copy()
        self.next_limit: FloatArray = np.zeros(vehicles)
        self.turning_speed: FloatArray = np.zeros(vehicles)

    def begin(self, now: LocalTime, rng: np.random.Generator) -> None:
        """Put some of the vehicles on the road, as many as usual at this time; the others are parked."""
        on_the_road = (ON_THE_ROAD * now.departures())[self.roles.role]
        for vehicle in np.flatnonzero(rng.random(len(self.edge)) < on_the_road).tolist():
            start = self.roles.next_stop(vehicle)
            self.edge[vehicle], self.along[vehicle] = start.edge, start.along
            self._stops[vehicle] = self.roles.next_stop(vehicle)
            self._set_off(vehicle, self._stops[vehicle])
            # Somewhere between: so many edges further.
            for _ in range(int(rng.integers(0, 30))):
                if (
                    self.edge[vehicle] == self._target[vehicle]
                    or self._following[vehicle] == self._target[vehicle]
                ):
                    break
                self.edge[vehicle], self.along[vehicle] = self._following[vehicle], 0.0
                self._look_up(np.array([vehicle]))
        self._look_up(np.arange(len(self.edge)))

    @property
    def to_target(self) -> FloatArray:
        """Distance to the target for those on its edge and not past it, metres; infinite for all others."""
        distance = self._target_along - self.along
        return np.where((self.edge == self._target) & (distance >= 0.0), distance, np.inf)

    def drive(self, driven: FloatArray) -> None:
        """Move on by n distances, metres."""
        self.along = self.along + driven
        length = self._roads.length[self.edge]
        over = np.flatnonzero(self.along >= length)
        if len(over):
            self.edge = self.edge.copy()
            self.along[over] -= length[over]
            self.edge[over] = self._following[over]
            self._look_up(over)

    def update(self, now: LocalTime, seconds: float, dt: float, speed: FloatArray, level: FloatArray) -> None:
        """Stop those who have arrived, and let those set off who want to.

        Args:
            now: the local time.
            seconds: the same moment, since 1970-01-01 UTC.
            dt: seconds since the last update.
            speed: n speeds, m/s.
            level: of each tank or battery, 0–1.
        """
        dice = self._rng.random(len(speed))
        self.parked, self.at_station = self.parked.copy(), self.at_station.copy()
        arrived = ~self.parked & (speed == 0.0) & (self.to_target < _AT_THE_TARGET)
        for vehicle in np.flatnonzero(arrived).tolist():
            self._arrive(vehicle, seconds)
        enough = np.where(self.charger > 0.0, _CHARGED, _FULL)
        filled = self.at_station & (level >= enough)
        eager = now.departures()[self.roles.role] / SETS_OFF_AFTER[self.roles.role]
        rested = self.parked & ~self.at_station & (seconds >= self._until)
        leaving = rested & (dice < 1.0 - np.exp(-eager * dt))
        for vehicle in np.flatnonzero(filled | leaving).tolist():
            # Who has been at a station goes on to where it wanted to go.
            stop = self._stops[vehicle] if filled[vehicle] else self.roles.next_stop(vehicle)
            self._stops[vehicle] = stop
            if level[vehicle] < _DUE:
                self._seek_station(vehicle)
            else:
                self._set_off(vehicle, stop)
        urgent = ~self.parked & ~self._to_station & (level < _URGENT)
        for vehicle in np.flatnonzero(urgent).tolist():
            self._seek_station(vehicle)

    def stop_near(self, latitude: float, longitude: float) -> tuple[Stop, float]:
        """A stop at the point of the roads that is nearest to a place, and its distance from it, metres."""
        edge, along, off = self._roads.nearest(latitude, longitude)
        length = float(self._roads.length[edge])
        return Stop(edge, min(max(along, 0.1 * length), 0.9 * length), 300.0), off

    def send(self, vehicle: int, stop: Stop) -> None:
        """Let a vehicle drive to a stop, from wherever it is."""
        self._stops[vehicle] = stop
        self._set_off(vehicle, stop)

    def metres_to(self, vehicle: int, stop: Stop) -> float:
        """Length of the way of a vehicle to a stop."""
        edge, along = int(self.edge[vehicle]), float(self.along[vehicle])
        if self.parked[vehicle] and self._is_shorter_backwards(vehicle, stop):
            edge, along = edge ^ 1, float(self._roads.length[edge]) - along
        if edge == stop.edge and along <= stop.along:
            return stop.along - along
        metres = float(self._roads.length[edge]) - along
        target = np.array([stop.edge])
        edge = int(self._roads.follow(np.array([edge]), target)[0])
        while edge != stop.edge:
            metres += float(self._roads.length[edge])
            edge = int(self._roads.follow(np.array([edge]), target)[0])
        return metres + stop.along

    def use_chargers(self, electric: BoolArray) -> None:
        """Say which vehicles are electric: all begin at home, and these are charged there."""
        self.charger = np.where(electric, _HOME_CHARGER, 0.0)
        self._electric = electric

    def _seek_station(self, vehicle: int) -> None:
        station = self._roads.nearest_station(int(self._roads.head[self.edge[vehicle]]))
        self._set_off(vehicle, Stop(station, float(self._roads.length[station]) / 2.0, 0.0))
        self._to_station[vehicle] = True

    def _arrive(self, vehicle: int, seconds: float) -> None:
        self.parked[vehicle] = True
        stop = self._stops[vehicle]
        power = 0.0
        if self._to_station[vehicle]:
            self.at_station[vehicle] = True
            power = _STATION_CHARGER
        else:
            self._until[vehicle] = seconds + stop.stay
            power = _HOME_CHARGER if stop.is_home else 0.0
        self.charger[vehicle] = power * self._electric[vehicle]

    def _set_off(self, vehicle: int, stop: Stop) -> None:
        """Head for a stop; who is parked may turn around first."""
        if self.parked[vehicle] and self._is_shorter_backwards(vehicle, stop):
            edge = self.edge[vehicle]
            self.edge = self.edge.copy()
            self.edge[vehicle] = edge ^ 1
            self.along[vehicle] = self._roads.length[edge] - self.along[vehicle]
        self.parked[vehicle] = self.at_station[vehicle] = self._to_station[vehicle] = False
        self.charger[vehicle] = 0.0
        self._target[vehicle], self._target_along[vehicle] = stop.edge, stop.along
        self._look_up(np.array([vehicle]))

    def _is_shorter_backwards(self, vehicle: int, stop: Stop) -> bool:
        edge = int(self.edge[vehicle])
        forward = self._roads.seconds_to(edge, stop.edge)
        return self._roads.seconds_to(edge ^ 1, stop.edge) < forward and edge != stop.edge

    def _look_up(self, vehicles: IntArray) -> None:
        """The edges that come next for some of the vehicles, and how fast they can get onto them."""
        edge = self.edge[vehicles]
        following = self._roads.follow(edge, self._target[vehicles])
        self._following[vehicles] = following
        self.next_limit[vehicles] = self._roads.limit[following]
        self.turning_speed[vehicles] = self._roads.turning_speed(edge, following)
