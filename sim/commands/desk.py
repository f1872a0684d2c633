"""Takes commands between the steps of a fleet, lets them be carried out, and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from dataflows.events import Command, CommandAnswer, CommandStatus
from sim.commands.answer_book import AnswerBook
from sim.commands.arguments import check
from sim.commands.execution import Execution, Outcome
from sim.commands.reading import Unreadable, quoted, read
from sim.commands.receivers import CommandReceiver, Delivery
from sim.fleet import Fleet
from sim.publishers import BrokerPublisher


def _now() -> datetime:
    return datetime.now(UTC)


class CommandDesk:
    """Commands to a fleet and the answers to them.

    What is wrong with a command itself (malformed, unknown, expired) is answered once: in the name of the
    vehicle that it is for, or of none if it is for all. Everything else each vehicle answers for itself. A
    vehicle that gets a command again under the same id sends its last answer again and does nothing.

    Args:
        fleet: whose vehicles obey.
        receiver: where commands come from.
        publisher: where answers go to.
        answers_topic: their topic.
        now: the time, for commands that expire.
    """

    def __init__(
        self,
        fleet: Fleet,
        receiver: CommandReceiver,
        publisher: BrokerPublisher,
        *,
        answers_topic: str,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._ids = fleet.vehicle_ids
        self._index = {vehicle_id: index for index, vehicle_id in enumerate(fleet.vehicle_ids)}
        self._execution = Execution(fleet)
        self._book = AnswerBook(len(fleet.vehicle_ids))
        self._receiver = receiver
        self._publisher = publisher
        self._answers_topic = answers_topic
        self._now = now

    def attend(self) -> None:
        """Take what has come and answer it; does not wait for anything to come."""
        for delivery in self._receiver.take():
            self._send(self._answer(delivery))

    def after_step(self) -> None:
        """Answer what has been done in the last step."""
        self._send(self._note(self._execution.after_step()))

    def _answer(self, delivery: Delivery) -> list[CommandAnswer]:
        command, vehicle_id = read(delivery.payload), delivery.vehicle_id
        if vehicle_id is not None and vehicle_id not in self._index:
            reason = f"no vehicle {quoted(vehicle_id)} in this fleet of {len(self._ids):,}"
            return [self._refused("", command, reason)]
        if isinstance(command, Unreadable):
            return [self._refused(vehicle_id or "", command, command.reason)]
        vehicles = range(len(self._ids)) if vehicle_id is None else [self._index[vehicle_id]]
        earlier = [self._book.last(vehicle, command.id) for vehicle in vehicles]
        answers = [answer for answer in earlier if answer is not None]
        new = [vehicle for vehicle, answer in zip(vehicles, earlier, strict=True) if answer is None]
        if not new:
            return answers
        if reason := check(command):
            return [*answers, self._refused(vehicle_id or "", command, reason)]
        now = self._now()
        if command.expires_at is not None and command.expires_at <= now:
            reason = f"expired at {command.expires_at.isoformat()}, received at {now.isoformat()}"
            return [*answers, self._new_answer(vehicle_id or "", command, "expired", reason)]
        for vehicle in new:
            answers += self._note(self._execution.start(vehicle, command))
        return answers

    def _note(self, outcomes: Iterable[Outcome]) -> list[CommandAnswer]:
        answers = []
        for vehicle, command, status, reason in outcomes:
            answers.append(self._new_answer(self._ids[vehicle], command, status, reason))
            self._book.note(vehicle, answers[-1])
        return answers

    def _refused(self, vehicle_id: str, command: Command | Unreadable, reason: str) -> CommandAnswer:
        return self._new_answer(vehicle_id, command, "refused", reason)

    def _new_answer(
        self, vehicle_id: str, command: Command | Unreadable, status: CommandStatus, reason: str
    ) -> CommandAnswer:
        command_id = command.id if isinstance(command, Command) else command.command_id
        return CommandAnswer(
            command_id=command_id,
            name=command.name,
            vehicle_id=vehicle_id,
            status=status,
            reason=reason,
            by=command.by,
            answered_at=self._now(),
        )

    def _send(self, answers: list[CommandAnswer]) -> None:
        if answers:
            keys = [answer.vehicle_id for answer in answers]
            self._publisher.send(
                self._answers_topic, keys, [msgspec.json.encode(answer) for answer in answers]
            )
