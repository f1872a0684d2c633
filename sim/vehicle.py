"""How the vehicles of a fleet move: drivers, roads and engines, one array element per vehicle.

Drivers follow the optimal velocity model (Bando et al., 1995): a = (V − v) / τ, where the desired
speed V comes from the limit, bends, traffic, temperament, and from the distance to a red light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.powertrain import Powertrain
from sim.routes import BoolArray, FloatArray, RoadNetwork

_LONGEST_STEP = 0.25  # seconds, of the integration
_RELAXATION = 0.9  # seconds, τ of the driver
_PEDAL_LAG = 0.35  # seconds until an acceleration builds up
_PLANNED_BRAKING = 1.6  # m/s², towards a red light
_HARDEST_BRAKING = 4.0  # m/s², without an emergency
_EASY_BRAKING = 2.0  # m/s², when there is time
_STOP_BEFORE_LINE = 6.0  # metres; drivers lag behind their plan and stop closer
_STOP_BEFORE_PLACE = 3.0  # metres, likewise; where nothing is in the way
_VEHICLES_PER_ROUTE = 4
_MOST_ROUTES = 100
_REFUEL_BELOW = 8.0  # %
_REFUEL_TO = 95.0  # %
_REFUEL_RATE = 1.0  # % per second
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
    """The movement of n vehicles.

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
        orders: what commands make the drivers do; may be changed between two `advance`.
    """

    def __init__(
        self, vehicles: int, seed: np.random.SeedSequence, *, latitude: float, longitude: float
    ) -> None:
        for_roads, for_engines, for_drivers, for_traffic = map(np.random.default_rng, seed.spawn(4))
        routes = min(-(-vehicles // _VEHICLES_PER_ROUTE), _MOST_ROUTES)
        self.roads = RoadNetwork(routes, for_roads, latitude=latitude, longitude=longitude)
        self.engine = Powertrain(vehicles, for_engines)
        self.orders = DriverOrders.none(vehicles)
        self._rng = for_traffic

        self._route = np.arange(vehicles) % routes
        self._temperament = for_drivers.normal(0.97, 0.05, vehicles).clip(0.84, 1.08)
        self._briskness = for_drivers.uniform(1.3, 2.3, vehicles)  # m/s²
        self.distance: FloatArray = for_drivers.uniform(0.0, self.roads.length[self._route])
        self.odometer: FloatArray = np.zeros(vehicles)
        self.traffic: FloatArray = for_drivers.uniform(1.0, 4.0, vehicles)
        self._wander: FloatArray = np.zeros(vehicles)
        self._consumers: BoolArray = for_drivers.random(vehicles) < 0.5
        self._refuelling: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        self._seconds: FloatArray = np.zeros(vehicles)

        ahead = self.roads.ahead(self._route, self.distance, self._seconds)
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

    def way_to(self, vehicle: int, latitude: float, longitude: float) -> tuple[float, float]:
        """The way of a vehicle to the point of its route that is nearest to a place.

        Returns:
            metres along the route to that point, in [0, length of the route); metres from it to the place.
        """
        route = int(self._route[vehicle])
        point, off = self.roads.nearest(route, latitude, longitude)
        return float((point - self.distance[vehicle]) % self.roads.length[route]), off

    def route_length(self, vehicle: int) -> float:
        """Length of the vehicle's route, metres."""
        return float(self.roads.length[self._route[vehicle]])

    def _change_conditions(self, dt: float) -> None:
        """Traffic and attention are Ornstein-Uhlenbeck processes, consumers a random telegraph."""
        traffic, wander = self._rng.standard_normal((2, len(self.speed)))
        switch = self._rng.random(len(self.speed)) < 1.0 - np.exp(-dt / 150.0)
        kept = np.exp(-dt / 400.0)
        self.traffic = 2.4 + (self.traffic - 2.4) * kept + 0.95 * np.sqrt(1.0 - kept**2) * traffic
        self.traffic = self.traffic.clip(1.0, 5.0)
        kept = np.exp(-dt / 20.0)
        self._wander = self._wander * kept + 0.03 * np.sqrt(1.0 - kept**2) * wander
        self._consumers = self._consumers ^ switch

    def _step(self, dt: float, override: DriverOverride) -> None:
        ahead = self.roads.ahead(self._route, self.distance, self._seconds)
        self.limit = ahead.limit

        flow = 1.0 - 0.11 * (self.traffic - 1.0)
        desired = ahead.advisable * flow * (self._temperament + self._wander)
        # Drivers who can no longer stop drive on; that is what amber is for.
        stops = ahead.red & (ahead.stop_gap > self.speed**2 / (2.0 * _HARDEST_BRAKING))
        free = np.maximum(np.where(stops, ahead.stop_gap, 0.0) - _STOP_BEFORE_LINE, 0.0)
        desired = np.where(stops, np.minimum(desired, np.sqrt(2.0 * _PLANNED_BRAKING * free)), desired)
        self._refuelling |= self.engine.fuel < _REFUEL_BELOW
        self._refuelling &= self.engine.fuel < _REFUEL_TO
        desired = np.where(self._refuelling, 0.0, desired)

        speeding = override.excess > 0.0
        desired = np.where(speeding, ahead.limit / 3.6 + override.excess, desired)
        strongest = np.where(speeding, 4.0, self._briskness)
        strongest = np.minimum(strongest, self.engine.acceleration_limit(self.speed))

        if self.orders.active:
            remaining = np.maximum(self.orders.stand_at - self.odometer - _STOP_BEFORE_PLACE, 0.0)
            desired = np.minimum(desired, np.sqrt(2.0 * _PLANNED_BRAKING * remaining))
        wanted = np.clip((desired - self.speed) / _RELAXATION, -_HARDEST_BRAKING, strongest)
        if self.orders.active:
            ceiling = self.orders.ceiling
            wanted = np.minimum(wanted, np.maximum((ceiling - self.speed) / _RELAXATION, -_EASY_BRAKING))
            desired = np.minimum(desired, ceiling)
        pedals = self._pedals + (wanted - self._pedals) * (1.0 - np.exp(-dt / _PEDAL_LAG))
        # An emergency stop is not smoothed by the pedal lag.
        pedals = np.where(override.deceleration > 0.0, -override.deceleration, pedals)
        speed = np.maximum(self.speed + pedals * dt, 0.0)
        speed = np.where((speed < 0.1) & (desired < 0.1), 0.0, speed)
        self._pedals = np.where(speed > 0.0, pedals, np.maximum(pedals, 0.0))

        driven = 0.5 * (self.speed + speed) * dt
        self.odometer = self.odometer + driven
        self.distance = (self.distance + driven) % self.roads.length[self._route]
        self._seconds = self._seconds + dt
        acceleration = (speed - self.speed) / dt
        self.speed = speed

        at_the_pump = self._refuelling & (speed == 0.0)
        running = ~at_the_pump & ~self.orders.engine_off
        self.engine.step(speed, acceleration, self._consumers, running, dt)
        self.engine.refuel(at_the_pump, _REFUEL_RATE, dt)
