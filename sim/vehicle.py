"""How the vehicles of a fleet move: drivers, roads and engines, one array element per vehicle.

Drivers follow the optimal velocity model (Bando et al., 1995): a = (V − v) / τ, where the desired
speed V comes from the limit, bends, traffic, temperament, and from the distance to a red light.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dataflows.events import FaultKind
from sim.damage import Damage
from sim.powertrain import Engines, Powertrain
from sim.routes import BoolArray, FloatArray, RoadAhead, RoadNetwork

_LONGEST_STEP = 0.25  # seconds, of the integration
_RELAXATION = 0.9  # seconds, τ of the driver
_PEDAL_LAG = 0.35  # seconds until an acceleration builds up
_PLANNED_BRAKING = 1.6  # m/s², towards a red light
_HARDEST_BRAKING = 4.0  # m/s², without an emergency
_FULL_BRAKING = 11.0  # m/s², that tyres can transmit on a dry road
_EASY_BRAKING = 2.0  # m/s², when there is time
_STOP_BEFORE_LINE = 6.0  # metres; drivers lag behind their plan and stop closer
_STOP_BEFORE_PLACE = 3.0  # metres, likewise; where nothing is in the way
_VEHICLES_PER_ROUTE = 4
_MOST_ROUTES = 100
_REFUEL_BELOW = 8.0  # %
_REFUEL_TO = 95.0  # %
_REFUEL_RATE = 1.0  # % per second
_SENSORS = ("speed", "acceleration", "rpm", "throttle", "engine_temperature", "battery_voltage", "fuel")
_SETTLING = 30  # seconds driven before the first event, so that no vehicle starts from rest


@dataclass(frozen=True, slots=True)
class DriverOverride:
    """What faults make n drivers do.

    Attributes:
        deceleration: emergency braking, m/s², positive; 0 for none.
        excess: speed above the limit that the driver aims for, whatever traffic and lights, m/s; 0 for none.
    """

    deceleration: FloatArray
    excess: FloatArray

    @classmethod
    def none(cls, vehicles: int) -> DriverOverride:
        """Everybody drives normally."""
        return cls(np.zeros(vehicles), np.zeros(vehicles))


@dataclass(slots=True)
class DriverOrders:
    """What commands make n drivers do, until it is changed. Faults of the driver do not override it.

    Attributes:
        ceiling: speed above which the driver does not aim, m/s; infinite for none. If it is lower than the
            speed, the driver brakes comfortably.
        stand_at: reading of the odometer at which the driver stops, metres; infinite for none.
        engine_off: whether the engine is switched off.
        active: whether anybody has an order; without one, the arrays are not looked at.
    """

    ceiling: FloatArray
    stand_at: FloatArray
    engine_off: BoolArray
    active: bool = False

    @classmethod
    def none(cls, vehicles: int) -> DriverOrders:
        """Nobody is told anything."""
        return cls(np.full(vehicles, np.inf), np.full(vehicles, np.inf), np.zeros(vehicles, dtype=np.bool_))


class VehiclePhysics:
    """The movement of n vehicles, by default on the closed routes of a city.

    Another world overrides the methods marked so: what drivers see of the road, and where they stand.

    The random draws of a step do not depend on what the vehicles do, so that overriding one driver does not
    change any other vehicle.

    Args:
        vehicles: n.
        seed: decides roads, vehicles, drivers and traffic.
        latitude, longitude: centre of the city, degrees.

    Attributes:
        speed: m/s, ≥ 0.
        acceleration: change of speed over the last `advance`, m/s².
        distance: position along the vehicle's route, metres.
        odometer: distance driven so far, metres.
        limit: speed limit here, km/h.
        traffic: 1 (free) to 5 (dense), continuous.
        engine: the powertrains.
        grip: of the road, relative to a dry one; scales how hard drivers brake.
        orders: what commands make the drivers do; may be changed between two `advance`.
    """

    engine: Engines
    grip: float = 1.0
    _usual_traffic: float = 2.4

    def __init__(
        self, vehicles: int, seed: np.random.SeedSequence, *, latitude: float, longitude: float
    ) -> None:
        for_roads, for_engines, for_drivers, for_traffic = map(np.random.default_rng, seed.spawn(4))
        self.orders = DriverOrders.none(vehicles)
        self._rng = for_traffic
        self._lay_out(vehicles, for_roads, latitude, longitude)
        self.engine = self._new_engines(vehicles, for_engines)

        self._crowding: float | FloatArray = 0.11  # share of the speed that each level of traffic costs
        self._planned_braking: float | FloatArray = _PLANNED_BRAKING
        self._temperament = for_drivers.normal(0.97, 0.05, vehicles).clip(0.84, 1.08)
        self._briskness = for_drivers.uniform(1.3, 2.3, vehicles)  # m/s²
        self.distance: FloatArray = self._starting_points(for_drivers)
        self.odometer: FloatArray = np.zeros(vehicles)
        self.traffic: FloatArray = for_drivers.uniform(1.0, 4.0, vehicles)
        self._wander: FloatArray = np.zeros(vehicles)
        self._consumers: BoolArray = for_drivers.random(vehicles) < 0.5
        self._refuelling: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        self._seconds: FloatArray = np.zeros(vehicles)

        self._adapt_drivers(for_drivers)
        ahead = self._look_ahead()
        self.limit: FloatArray = ahead.limit
        self.speed: FloatArray = 0.8 * ahead.advisable
        self.acceleration: FloatArray = np.zeros(vehicles)
        self._pedals: FloatArray = np.zeros(vehicles)
        self.engine.engage(self.speed)
        for _ in range(_SETTLING):
            self.advance(1.0, DriverOverride.none(vehicles))

    def advance(self, dt: float, override: DriverOverride) -> None:
        """Drive for dt seconds (dt > 0)."""
        before = self.speed
        self._change_conditions(dt)
        steps = max(1, int(np.ceil(dt / _LONGEST_STEP)))
        for _ in range(steps):
            self._step(dt / steps, override)
        self.acceleration = (self.speed - before) / dt

    @property
    def position(self) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude, degrees."""
        return self.roads.position(self._route, self.distance)

    @property
    def kinds_without_effect(self) -> Mapping[FaultKind, BoolArray]:
        """Faults that some of the vehicles cannot have, and which; for another world to override."""
        return {"tyre_leak": np.ones(len(self.speed), dtype=np.bool_)}

    @property
    def awake(self) -> BoolArray:
        """Whose faults would be seen, since it reports all the time; for another world to override."""
        return np.ones(len(self.speed), dtype=np.bool_)

    def has_sensor(self, vehicle: int, signal: str) -> bool:
        """Whether a vehicle measures a signal; for another world to override."""
        return signal in _SENSORS

    def wear(self, damage: Damage) -> None:
        """Take in how badly the vehicles are damaged; for another world to extend."""
        self.engine.damage = damage

    def _lay_out(self, vehicles: int, rng: np.random.Generator, latitude: float, longitude: float) -> None:
        """Lay out the roads; for another world to override, as the six methods that follow."""
        routes = min(-(-vehicles // _VEHICLES_PER_ROUTE), _MOST_ROUTES)
        self.roads = RoadNetwork(routes, rng, latitude=latitude, longitude=longitude)
        self._route = np.arange(vehicles) % routes

    def _new_engines(self, vehicles: int, rng: np.random.Generator) -> Engines:
        return Powertrain(vehicles, rng)

    def _starting_points(self, rng: np.random.Generator) -> FloatArray:
        points: FloatArray = rng.uniform(0.0, self.roads.length[self._route])
        return points

    def _adapt_drivers(self, rng: np.random.Generator) -> None:
        """Change how the drivers drive before they start."""

    def _look_ahead(self) -> RoadAhead:
        return self.roads.ahead(self._route, self.distance, self._seconds)

    def _has_to_stand(self) -> BoolArray:
        """Whose driver must not drive on: in the city, to refuel wherever the vehicle is."""
        self._refuelling |= self.engine.fuel < _REFUEL_BELOW
        self._refuelling &= self.engine.fuel < _REFUEL_TO
        return self._refuelling

    def _move_on(self, driven: FloatArray) -> None:
        self.distance = (self.distance + driven) % self.roads.length[self._route]

    def _fill_up(self, standing: BoolArray, dt: float) -> None:
        """Fill the tanks of those who stand with the engine off."""
        self.engine.refuel(standing, _REFUEL_RATE, dt)

    def way_to(self, vehicle: int, latitude: float, longitude: float) -> tuple[float, float]:
        """The way of a vehicle to the point of its route that is nearest to a place.

        Returns:
            metres along the route to that point, in [0, length of the route); metres from it to the place.
        """
        route = int(self._route[vehicle])
        point, off = self.roads.nearest(route, latitude, longitude)
        return float((point - self.distance[vehicle]) % self.roads.length[route]), off

    def head_for(self, vehicle: int, latitude: float, longitude: float) -> None:
        """Take the way that `way_to` measures; on a closed route there is no other."""

    def route_length(self, vehicle: int) -> float:
        """Length of the vehicle's route, metres."""
        return float(self.roads.length[self._route[vehicle]])

    def _change_conditions(self, dt: float) -> None:
        """Traffic and attention are Ornstein-Uhlenbeck processes, consumers a random telegraph."""
        traffic, wander = self._rng.standard_normal((2, len(self.speed)))
        switch = self._rng.random(len(self.speed)) < 1.0 - np.exp(-dt / 150.0)
        kept = np.exp(-dt / 400.0)
        usual = self._usual_traffic
        self.traffic = usual + (self.traffic - usual) * kept + 0.95 * np.sqrt(1.0 - kept**2) * traffic
        self.traffic = self.traffic.clip(1.0, 5.0)
        kept = np.exp(-dt / 20.0)
        self._wander = self._wander * kept + 0.03 * np.sqrt(1.0 - kept**2) * wander
        self._consumers = self._consumers ^ switch

    def _step(self, dt: float, override: DriverOverride) -> None:
        ahead = self._look_ahead()
        self.limit = ahead.limit

        flow = 1.0 - self._crowding * (self.traffic - 1.0)
        desired = ahead.advisable * flow * (self._temperament + self._wander)
        # Drivers who can no longer stop drive on; that is what amber is for.
        hardest = _HARDEST_BRAKING * self.grip
        stops = ahead.red & (ahead.stop_gap > self.speed**2 / (2.0 * hardest))
        free = np.maximum(np.where(stops, ahead.stop_gap, 0.0) - _STOP_BEFORE_LINE, 0.0)
        desired = np.where(stops, np.minimum(desired, np.sqrt(2.0 * self._planned_braking * free)), desired)
        has_to_stand = self._has_to_stand()
        desired = np.where(has_to_stand, 0.0, desired)

        speeding = override.excess > 0.0
        desired = np.where(speeding, ahead.limit / 3.6 + override.excess, desired)
        strongest = np.where(speeding, 4.0, self._briskness)
        strongest = np.minimum(strongest, self.engine.acceleration_limit(self.speed))

        if self.orders.active:
            remaining = np.maximum(self.orders.stand_at - self.odometer - _STOP_BEFORE_PLACE, 0.0)
            desired = np.minimum(desired, np.sqrt(2.0 * self._planned_braking * remaining))
        wanted = np.clip((desired - self.speed) / _RELAXATION, -hardest, strongest)
        if self.orders.active:
            ceiling = self.orders.ceiling
            wanted = np.minimum(wanted, np.maximum((ceiling - self.speed) / _RELAXATION, -_EASY_BRAKING))
            desired = np.minimum(desired, ceiling)
        pedals = self._pedals + (wanted - self._pedals) * (1.0 - np.exp(-dt / _PEDAL_LAG))
        # An emergency stop is not smoothed by the pedal lag.
        emergency = np.minimum(override.deceleration, _FULL_BRAKING * self.grip)
        pedals = np.where(override.deceleration > 0.0, -emergency, pedals)
        speed = np.maximum(self.speed + pedals * dt, 0.0)
        speed = np.where((speed < 0.1) & (desired < 0.1), 0.0, speed)
        self._pedals = np.where(speed > 0.0, pedals, np.maximum(pedals, 0.0))

        driven = 0.5 * (self.speed + speed) * dt
        self.odometer = self.odometer + driven
        self._move_on(driven)
        self._seconds = self._seconds + dt
        acceleration = (speed - self.speed) / dt
        self.speed = speed

        at_the_pump = has_to_stand & (speed == 0.0)
        running = ~at_the_pump & ~self.orders.engine_off
        self.engine.step(speed, acceleration, self._consumers, running, dt)
        self._fill_up(at_the_pump, dt)
