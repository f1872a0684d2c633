"""Injected faults, with ground truth: what happens to which vehicle, from when to when.

Driver faults (emergency braking, speeding) act on the physics, so that everything that depends on the speed
changes with it, and so do slow faults (`sim.slow_faults`), which get worse; faults of the cooling system or
the battery add to the physical quantity; sensor faults change a single reading. After a driver fault or a
slow one the vehicle drives normally again, but is somewhere else than it would have been; after any other
fault its events are the same as without the fault. Other vehicles are never affected.

Besides the random ones, faults can be asked for and ended early; see `FaultInjector.inject` and `end`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from dataflows.events import FaultKind, SuddenFaultKind
from sim.damage import Damage
from sim.routes import BoolArray, FloatArray
from sim.sensors import Readings
from sim.slow_faults import SLOW_KINDS, develop, is_slow, signals_of
from sim.tyres import TYRE_PRESSURES
from sim.vehicle import DriverOverride, VehiclePhysics

KINDS: tuple[FaultKind, ...] = get_args(SuddenFaultKind)
"""What happens at random in every world; see `sim.slow_faults` for the others."""

_FOLLOWS_THE_DRIVER = ("speed", "acceleration", "rpm", "throttle")
_SPIKES = {  # typical heights, in the unit of the signal; they never reach the limit of the sensor's range
    "speed": (60.0,),
    "acceleration": (7.0, -7.0),
    "rpm": (2500.0,),
    "engine_temperature": (40.0, -40.0),
    "battery_voltage": (-2.5,),
    "fuel": (-35.0,),
}
_DRIFTS = {  # at the end of the fault, in the unit of the signal
    "speed": (45.0,),
    "rpm": (2200.0,),
    "engine_temperature": (32.0, -32.0),
    "battery_voltage": (-2.2,),
    "fuel": (-15.0,),
}
_MOVING_SIGNALS = (
    "speed",
    "acceleration",
    "rpm",
    "throttle",
)  # a constant signal that gets stuck goes unnoticed
_MISSING_SIGNALS = (*_MOVING_SIGNALS, "engine_temperature", "battery_voltage", "fuel")
_ON_THE_PHYSICS = ("sudden_deceleration", "overspeed", *SLOW_KINDS)
SIGNALS_OF: dict[FaultKind, tuple[str, ...]] = {
    "spiking_sensor": tuple(_SPIKES),
    "drifting_sensor": tuple(_DRIFTS),
    "stuck_sensor": _MOVING_SIGNALS,
    "missing_sensor": _MISSING_SIGNALS,
}
"""The signals that a fault of one sensor can have; all other kinds have signals of their own."""

_NEEDED = {
    "sudden_deceleration": "a speed above 40 km/h",
    "overspeed": "a speed above 25 km/h, a limit of at most 80 km/h, and no command to stop or drive slower",
    "overheating": "a warm engine",
    "battery_failure": "a running engine",
    "missing_sensor": "a running engine",
    "coolant_leak": "a warm combustion engine",
    "weak_battery": "a running engine",
    "tyre_leak": "a vehicle of the region with a speed above 20 km/h",
}
_NEEDED_OTHERWISE = "a speed above 20 km/h"
_SENSOR_SECONDS = (10.0, 90.0)  # shortest and longest sensor fault
_WARM = 88.0  # °C, of an engine that has been running for a while
_RECOVERY = 3.2  # m/s², while slowing down after speeding


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one vehicle.

    Attributes:
        vehicle: index of the vehicle.
        kind: what happens.
        signals: the signals that the fault changes.
        start: step of the first changed event.
        strength: one value per step: m/s² (sudden_deceleration), m/s above the limit (overspeed), or what is
            added to the reading, in its own unit (overheating, battery_failure, spiking_sensor,
            drifting_sensor), or the severity so far (slow faults); meaningless for the other kinds.
        severity: how bad it becomes, 0–1.
    """

    vehicle: int
    kind: FaultKind
    signals: tuple[str, ...]
    start: int
    strength: FloatArray
    severity: float = 1.0

    @property
    def end(self) -> int:
        """Step of the first event after the fault."""
        return self.start + len(self.strength)


class FaultInjector:
    """Starts faults at random times, at most one per vehicle at a time.

    The faults of a vehicle come due as a Poisson process. A fault waits if it comes due while another one is
    active, or while it would have no effect (a stationary vehicle cannot brake). Every vehicle has its own
    random stream.

    Args:
        vehicles: size of the fleet.
        seed: decides which faults happen to which vehicle, and when.
        faults_per_hour: per vehicle; 0 for none.
        rate: events per second and vehicle.
        first_step: no fault starts before this step, nor before step 1, since a stuck sensor repeats the step
            before.
        kinds: what may happen at random; by default `KINDS`.
    """

    def __init__(
        self,
        vehicles: int,
        seed: np.random.SeedSequence,
        *,
        faults_per_hour: float,
        rate: float,
        first_step: int = 1,
        kinds: Sequence[FaultKind] | None = None,
    ) -> None:
        self._kinds = KINDS if kinds is None else tuple(kinds)
        self._rngs = [np.random.default_rng(child) for child in seed.spawn(vehicles)]
        self._rate = rate
        self._mean_steps = 3600.0 * rate / faults_per_hour if faults_per_hour else np.inf
        self._due: FloatArray = max(first_step, 1) + np.array([self._pause(rng) for rng in self._rngs])
        self._busy_until = np.zeros(vehicles, dtype=np.int64)
        self._pending: dict[int, FaultKind] = {}
        self._active: dict[int, Fault] = {}
        self._asked_for: dict[int, Fault] = {}
        # Faults that are asked for leave the random ones of their vehicle as they are.
        self._for_asked = np.random.default_rng(seed.spawn(1)[0])
        self._undamaged = Damage.none(vehicles)

    def start_due(self, step: int, physics: VehiclePhysics) -> list[Fault]:
        """Start the faults that are due.

        Args:
            step: the step about to be computed.
            physics: the vehicles as they were in the previous step.

        Returns:
            The faults that start in this step.
        """
        self._active = {vehicle: fault for vehicle, fault in self._active.items() if fault.end > step}
        started, self._asked_for = list(self._asked_for.values()), {}
        without = physics.kinds_without_effect
        # There is at least one undisturbed event between two faults of a vehicle.
        may_start = (self._due <= step) & (self._busy_until < step) & physics.awake
        for vehicle in np.flatnonzero(may_start).tolist():
            rng = self._rngs[vehicle]
            kinds = [kind for kind in self._kinds if kind not in without or not without[kind][vehicle]]
            if not kinds:
                continue
            kind = self._pending.setdefault(vehicle, kinds[int(rng.integers(len(kinds)))])
            if not _has_effect(kind, vehicle, physics):
                continue
            fault = _plan(kind, vehicle, step, self._rate, rng, physics)
            del self._pending[vehicle]
            self._due[vehicle] += self._pause(rng)
            self._busy_until[vehicle] = fault.end
            started.append(fault)
        self._active.update((fault.vehicle, fault) for fault in started)
        return started

    def refusal(self, vehicle: int, kind: FaultKind, step: int, physics: VehiclePhysics) -> str:
        """Why a fault cannot start in the next step: expected, got; empty if it can."""
        if self._busy_until[vehicle] >= step:
            fault = self.active(vehicle, step)
            found = "one that has just ended" if fault is None else fault.kind
            return f"expected no active fault, got {found}"
        if not _has_effect(kind, vehicle, physics):
            now = f"{physics.speed[vehicle] * 3.6:.0f} km/h"
            return f"{kind} would have no effect: expected {_NEEDED.get(kind, _NEEDED_OTHERWISE)}, got {now}"
        return ""

    def inject(
        self,
        vehicle: int,
        kind: FaultKind,
        step: int,
        physics: VehiclePhysics,
        *,
        seconds: float | None = None,
        signal: str | None = None,
    ) -> Fault:
        """Let a fault start in the next step; there is no `refusal`.

        Args:
            vehicle: index of the vehicle.
            kind: what happens.
            step: the step about to be computed.
            physics: the vehicles as they were in the previous step.
            seconds: how long, but no braking goes on once the vehicle stands, and after speeding it slows
                down; ``None`` for a random duration.
            signal: one of `SIGNALS_OF` the kind; ``None`` for a random one, and for other kinds.
        """
        fault = _plan(kind, vehicle, step, self._rate, self._for_asked, physics, seconds, signal)
        self._asked_for[vehicle] = fault
        self._busy_until[vehicle] = fault.end
        return fault

    def active(self, vehicle: int, step: int) -> Fault | None:
        """The fault of a vehicle that changes, or will change, the next step."""
        fault = self._asked_for.get(vehicle) or self._active.get(vehicle)
        return None if fault is None or fault.end <= step else fault

    def end(self, vehicle: int, step: int) -> Fault | None:
        """End the active fault of a vehicle before the next step.

        Returns:
            The fault with its new end, which is later only while a driver slows down after speeding; empty
            (``end == start``) if it had not started; ``None`` if there was none.
        """
        fault = self.active(vehicle, step)
        if fault is None:
            return None
        kept = fault.strength[: step - fault.start]
        if fault.kind == "overspeed" and len(kept):
            excess = fault.strength[len(kept)]
            slowing = len(fault.strength) - len(kept) if excess == 0.0 else _recovery(excess, self._rate)
            kept = np.concatenate((kept, np.zeros(slowing)))
        reached = round(float(kept[-1]), 3) if is_slow(fault.kind) and len(kept) else fault.severity
        ended = replace(fault, strength=kept, severity=reached)
        self._busy_until[vehicle] = ended.end if len(kept) else step - 1
        if self._asked_for.pop(vehicle, None) is None:
            self._active[vehicle] = ended
        return ended

    def override(self, step: int) -> DriverOverride:
        """What driver faults make the drivers do in this step."""
        override = DriverOverride.none(len(self._rngs))
        for fault in self._active.values():
            if fault.kind == "sudden_deceleration":
                override.deceleration[fault.vehicle] = fault.strength[step - fault.start]
            elif fault.kind == "overspeed":
                override.excess[fault.vehicle] = fault.strength[step - fault.start]
        return override

    def damage(self, step: int) -> Damage:
        """What slow faults have done to the vehicles by this step."""
        slow = [fault for fault in self._active.values() if is_slow(fault.kind)]
        if not slow:
            return self._undamaged
        severities: dict[str, FloatArray] = {kind: np.zeros(len(self._rngs)) for kind in SLOW_KINDS}
        leaking_tyre = np.zeros(len(self._rngs))
        for fault in slow:
            severities[fault.kind][fault.vehicle] = fault.strength[step - fault.start]
            if fault.kind == "tyre_leak":
                leaking_tyre[fault.vehicle] = TYRE_PRESSURES.index(fault.signals[0])
        return Damage(**severities, leaking_tyre=leaking_tyre)

    def corrupt(self, step: int, readings: Readings, before: Readings) -> None:
        """Change readings in place.

        Args:
            step: the step of the readings.
            readings: what the sensors measured.
            before: what was reported in the previous step.
        """
        for fault in self._active.values():
            for signal in fault.signals:
                match fault.kind:
                    case _ if fault.kind in _ON_THE_PHYSICS:
                        pass
                    case "stuck_sensor":
                        readings[signal][fault.vehicle] = before[signal][fault.vehicle]
                    case "missing_sensor":
                        readings[signal][fault.vehicle] = np.nan
                    case _:
                        readings[signal][fault.vehicle] += fault.strength[step - fault.start]

    def _pause(self, rng: np.random.Generator) -> float:
        return float(rng.exponential()) * self._mean_steps


def _has_effect(kind: FaultKind, vehicle: int, physics: VehiclePhysics) -> bool:
    """Whether the fault would have an effect if it started now."""
    speed = float(physics.speed[vehicle])
    without = physics.kinds_without_effect
    if kind in without and without[kind][vehicle]:
        return False
    match kind:
        case "sudden_deceleration":
            return speed > 11.2  # 40 km/h: a full second of braking
        case "overspeed":
            orders = physics.orders
            is_free = np.isinf(orders.ceiling[vehicle]) and np.isinf(orders.stand_at[vehicle])
            return speed > 7.0 and float(physics.limit[vehicle]) <= 80.0 and bool(is_free)
        case "overheating" | "coolant_leak":
            return float(physics.engine.temperature[vehicle]) > 80.0
        case "battery_failure" | "missing_sensor" | "weak_battery":
            return bool(physics.engine.running[vehicle])
        case _:
            return speed > 5.5  # 20 km/h


def _plan(
    kind: FaultKind,
    vehicle: int,
    start: int,
    rate: float,
    rng: np.random.Generator,
    physics: VehiclePhysics,
    wanted_seconds: float | None = None,
    wanted_signal: str | None = None,
) -> Fault:
    def duration(shortest: float, longest: float) -> float:
        return rng.uniform(shortest, longest) if wanted_seconds is None else wanted_seconds

    def present(signals: Iterable[str]) -> tuple[str, ...]:
        return tuple(signal for signal in signals if physics.has_sensor(vehicle, signal))

    def pick(signals: tuple[str, ...]) -> str:
        return str(rng.choice(present(signals))) if wanted_signal is None else wanted_signal

    signals: tuple[str, ...] = present(_FOLLOWS_THE_DRIVER)
    severity = 1.0
    match kind:
        case "sudden_deceleration":
            deceleration = rng.uniform(8.0, 11.0)
            until_standing = float(physics.speed[vehicle]) / deceleration
            # Rounded down, so that the vehicle still brakes at the last event and has not stopped yet.
            steps = max(1, int(min(until_standing, duration(1.5, 4.0)) * rate))
            strength = np.full(steps, deceleration)
        case "overspeed":
            excess = rng.uniform(50.0, 80.0) / 3.6
            speeding = _steps(duration(20.0, 60.0), rate)
            strength = np.concatenate((np.full(speeding, excess), np.zeros(_recovery(excess, rate))))
        case "overheating":
            signals = ("engine_temperature",)
            # An engine that is still cold keeps warming up beneath the fault.
            warm = max(float(physics.engine.temperature[vehicle]), _WARM)
            climb = rng.uniform(119.0, 134.0) - warm
            hold = rng.uniform(10.0, 30.0)
            scale = 1.0 if wanted_seconds is None else wanted_seconds / (60.0 + hold + 45.0)
            strength = climb * _climb_hold_cool(60.0 * scale, hold * scale, 45.0 * scale, rate)
        case "battery_failure":
            signals = ("battery_voltage",)
            drop = float(physics.engine.voltage[vehicle]) - rng.uniform(8.1, 10.9)
            seconds = (1 + np.arange(_steps(duration(20.0, 90.0), rate))) / rate
            strength = -drop * (1.0 - np.exp(-seconds / 3.0))
        case "spiking_sensor":
            signals = (pick(tuple(_SPIKES)),)
            height = float(rng.choice(_SPIKES[signals[0]]))
            steps = _steps(duration(*_SENSOR_SECONDS), rate)
            spikes: BoolArray = rng.random(steps) < 0.25
            spikes[0] = True
            strength = height * rng.uniform(0.7, 1.3, steps) * spikes
        case "drifting_sensor":
            signals = (pick(tuple(_DRIFTS)),)
            height = float(rng.choice(_DRIFTS[signals[0]]))
            steps = _steps(duration(*_SENSOR_SECONDS), rate)
            strength = height * (1 + np.arange(steps)) / steps
        case "stuck_sensor":
            signals = (pick(_MOVING_SIGNALS),)
            strength = np.zeros(_steps(duration(*_SENSOR_SECONDS), rate))
        case "missing_sensor":
            signals = (pick(_MISSING_SIGNALS),)
            strength = np.zeros(_steps(duration(*_SENSOR_SECONDS), rate))
        case "coolant_leak" | "weak_battery" | "brake_drag" | "tyre_leak":
            signals = present(signals_of(kind, rng))
            strength = develop(kind, rng, rate, wanted_seconds)
            severity = round(float(strength[-1]), 3)
    return Fault(vehicle, kind, signals, start, strength, severity)


def _steps(seconds: float, rate: float) -> int:
    return max(1, round(seconds * rate))


def _recovery(excess: float, rate: float) -> int:
    """Steps in which a driver slows down after speeding."""
    return _steps(excess / _RECOVERY + 1.0, rate)


def _climb_hold_cool(climb: float, hold: float, cool: float, rate: float) -> FloatArray:
    """Rises from just above 0 to 1, stays there, and falls back; phases in seconds, one value per step."""
    steps = _steps(climb + hold + cool, rate)
    seconds = (np.arange(steps) + 0.5) * (climb + hold + cool) / steps
    shape: FloatArray = np.minimum(seconds / climb, (climb + hold + cool - seconds) / cool).clip(0.0, 1.0)
    return shape
