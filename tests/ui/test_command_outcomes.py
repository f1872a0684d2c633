"""What became of commands, and what there is to command."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
import pytest

from dataflows.events import COMMAND_NAMES, Command, CommandAnswer, CommandStatus
from sim.commands.arguments import ARGUMENTS, Choice, Number
from sim.faults import SIGNALS_OF
from tests.support.staged_page import without_escapes
from ui.commands.catalogue import KINDS, WITH_A_SIGNAL, ChoiceArgument, NumberArgument
from ui.commands.command_desk import CommandDesk, CommandPublisher
from ui.commands.outcomes import Outcome, line, outcomes_of
from ui.live.answer_state import AnswerState

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Publisher(CommandPublisher):
    """Keeps what is published, and answers with `trouble`."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Command]] = []
        self.trouble = ""

    def publish(self, vehicle_id: str, command: Command) -> str:
        self.published.append((vehicle_id, command))
        return self.trouble


class Staged:
    """A desk, and what vehicles answer to it."""

    def __init__(self) -> None:
        self.publisher = Publisher()
        self.now = NOW.timestamp()
        self.desk = CommandDesk(self.publisher, clock=lambda: self.now, max_sent=20)
        self.answers = AnswerState(max_commands=50)

    def send(self, vehicle: str = "V1", name: str = "stop", **arguments: float) -> Command:
        self.now += 1.0
        return self.desk.send(vehicle, name, arguments, "Kim").command

    def answer(self, command_id: str, status: CommandStatus, vehicle: str = "V1", **changes: str) -> None:
        self.now += 1.0
        answer = CommandAnswer(
            command_id=command_id,
            vehicle_id=vehicle,
            status=status,
            answered_at=datetime.fromtimestamp(self.now, UTC),
            **({"name": "stop"} | changes),
        )
        self.answers.record(msgspec.json.encode(answer))

    def outcomes(self, vehicle: str = "V1") -> list[Outcome]:
        return outcomes_of(vehicle, self.desk.to(vehicle), self.answers, self.now)


@pytest.fixture
def staged() -> Staged:
    return Staged()


def test_a_command_carries_an_id_of_its_own_its_sender_and_an_end(staged: Staged) -> None:
    first, second = staged.send(kmh=50.0), staged.send(kmh=50.0)
    assert first.id != second.id
    assert (first.by, first.arguments) == ("Kim", {"kmh": 50.0})
    assert first.expires_at == NOW + timedelta(seconds=61)
    assert [vehicle for vehicle, _ in staged.publisher.published] == ["V1", "V1"]


def test_a_command_is_followed_from_sent_over_accepted_to_done(staged: Staged) -> None:
    command = staged.send()
    assert [each.status for each in staged.outcomes()] == ["sent"]
    staged.answer(command.id, "accepted")
    assert [(each.status, each.is_pending) for each in staged.outcomes()] == [("accepted", True)]
    staged.answer(command.id, "done")
    (outcome,) = staged.outcomes()
    assert (outcome.status, outcome.is_pending) == ("done", False)
    assert [step for step, _ in outcome.steps] == ["sent", "accepted", "done"]
    assert [(at - NOW).total_seconds() for _, at in outcome.steps] == [1.0, 2.0, 3.0]
    said = without_escapes(line(outcome, UTC))
    assert re.search(r"sent .*12:00:01 → accepted .*12:00:02 → done .*12:00:03", said)


@pytest.mark.parametrize("status", ["refused", "expired"])
def test_a_refusal_is_shown_with_its_reason(status: CommandStatus, staged: Staged) -> None:
    staged.answer(staged.send().id, status, reason="expected a speed above 40 km/h")
    (outcome,) = staged.outcomes()
    assert outcome.status == status
    assert line(outcome, UTC).startswith(":red-badge")
    assert "expected a speed above 40" in line(outcome, UTC)


def test_a_refusal_in_the_name_of_no_vehicle_belongs_to_the_command(staged: Staged) -> None:
    staged.answer(staged.send("V9").id, "refused", vehicle="", reason="no vehicle 'V9' in this fleet")
    assert [each.status for each in staged.outcomes("V9")] == ["refused"]


def test_without_an_answer_it_says_so_until_one_comes(staged: Staged) -> None:
    command = staged.send()
    staged.now += 30.0
    (outcome,) = staged.outcomes()
    assert outcome.status == "no answer"
    assert "may not be running" in outcome.reason
    staged.answer(command.id, "done")
    assert [each.status for each in staged.outcomes()] == ["done"]


def test_what_the_broker_has_not_confirmed_was_not_sent_unless_it_is_answered(staged: Staged) -> None:
    staged.publisher.trouble = "not confirmed within 5 s, so it may or may not have arrived"
    command = staged.send()
    assert [(each.status, each.reason) for each in staged.outcomes()] == [
        ("not sent", staged.publisher.trouble)
    ]
    staged.answer(command.id, "accepted")
    assert [each.status for each in staged.outcomes()] == ["accepted"]


def test_commands_of_others_are_seen_by_their_answers_and_the_latest_comes_first(staged: Staged) -> None:
    own = staged.send()
    staged.answer("elsewhere", "done", by="Ana")
    staged.answer("of another vehicle", "done", vehicle="V2")
    assert [(each.command_id, each.by) for each in staged.outcomes()] == [
        ("elsewhere", "Ana"),
        (own.id, "Kim"),
    ]


def test_memory_is_bounded(staged: Staged) -> None:
    for number in range(200):
        staged.send()
        staged.answer(str(number), "done")
    assert len(staged.desk.to("V1")) == 20
    assert len(staged.answers.of("V1")) == 50
    assert staged.answers.to("199", "V1")
    assert not staged.answers.to("0", "V1")


def test_repeated_unreadable_and_undated_answers_change_nothing(staged: Staged) -> None:
    staged.answer("c1", "done")
    version = staged.answers.version
    staged.now -= 1.0
    staged.answer("c1", "done")
    undated = b'{"command_id": "c", "name": "", "vehicle_id": "V1", "status": "done", "answered_at": "%s"}'
    for payload in (b"", b"nonsense", undated % b"2026-01-01T00:00:00", undated % b"0001-01-01T00:00:00Z"):
        staged.answers.record(payload)
    assert staged.answers.version == version
    assert len(staged.answers.of("V1")) == 1


def test_what_others_wrote_is_no_markup(staged: Staged) -> None:
    staged.answer("c1", "refused", name="<b>:red[x]", reason="[x](http://evil.example)", by="*Ana*")
    (outcome,) = staged.outcomes()
    shown = line(outcome, UTC)
    assert "<b>" not in shown.replace("\\<b\\>", "")
    assert "](" not in shown.replace("\\]\\(", "")


def test_there_is_a_button_for_every_command_that_the_simulator_understands() -> None:
    assert {kind.name for kind in KINDS} == set(COMMAND_NAMES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_arguments_are_those_that_the_simulator_takes(kind: object) -> None:
    (kind,) = [each for each in KINDS if each is kind]
    taken = ARGUMENTS[kind.name]
    assert {argument.name for argument in kind.arguments} == set(taken)
    for argument in kind.arguments:
        there = taken[argument.name]
        if isinstance(argument, NumberArgument):
            assert isinstance(there, Number)
            assert (argument.least, argument.most) == (there.lower, there.upper)
            assert argument.default is None or there.accepts(argument.default)
        else:
            assert isinstance(argument, ChoiceArgument)
            assert isinstance(there, Choice)
            assert set(argument.values) <= set(there.values)
            assert argument.is_optional == (not there.required)


def test_faults_of_sensors_are_those_of_the_simulator() -> None:
    assert set(WITH_A_SIGNAL) == set(SIGNALS_OF)


def test_what_will_happen_is_said_with_the_arguments() -> None:
    (kind,) = [kind for kind in KINDS if kind.name == "limit_speed"]
    assert kind.sentence({"kmh": 50.0}).startswith("drives no faster than 50 km/h")
    (kind,) = [kind for kind in KINDS if kind.name == "inject_fault"]
    said = kind.sentence({"kind": "stuck_sensor", "seconds": 60.0})
    assert "“stuck sensor” for 60 seconds" in said


def test_every_status_has_a_colour() -> None:
    from ui.commands.outcomes import COLOURS, Status

    assert set(COLOURS) == set(get_args(Status))
