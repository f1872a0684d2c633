"""How the vehicles of a region move: the drivers of `sim.vehicle` on a road graph, by hour and weather."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dataflows.events import FaultKind
from sim.damage import Damage
from sim.mixed_powertrain import MixedPowertrain
from sim.powertrain import Engines
from sim.region.drivers import Drivers
from sim.region.options import RegionOptions
from sim.region.road_graph import PLANNED_DECELERATION, RoadGraph
from sim.region.time_of_day import LocalClock
from sim.region.trips import Trips
from sim.region.weather import Weather
from sim.routes import BoolArray, FloatArray, RoadAhead
from sim.tyres import Tyres
from sim.vehicle import VehiclePhysics

COMBUSTION_ONLY = ("rpm", "engine_temperature", "fuel")
ELECTRIC_ONLY = ("state_of_charge", "power", "range", "charging", "battery_temperature")

_SLOWED_BY_BRAKES = 0.1  # share of the speed that the worst dragging brake costs: drivers notice
_PUMP = 0.7  # % per second
_LONG_PARKED = 0.9  # share of the parked engines that have cooled down at the start


class RegionPhysics(VehiclePhysics):
    """The movement of n vehicles that make trips.

    Args:
        vehicles: n.
        seed: decides roads, vehicles, drivers, trips, traffic and weather.
        latitude, longitude: centre of the region, degrees.
        start: time of the first event, seconds since 1970-01-01 UTC.
        options: what can be chosen.

    Attributes:
        distance: position along the vehicle's edge, metres.
        trips: where the vehicles are and go.
        weather: the same for all.
        tyres: of all vehicles.
    """

    engine: MixedPowertrain

    def __init__(
        self,
        vehicles: int,
        seed: np.random.SeedSequence,
        *,
        latitude: float,
        longitude: float,
        start: float,
        options: RegionOptions,
    ) -> None:
        self._seed = seed
        self._options = options
        self._clock = LocalClock(longitude, options.time_zone)
        self._now = start
        self._damage = Damage.none(vehicles)
        super().__init__(vehicles, seed, latitude=latitude, longitude=longitude)
        self._now = start
        self.odometer = np.random.default_rng(seed.spawn(1)[0]).uniform(5e6, 150e6, vehicles)

    @property
    def position(self) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude, degrees."""
        return self.graph.position(self.trips.edge, self.trips.along)

    @property
    def heading(self) -> FloatArray:
        """Degrees clockwise from north, in [0, 360)."""
        return self.graph.heading(self.trips.edge, self.trips.along)

    @property
    def awake(self) -> BoolArray:
        """Who is switched on or being charged."""
        return self.engine.running | (self.engine.charging > 0.0)

    @property
    def kinds_without_effect(self) -> Mapping[FaultKind, BoolArray]:
        """An electric vehicle has no coolant that could get too hot."""
        return {"overheating": self.engine.is_electric, "coolant_leak": self.engine.is_electric}

    def has_sensor(self, vehicle: int, signal: str) -> bool:
        """Whether a vehicle measures a signal."""
        return signal not in (COMBUSTION_ONLY if self.engine.is_electric[vehicle] else ELECTRIC_ONLY)

    def wear(self, damage: Damage) -> None:
        """Take in how badly the vehicles are damaged."""
        super().wear(damage)
        self._damage = damage
        self.tyres.let_out(damage.leaking_tyre, damage.tyre_leak)

    def way_to(self, vehicle: int, latitude: float, longitude: float) -> tuple[float, float]:
        """The way of a vehicle to the point of the roads that is nearest to a place.

        Returns:
            metres along the shortest way to that point; metres from it to the place.
        """
        stop, off = self.trips.stop_near(latitude, longitude)
        return self.trips.metres_to(vehicle, stop), off

    def head_for(self, vehicle: int, latitude: float, longitude: float) -> None:
        """Send a vehicle there, by the way that `way_to` measures."""
        self.trips.send(vehicle, self.trips.stop_near(latitude, longitude)[0])

    def route_length(self, vehicle: int) -> float:
        """There are no closed routes: infinite."""
        return np.inf

    def _lay_out(self, vehicles: int, rng: np.random.Generator, latitude: float, longitude: float) -> None:
        self.graph = RoadGraph(rng, latitude=latitude, longitude=longitude)
        for_trips, for_weather, for_tyres, own = self._seed.spawn(4)
        self.weather = Weather(np.random.default_rng(for_weather), latitude)
        self.weather.advance(1.0, self._clock.at(self._now))
        self.trips = Trips(self.graph, np.random.default_rng(for_trips), own, vehicles)
        self.tyres = Tyres(vehicles, np.random.default_rng(for_tyres), self.weather.temperature)

    def _new_engines(self, vehicles: int, rng: np.random.Generator) -> Engines:
        electric = np.zeros(vehicles, dtype=np.bool_)
        # Spread evenly, so that the share is kept in small fleets.
        share = self._options.electric_share
        electric[np.floor(np.arange(1, vehicles + 1) * share) > np.floor(np.arange(vehicles) * share)] = True
        electric = rng.permutation(electric)
        self.trips.use_chargers(electric)
        return MixedPowertrain(electric, rng, self.weather.temperature)

    def _starting_points(self, rng: np.random.Generator) -> FloatArray:
        self.trips.begin(self._clock.at(self._now), rng)
        return self.trips.along

    def _adapt_drivers(self, rng: np.random.Generator) -> None:
        vehicles = len(self.distance)
        drivers = Drivers(vehicles, rng)
        self._temperament = drivers.pace
        self._briskness = drivers.briskness
        self._crowding = drivers.crowding
        self._planned_braking = drivers.braking
        self.engine.running = ~self.trips.parked
        self.engine.park(self.trips.parked & (rng.random(vehicles) < _LONG_PARKED))

    def _change_conditions(self, dt: float) -> None:
        """Also the hour, the weather and the trips."""
        self._now += dt
        now = self._clock.at(self._now)
        self._usual_traffic = now.usual_traffic
        super()._change_conditions(dt)
        self.weather.advance(dt, now)
        self.grip = self.weather.grip
        self.engine.ambient = self.weather.temperature
        self.trips.update(now, self._now, dt, self.speed, self.engine.level)
        self.engine.plug_in(self.trips.charger)
        self.tyres.refill(self.trips.at_station)
        self.tyres.step(self.speed, self.weather.temperature, dt)

    def _look_ahead(self) -> RoadAhead:
        trips, graph = self.trips, self.graph
        limit = graph.limit[trips.edge]
        # What tyres transmit in a bend grows with the grip, and so does the square of the speed.
        grip = np.sqrt(self.grip)
        remaining = graph.length[trips.edge] - trips.along
        leaving = np.minimum(trips.next_limit / 3.6, trips.turning_speed * grip)
        in_time = np.sqrt(leaving**2 + 2.0 * PLANNED_DECELERATION * self.grip * remaining)
        advisable = np.minimum(graph.bend(trips.edge, trips.along) * grip, in_time)
        advisable = np.minimum(advisable, limit / 3.6 * self.weather.caution)
        advisable *= (1.0 - _SLOWED_BY_BRAKES * self._damage.brake_drag) * ~trips.parked
        to_target = trips.to_target
        arrives = np.isfinite(to_target)
        return RoadAhead(
            limit=limit,
            advisable=advisable,
            stop_gap=np.where(arrives, to_target, remaining),
            red=arrives | graph.is_red(trips.edge, self._seconds),
        )

    def _has_to_stand(self) -> BoolArray:
        return self.trips.parked

    def _move_on(self, driven: FloatArray) -> None:
        self.trips.drive(driven)
        self.distance = self.trips.along

    def _fill_up(self, standing: BoolArray, dt: float) -> None:
        self.engine.refuel(standing & self.trips.at_station, _PUMP, dt)
