"""A fleet as a stream: vehicles drive, sensors report and faults happen, in steps of the whole fleet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """What all n vehicles measure in a step, and which of them report it.

    Attributes:
        vehicles: indices of the vehicles that report, rising: all, unless parked ones keep quiet.
        times: n event times, microseconds since 1970-01-01 UTC, whole milliseconds, rising.
        until: the first event time of the next step.
        faults: faults whose first changed event is in this step.
        corrected: faults announced earlier that end at another time, since a command ended them.
        vehicle_ids: n ids.
        sequence: number of the step.
        readings: n values per signal, as the sensors report them.
        telemetry: the shape of an event as JSON.
    """

    vehicles: IntArray
    times: IntArray
    until: int
    faults: list[InjectedFault]
    corrected: list[InjectedFault]
    vehicle_ids: Sequence[str]
    sequence: int
    readings: Readings
    telemetry: type[Telemetry] = Telemetry

    @property
    def payloads(self) -> list[bytes]:
        """The events of those that report, as JSON; encoded anew on each access."""
        ids, times, readings = self.vehicle_ids, self.times, self.readings
        if len(self.vehicles) < len(ids):
            ids = [ids[vehicle] for vehicle in self.vehicles.tolist()]
            times = times[self.vehicles]
            readings = {signal: values[self.vehicles] for signal, values in readings.items()}
        return encode(ids, times, self.sequence, readings, self.telemetry)


class Fleet:
    """A simulated fleet; the same arguments give the same stream, byte for byte, unless somebody commands it.

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
        physics: the vehicles as they were in the last step.
        faults: the injector of faults.
        next_step: the step that is computed next.
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
            self.physics: VehiclePhysics = VehiclePhysics(
                vehicles, for_physics, latitude=latitude, longitude=longitude
            )
            self._sensors = Sensors(vehicles, for_sensors)
            self._telemetry: type[Telemetry] = Telemetry
            self._reporting: Reporting | None = None
        else:
            self.physics = RegionPhysics(
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
        self.faults = FaultInjector(
            vehicles,
            for_faults,
            faults_per_hour=faults_per_hour,
            rate=rate,
            first_step=self.warm_up_steps,
            kinds=None if region is None else (*KINDS, *SLOW_KINDS),
        )
        self.next_step = 0
        self._corrected: list[Fault] = []

    def end_fault(self, vehicle: int) -> Fault | None:
        """End the active fault of a vehicle, as `FaultInjector.end`; the next step says so."""
        ended = self.faults.end(vehicle, self.next_step)
        if ended is not None and ended.start < self.next_step:
            self._corrected.append(ended)
        return ended

    def time_of(self, vehicle: int, step: int) -> datetime:
        """Event time of a vehicle in a step."""
        return utc(int(self._times(step)[vehicle]))

    def steps(self) -> Iterator[FleetStep]:
        """The endless stream. It can be iterated only once, since the vehicles keep driving."""
        before: Readings = {}
        while True:
            step = self.next_step
            started = self.faults.start_due(step, self.physics)
            self.physics.wear(self.faults.damage(step))
            self.physics.advance(1.0 / self.rate, self.faults.override(step))
            readings = self._sensors.measure(self.physics)
            self.faults.corrupt(step, readings, before)
            reported = as_reported(readings)
            times = self._times(step)
            corrected, self._corrected = self._corrected, []
            self.next_step += 1
            yield FleetStep(
                vehicles=self._reporters(step),
                times=times,
                until=int(self._times(step + 1)[0]),
                faults=[self._announcement(fault) for fault in started],
                corrected=[self._announcement(fault) for fault in corrected],
                vehicle_ids=self.vehicle_ids,
                sequence=step,
                readings=reported,
                telemetry=self._telemetry,
            )
            before = reported

    def _reporters(self, step: int) -> IntArray:
        who = None if self._reporting is None else self._reporting.who(step / self.rate, self.physics.awake)
        return self._all if who is None else who

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
            starts_at=self.time_of(fault.vehicle, fault.start),
            ends_at=self.time_of(fault.vehicle, fault.end),
        )
        # msgspec leaves out a default only if it is the very same object.
        if fault.severity < 1.0:
            announcement = msgspec.structs.replace(announcement, severity=fault.severity)
        return announcement
