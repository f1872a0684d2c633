"""A fleet as a stream: vehicles drive, sensors report and faults happen, in steps of the whole fleet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dataflows.clock import microseconds, utc
from dataflows.events import InjectedFault
from sim.faults import Fault, FaultInjector
from sim.routes import IntArray
from sim.sensors import Readings, Sensors, as_reported, encode
from sim.vehicle import VehiclePhysics


@dataclass(frozen=True, slots=True)
class FleetStep:
    """One event of each of n vehicles.

    Attributes:
        times: n event times, microseconds since 1970-01-01 UTC, whole milliseconds, rising.
        until: the first event time of the next step.
        faults: faults whose first changed event is in this step.
        corrected: faults announced earlier that end at another time, since a command ended them.
        vehicle_ids: n ids.
        sequence: number of the step.
        readings: n values per signal, as the sensors report them.
    """

    times: IntArray
    until: int
    faults: list[InjectedFault]
    corrected: list[InjectedFault]
    vehicle_ids: Sequence[str]
    sequence: int
    readings: Readings

    @property
    def payloads(self) -> list[bytes]:
        """The n events as JSON; encoded anew on each access."""
        return encode(self.vehicle_ids, self.times, self.sequence, self.readings)


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
    ) -> None:
        self.vehicle_ids = [f"VEH-{number:04d}" for number in range(1, vehicles + 1)]
        self.rate = rate
        self.warm_up_steps = round(warm_up * rate)
        self._start = microseconds(start) // 1000
        for_physics, for_sensors, for_faults = np.random.SeedSequence(seed).spawn(3)
        self.physics = VehiclePhysics(vehicles, for_physics, latitude=latitude, longitude=longitude)
        self._sensors = Sensors(vehicles, for_sensors)
        self.faults = FaultInjector(
            vehicles,
            for_faults,
            faults_per_hour=faults_per_hour,
            rate=rate,
            first_step=self.warm_up_steps,
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
            self.physics.advance(1.0 / self.rate, self.faults.override(step))
            readings = self._sensors.measure(self.physics)
            self.faults.corrupt(step, readings, before)
            reported = as_reported(readings)
            times = self._times(step)
            corrected, self._corrected = self._corrected, []
            self.next_step += 1
            yield FleetStep(
                times=times,
                until=int(self._times(step + 1)[0]),
                faults=[self._announcement(fault) for fault in started],
                corrected=[self._announcement(fault) for fault in corrected],
                vehicle_ids=self.vehicle_ids,
                sequence=step,
                readings=reported,
            )
            before = reported

    def _times(self, step: int) -> IntArray:
        vehicles = len(self.vehicle_ids)
        phase = np.arange(vehicles) / vehicles
        milliseconds = np.floor((step - self.warm_up_steps + phase) * (1000.0 / self.rate) + 1e-6)
        times: IntArray = (self._start + milliseconds.astype(np.int64)) * 1000
        return times

    def _announcement(self, fault: Fault) -> InjectedFault:
        vehicle_id = self.vehicle_ids[fault.vehicle]
        return InjectedFault(
            fault_id=f"{vehicle_id}-{fault.start}",
            vehicle_id=vehicle_id,
            kind=fault.kind,
            signals=fault.signals,
            starts_at=self.time_of(fault.vehicle, fault.start),
            ends_at=self.time_of(fault.vehicle, fault.end),
        )
