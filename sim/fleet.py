"""A fleet as a stream: vehicles drive, sensors report and faults happen, in steps of the whole fleet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from dataflows.clock import microseconds, utc
from dataflows.events import InjectedFault
from sim.faults import KINDS, Fault, FaultInjector
from sim.region.options import RegionOptions
from sim.region.physics import RegionPhysics
from sim.region.reporting import Reporting
from sim.region.sensors import RegionSensors, RegionTelemetry
from sim.routes import IntArray
from sim.sensors import Readings, Sensors, Telemetry, as_reported, encode
from sim.slow_faults import SLOW_KINDS
from sim.vehicle import VehiclePhysics


@dataclass(frozen=True, slots=True)
class FleetStep:
    """One event of each of n vehicles: of all of them, or of those that report in this step.

    Attributes:
        vehicles: n indices of vehicles, rising.
        times: n event times, microseconds since 1970-01-01 UTC, whole milliseconds, rising.
        payloads: n events as JSON.
        faults: faults whose first changed event is in this step.
    """

    vehicles: IntArray
    times: IntArray
    payloads: list[bytes]
    faults: list[InjectedFault]


class Fleet:
    """A simulated fleet; the same arguments give the same stream, byte for byte.

    Within each period the vehicles report one after the other, not all at once. Physics, sensors and faults
    have separate random streams: a fault changes nothing in any other vehicle.

    Args:
        vehicles: how many.
        rate: events per second and vehicle.
        seed: decides everything that is random.
        faults_per_hour: injected faults per vehicle and hour.
        latitude, longitude: centre of the city, degrees.
        start: event time at which the live stream starts, with a time zone.
        warm_up: seconds of stream before that, without faults, so that a model sees normal data first.
        region: vehicles make trips in a region instead of driving around a city; there are more kinds of
            fault.

    Attributes:
        vehicle_ids: ``VEH-0001`` and so on.
        rate: as given.
        warm_up_steps: steps before `start`.
    """

    def __init__(
        self,
        *,
        vehicles: int,
        rate: float,
        seed: int,
        faults_per_hour: float,
        latitude: float,
        longitude: float,
        start: datetime,
        warm_up: float = 0.0,
        region: RegionOptions | None = None,
    ) -> None:
        self.vehicle_ids = [f"VEH-{number:04d}" for number in range(1, vehicles + 1)]
        self.rate = rate
        self.warm_up_steps = round(warm_up * rate)
        self._start = microseconds(start) // 1000
        for_physics, for_sensors, for_faults = np.random.SeedSequence(seed).spawn(3)
        self._all = np.arange(vehicles)
        if region is None:
            self._physics = VehiclePhysics(vehicles, for_physics, latitude=latitude, longitude=longitude)
            self._sensors = Sensors(vehicles, for_sensors)
            self._telemetry: type[Telemetry] = Telemetry
            self._reporting: Reporting | None = None
        else:
            self._physics = RegionPhysics(
                vehicles,
                for_physics,
                latitude=latitude,
                longitude=longitude,
                start=self._start / 1000.0 - warm_up,
                options=region,
            )
            self._sensors = RegionSensors(vehicles, for_sensors)
            self._telemetry = RegionTelemetry
            self._reporting = Reporting(vehicles, region)
        self._faults = FaultInjector(
            vehicles,
            for_faults,
            faults_per_hour=faults_per_hour,
            rate=rate,
            first_step=self.warm_up_steps,
            kinds=None if region is None else (*KINDS, *SLOW_KINDS),
        )

    def steps(self) -> Iterator[FleetStep]:
        """The endless stream. It can be iterated only once, since the vehicles keep driving."""
        step = 0
        before: Readings = {}
        while True:
            started = self._faults.start_due(step, self._physics)
            self._physics.wear(self._faults.damage(step))
            self._physics.advance(1.0 / self.rate, self._faults.override(step))
            readings = self._sensors.measure(self._physics)
            self._faults.corrupt(step, readings, before)
            reported = as_reported(readings)
            times = self._times(step)
            vehicles = self._reporters(step)
            yield FleetStep(
                vehicles=vehicles,
                times=times[vehicles],
                payloads=self._encode(vehicles, times, step, reported),
                faults=[self._announcement(fault) for fault in started],
            )
            before = reported
            step += 1

    def _reporters(self, step: int) -> IntArray:
        if self._reporting is None or not isinstance(self._physics, RegionPhysics):
            return self._all
        who = self._reporting.who(step / self.rate, self._physics.awake)
        return self._all if who is None else who

    def _encode(self, vehicles: IntArray, times: IntArray, step: int, reported: Readings) -> list[bytes]:
        if len(vehicles) == len(self.vehicle_ids):
            return encode(self.vehicle_ids, times, step, reported, self._telemetry)
        ids = [self.vehicle_ids[vehicle] for vehicle in vehicles.tolist()]
        chosen = {signal: values[vehicles] for signal, values in reported.items()}
        return encode(ids, times[vehicles], step, chosen, self._telemetry)

    def _times(self, step: int) -> IntArray:
        vehicles = len(self.vehicle_ids)
        phase = np.arange(vehicles) / vehicles
        milliseconds = np.floor((step - self.warm_up_steps + phase) * (1000.0 / self.rate) + 1e-6)
        times: IntArray = (self._start + milliseconds.astype(np.int64)) * 1000
        return times

    def _announcement(self, fault: Fault) -> InjectedFault:
        vehicle_id = self.vehicle_ids[fault.vehicle]
        announcement = InjectedFault(
            fault_id=f"{vehicle_id}-{fault.start}",
            vehicle_id=vehicle_id,
            kind=fault.kind,
            signals=fault.signals,
            starts_at=utc(int(self._times(fault.start)[fault.vehicle])),
            ends_at=utc(int(self._times(fault.end)[fault.vehicle])),
        )
        # msgspec leaves out a default only if it is the very same object.
        if fault.severity < 1.0:
            announcement = msgspec.structs.replace(announcement, severity=fault.severity)
        return announcement
