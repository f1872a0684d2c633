"""Carrying out commands: orders to drivers, faults to the injector, and what has become of them since.

A vehicle has at most one goal (stop, go_to or restart), one speed limit and one fault. A later goal replaces
an earlier one, a later limit an earlier one; resume and restart lift goal and limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dataflows.events import Command, CommandStatus
from sim.commands.arguments import fault_kind, number, signal
from sim.faults import Fault
from sim.fleet import Fleet
from sim.routes import BoolArray, FloatArray

FARTHEST_FROM_ROUTE = 2000.0
"""Metres between a place and the route of the vehicle, within which go_to is accepted."""

ENGINE_OFF_SECONDS = 4.0
"""How long a restart leaves the engine off."""

_AT_THE_PLACE = 10.0  # metres before or behind a point at which a standing vehicle has arrived
_HARD_BRAKING = 3.0  # m/s²; a driver who would have to brake harder for a place goes round once more


class Outcome(NamedTuple):
    """What has become of a command.

    Attributes:
        vehicle: index of the vehicle.
        command: the command.
        status: as in `CommandAnswer`, as is `reason`.
        reason: one line, or empty.
    """

    vehicle: int
    command: Command
    status: CommandStatus
    reason: str = ""


class Execution:
    """Carries out commands that have been checked.

    Args:
        fleet: whose vehicles.
    """

    def __init__(self, fleet: Fleet) -> None:
        vehicles = len(fleet.vehicle_ids)
        self._fleet = fleet
        self._physics = fleet.physics
        self._orders = fleet.physics.orders
        self._limit: FloatArray = np.full(vehicles, np.inf)  # m/s to aim for
        self._halted: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        # What is accepted and not done, by vehicle:
        self._goals: dict[int, Command] = {}
        self._limits: dict[int, Command] = {}
        self._faults: dict[int, tuple[Command, Fault]] = {}
        self._engine_on_at: dict[int, int] = {}  # step

    def start(self, vehicle: int, command: Command) -> list[Outcome]:
        """Begin to carry out a command before the next step.

        Args:
            vehicle: index of the vehicle.
            command: its name and arguments have been checked.

        Returns:
            Its outcome so far, behind those of commands that it ends.
        """
        match command.name:
            case "restart":
                ended = self._lift(vehicle, command)
                return [*ended, *self._pursue(vehicle, command, halted=True)]
            case "stop":
                return [*self._replace(self._goals, vehicle, command), *self._pursue(vehicle, command, True)]
            case "resume":
                return [*self._lift(vehicle, command), Outcome(vehicle, command, "done")]
            case "limit_speed":
                return self._limit_speed(vehicle, command)
            case "go_to":
                return self._go_to(vehicle, command)
            case "inject_fault":
                return [self._inject_fault(vehicle, command)]
            case _:
                return self._clear_fault(vehicle, command)

    def after_step(self) -> list[Outcome]:
        """What has been done in the last step."""
        outcomes = [*self._reached_limits(), *self._reached_goals(), *self._begun_faults()]
        if self._orders.active:
            self._orders.active = bool(
                np.isfinite(self._orders.ceiling).any()
                or np.isfinite(self._orders.stand_at).any()
                or self._orders.engine_off.any()
            )
        return outcomes

    def _limit_speed(self, vehicle: int, command: Command) -> list[Outcome]:
        ended = self._replace(self._limits, vehicle, command)
        kmh = number(command, "kmh") or 0.0
        # Drivers aim a little below a limit that they must never exceed.
        self._limit[vehicle] = (kmh - min(1.0, kmh / 2.0)) / 3.6
        self._limits[vehicle] = command
        self._obey(vehicle)
        return [*ended, *self._end_speeding(vehicle, command), Outcome(vehicle, command, "accepted")]

    def _go_to(self, vehicle: int, command: Command) -> list[Outcome]:
        latitude, longitude = number(command, "latitude") or 0.0, number(command, "longitude") or 0.0
        way, off = self._physics.way_to(vehicle, latitude, longitude)
        if off > FARTHEST_FROM_ROUTE:
            expected = f"expected a place within {FARTHEST_FROM_ROUTE:,.0f} m of the route"
            return [Outcome(vehicle, command, "refused", f"{expected}, got one that is {off:,.0f} m away")]
        ended = self._replace(self._goals, vehicle, command)
        speed, length = float(self._physics.speed[vehicle]), self._physics.route_length(vehicle)
        if speed == 0.0 and min(way, length - way) <= _AT_THE_PLACE:
            way = 0.0
        elif way < speed**2 / (2.0 * _HARD_BRAKING) + speed:
            way += length
        self._physics.head_for(vehicle, latitude, longitude)
        self._orders.stand_at[vehicle] = self._physics.odometer[vehicle] + way
        reason = f"{way:,.0f} m to drive, to a point {off:,.0f} m from the place"
        return [*ended, *self._pursue(vehicle, command, halted=False, reason=reason)]

    def _inject_fault(self, vehicle: int, command: Command) -> Outcome:
        kind, step, physics = fault_kind(command), self._fleet.next_step, self._physics
        if reason := self._fleet.faults.refusal(vehicle, kind, step, physics):
            return Outcome(vehicle, command, "refused", reason)
        seconds = number(command, "seconds")
        fault = self._fleet.faults.inject(
            vehicle, kind, step, physics, seconds=seconds, signal=signal(command)
        )
        self._faults[vehicle] = command, fault
        return Outcome(vehicle, command, "accepted")

    def _clear_fault(self, vehicle: int, command: Command) -> list[Outcome]:
        fault = self._fleet.end_fault(vehicle)
        if fault is None:
            return [Outcome(vehicle, command, "refused", "expected an active fault, got none")]
        ended = self._give_up_fault(vehicle, command)
        until = self._fleet.time_of(vehicle, max(fault.end, self._fleet.next_step))
        return [*ended, Outcome(vehicle, command, "done", f"{fault.kind} ends at {until:%H:%M:%S} UTC")]

    def _pursue(self, vehicle: int, command: Command, halted: bool, reason: str = "") -> list[Outcome]:
        self._goals[vehicle] = command
        self._halted[vehicle] = halted
        self._obey(vehicle)
        return [*self._end_speeding(vehicle, command), Outcome(vehicle, command, "accepted", reason)]

    def _lift(self, vehicle: int, command: Command) -> list[Outcome]:
        """Lift goal and limit."""
        ended = [
            *self._replace(self._goals, vehicle, command),
            *self._replace(self._limits, vehicle, command),
        ]
        self._limit[vehicle] = np.inf
        self._obey(vehicle)
        return ended

    def _replace(self, pending: dict[int, Command], vehicle: int, command: Command) -> list[Outcome]:
        """Give up what a later command takes the place of."""
        if pending is self._goals:
            self._halted[vehicle] = self._orders.engine_off[vehicle] = False
            self._orders.stand_at[vehicle] = np.inf
            self._engine_on_at.pop(vehicle, None)
        earlier = pending.pop(vehicle, None)
        return [] if earlier is None else [_given_up(vehicle, earlier, command)]

    def _end_speeding(self, vehicle: int, command: Command) -> list[Outcome]:
        """End an overspeed fault: a driver who has to slow down stops speeding."""
        fault = self._fleet.faults.active(vehicle, self._fleet.next_step)
        if fault is None or fault.kind != "overspeed":
            return []
        self._fleet.end_fault(vehicle)
        return self._give_up_fault(vehicle, command)

    def _give_up_fault(self, vehicle: int, command: Command) -> list[Outcome]:
        """Of a fault that was about to begin."""
        pending = self._faults.pop(vehicle, None)
        return [] if pending is None else [_given_up(vehicle, pending[0], command)]

    def _obey(self, vehicle: int) -> None:
        self._orders.ceiling[vehicle] = 0.0 if self._halted[vehicle] else self._limit[vehicle]
        self._orders.active = True

    def _reached_limits(self) -> Iterator[Outcome]:
        for vehicle, command in list(self._limits.items()):
            if self._physics.speed[vehicle] * 3.6 <= (number(command, "kmh") or 0.0):
                del self._limits[vehicle]
                yield Outcome(vehicle, command, "done")

    def _reached_goals(self) -> Iterator[Outcome]:
        for vehicle, command in list(self._goals.items()):
            if self._physics.speed[vehicle] == 0.0 and self._is_done(vehicle, command):
                del self._goals[vehicle]
                yield Outcome(vehicle, command, "done")

    def _is_done(self, vehicle: int, command: Command) -> bool:
        """Whether the goal of a standing vehicle is reached; takes a restart further."""
        if command.name == "restart":
            return self._restart(vehicle)
        if command.name == "go_to":
            if self._orders.stand_at[vehicle] - self._physics.odometer[vehicle] > _AT_THE_PLACE:
                return False  # at a light, or at a pump
            self._orders.stand_at[vehicle] = np.inf
            self._halted[vehicle] = True
            self._obey(vehicle)
        return True

    def _restart(self, vehicle: int) -> bool:
        step = self._fleet.next_step
        if vehicle not in self._engine_on_at:
            self._orders.engine_off[vehicle] = True
            self._engine_on_at[vehicle] = step + math.ceil(ENGINE_OFF_SECONDS * self._fleet.rate)
        elif step >= self._engine_on_at[vehicle]:
            if self._orders.engine_off[vehicle]:
                self._orders.engine_off[vehicle] = False
            elif self._physics.engine.running[vehicle]:
                del self._engine_on_at[vehicle]
                self._halted[vehicle] = False
                self._obey(vehicle)
                return True
        return False

    def _begun_faults(self) -> Iterator[Outcome]:
        for vehicle, (command, fault) in list(self._faults.items()):
            if fault.start < self._fleet.next_step:
                del self._faults[vehicle]
                until = self._fleet.time_of(vehicle, fault.end)
                what = f"{fault.kind} of {', '.join(fault.signals)} until {until:%H:%M:%S} UTC"
                yield Outcome(vehicle, command, "done", what)


def _given_up(vehicle: int, earlier: Command, later: Command) -> Outcome:
    return Outcome(vehicle, earlier, "refused", f"given up for a later command, {later.name}")
