"""What became of commands: sent, accepted, done, refused, expired, or without an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from dataflows.events import CommandAnswer
from ui.clock_time import clock_time
from ui.commands.catalogue import label_of
from ui.commands.command_desk import SentCommand
from ui.formatting import markdown, number
from ui.live.answer_state import AnswerState

NO_ANSWER_AFTER = timedelta(seconds=10)
"""From then on the silence is remarkable: a vehicle that is there answers within a second."""

NOBODY = "The broker has it, but nobody has answered: the vehicle, or the simulator, may not be running."

Status = Literal["sent", "accepted", "done", "refused", "expired", "no answer", "not sent"]

COLOURS: dict[Status, str] = {
    "sent": "blue",
    "accepted": "blue",
    "done": "green",
    "refused": "red",
    "expired": "red",
    "no answer": "orange",
    "not sent": "red",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command, and what became of it.

    Attributes:
        command_id: its id.
        name: what.
        arguments: as text; empty if there are none, or if it was sent elsewhere.
        by: who sent it; empty if that is not known.
        status: where it stands.
        steps: each status with its time, the earliest first.
        reason: why, or what was done; untrusted text, may be empty.
        at: time of the first step.
    """

    command_id: str
    name: str
    arguments: str
    by: str
    status: Status
    steps: tuple[tuple[Status, datetime], ...]
    reason: str
    at: datetime

    @property
    def is_pending(self) -> bool:
        """Whether an answer is still awaited."""
        return self.status in ("sent", "accepted")


def outcomes_of(
    vehicle_id: str, sent: Sequence[SentCommand], answers: AnswerState, now: float
) -> list[Outcome]:
    """The commands to a vehicle, the latest first: those sent from here, and others that it has answered.

    Args:
        vehicle_id: which vehicle.
        sent: what was sent to it from this page.
        answers: what has been answered.
        now: seconds since the epoch.
    """
    moment = datetime.fromtimestamp(now, UTC)
    own = {each.command.id for each in sent}
    found = [_of_sent(each, answers.to(each.command.id, vehicle_id), moment) for each in sent]
    found += [_of_answers(each) for each in answers.of(vehicle_id) if each[-1].command_id not in own]
    return sorted(found, key=lambda outcome: outcome.at, reverse=True)


def line(outcome: Outcome, zone: tzinfo) -> str:
    """Markdown: what, by whom, and each step with its time; the reason on a line of its own."""
    who = f" by {markdown(outcome.by, 40)}" if outcome.by else ""
    what = f"**{markdown(label_of(outcome.name), 60)}** {markdown(outcome.arguments, 100)}".rstrip()
    steps = " → ".join(f"{status} {clock_time(at, zone)}" for status, at in outcome.steps)
    badge = f":{COLOURS[outcome.status]}-badge[{outcome.status}]"
    text = f"{badge} {what}{who}  \n:small[:gray[{markdown(steps, 300)}]]"
    return f"{text}  \n{markdown(outcome.reason, 300)}" if outcome.reason else text


def _of_sent(sent: SentCommand, answers: Sequence[CommandAnswer], now: datetime) -> Outcome:
    last = answers[-1] if answers else None
    status: Status = last.status if last else "not sent" if sent.trouble else "sent"
    reason = last.reason if last else sent.trouble
    if last is None and not sent.trouble and now - sent.sent_at > NO_ANSWER_AFTER:
        status = "no answer"
        reason = (
            "The broker has it, but nobody has answered: the vehicle, or the simulator, may not be running."
        )
    command = sent.command
    first: Status = "not sent" if sent.trouble and last is None else "sent"
    return Outcome(
        command.id,
        command.name,
        ", ".join(f"{name} {_shown(value)}" for name, value in command.arguments.items()),
        command.by,
        status,
        ((first, sent.sent_at), *_steps(answers)),
        reason,
        sent.sent_at,
    )


def _of_answers(answers: Sequence[CommandAnswer]) -> Outcome:
    first, last = answers[0], answers[-1]
    steps = tuple(_steps(answers))
    return Outcome(
        last.command_id, last.name, "", last.by, last.status, steps, last.reason, first.answered_at
    )


def _steps(answers: Sequence[CommandAnswer]) -> Iterator[tuple[Status, datetime]]:
    return ((answer.status, answer.answered_at) for answer in answers)


def _shown(value: str | float | bool) -> str:
    return number(value, 6) if isinstance(value, float) else str(value)
