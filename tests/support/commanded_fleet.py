"""A simulated fleet that is given commands without a broker, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

import msgspec

from dataflows.events import CommandAnswer, InjectedFault
from sim.commands.desk import CommandDesk
from sim.commands.receivers import Delivery
from sim.fleet import Fleet, FleetStep

START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


class Mailbox:
    """Brings and takes what a broker would.

    Attributes:
        waiting: deliveries that nobody has taken.
        answers: those that were sent.
        payloads: the same as bytes.
    """

    confirmed = 0

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.answers: list[CommandAnswer] = []
        self.payloads: list[bytes] = []

    def take(self) -> list[Delivery]:
        taken, self.waiting = self.waiting, []
        return taken

    def send(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes]) -> None:
        assert topic == "answers"
        sent = [msgspec.json.decode(payload, type=CommandAnswer) for payload in payloads]
        assert [answer.vehicle_id for answer in sent] == list(keys)
        self.answers += sent
        self.payloads += payloads

    def publish(self, batch: object) -> int:
        raise AssertionError("nobody publishes here")

    def announce(self, fault: InjectedFault) -> None:
        raise AssertionError("nobody announces here")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class CommandedFleet:
    """A fleet that drives on as a test says.

    Attributes:
        fleet: the fleet.
        payloads: the events of each step so far, one per vehicle.
        events: the same, decoded.
        announced: faults, as they were announced and corrected.
        now: the time at which commands come.
    """

    def __init__(self, **changes: Any) -> None:
        arguments: dict[str, Any] = {
            "vehicles": 5,
            "rate": 1.0,
            "seed": 7,
            "faults_per_hour": 0.0,
            "latitude": 48.1,
            "longitude": 11.5,
            "start": START,
        }
        self.fleet = Fleet(**(arguments | changes))
        self.now = START
        self.payloads: list[list[bytes]] = []
        self.events: list[list[dict[str, Any]]] = []
        self.announced: list[InjectedFault] = []
        self._steps = self.fleet.steps()
        self._mailbox = Mailbox()
        self._desk = CommandDesk(
            self.fleet, self._mailbox, self._mailbox, answers_topic="answers", now=lambda: self.now
        )

    def tell(self, vehicle: int | str | None, payload: bytes) -> list[CommandAnswer]:
        """Deliver a command to a vehicle, or all; returns what is answered before the next step."""
        before = len(self._mailbox.answers)
        vehicle_id = self.fleet.vehicle_ids[vehicle] if isinstance(vehicle, int) else vehicle
        self._mailbox.waiting.append(Delivery(vehicle_id, payload))
        self._desk.attend()
        return self._mailbox.answers[before:]

    def tell_in_json(self, vehicle: int | None, name: str, **arguments: Any) -> list[CommandAnswer]:
        """Deliver a command whose id is its name."""
        return self.tell(vehicle, msgspec.json.encode({"id": name, "name": name, "arguments": arguments}))

    def drive(self, steps: int) -> list[CommandAnswer]:
        """Drive on; returns what is answered meanwhile."""
        before = len(self._mailbox.answers)
        for step in islice(self._steps, steps):
            self._note(step)
        return self._mailbox.answers[before:]

    def drive_until(self, status: str, name: str, *, most: int = 3000) -> CommandAnswer:
        """Drive on until a command is answered so."""
        for _ in range(most):
            for answer in self.drive(1):
                if (answer.status, answer.name) == (status, name):
                    return answer
        raise AssertionError(f"{name} was not {status} within {most} steps")

    def drive_until_faster_than(self, vehicle: int, kmh: float, *, most: int = 1000) -> None:
        """Drive on until a vehicle does."""
        for _ in range(most):
            self.drive(1)
            if self.fleet.physics.speed[vehicle] * 3.6 > kmh:
                return
        raise AssertionError(f"not faster than {kmh} km/h within {most} steps")

    def of(self, vehicle: int, signal: str, since: int = 0) -> list[Any]:
        """What a vehicle has reported, from a step on; ``None`` where it reported nothing."""
        return [step[vehicle].get(signal) for step in self.events[since:]]

    @property
    def payloads_of_answers(self) -> list[bytes]:
        return self._mailbox.payloads

    def _note(self, step: FleetStep) -> None:
        self.payloads.append(step.payloads)
        self.events.append([msgspec.json.decode(payload) for payload in step.payloads])
        self.announced += [*step.faults, *step.corrected]
        self._desk.after_step()
