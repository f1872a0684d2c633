"""Who answers which command, how often, and with what."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import CommandAnswer
from sim.commands.answer_book import FEWEST, MOST, AnswerBook
from tests.support.commanded_fleet import START, CommandedFleet


@pytest.fixture
def fleet() -> CommandedFleet:
    fleet = CommandedFleet()
    fleet.drive(2)
    return fleet


def test_every_vehicle_answers_a_command_to_all(fleet: CommandedFleet) -> None:
    answers = fleet.tell(None, b"stop")
    assert [(a.vehicle_id, a.status) for a in answers] == [(v, "accepted") for v in fleet.fleet.vehicle_ids]
    assert len({answer.command_id for answer in answers}) == 1
    done = fleet.drive(40)
    assert sorted((a.vehicle_id, a.status) for a in done) == [(v, "done") for v in fleet.fleet.vehicle_ids]
    assert not fleet.fleet.physics.speed.any()


def test_a_command_for_a_vehicle_that_there_is_not_is_refused_once(fleet: CommandedFleet) -> None:
    for vehicle in ("VEH-9", "", "ack", "VEH-0001/x"):
        [answer] = fleet.tell(vehicle, b'{"id":"c1","name":"stop","by":"anna"}')
        assert (answer.command_id, answer.vehicle_id, answer.status) == ("c1", "", "refused")
        assert answer.reason == f"no vehicle {vehicle!r} in this fleet of 5"
        assert answer.by == "anna"


@pytest.mark.parametrize("payload", [b"{", b"dance", b'{"id":"c1","name":"limit_speed"}', b'{"id":"c1"}'])
def test_what_is_wrong_in_itself_is_refused_once_and_changes_nothing(
    payload: bytes, fleet: CommandedFleet
) -> None:
    for vehicle, named in ((None, ""), (2, "VEH-0003")):
        [answer] = fleet.tell(vehicle, payload)
        assert (answer.vehicle_id, answer.status) == (named, "refused")
        assert "expected" in answer.reason
    assert not fleet.fleet.physics.orders.active


def test_a_command_that_has_expired_is_not_carried_out(fleet: CommandedFleet) -> None:
    def stop(expires_at: str) -> bytes:
        return b'{"id":"%s","name":"stop","expires_at":"%s"}' % (expires_at.encode(), expires_at.encode())

    [answer] = fleet.tell(0, stop(START.isoformat()))
    assert answer.status == "expired"
    assert answer.reason == "expired at 2026-03-01T08:30:00+00:00, received at 2026-03-01T08:30:00+00:00"
    [answer] = fleet.tell(0, stop("0001-01-01T00:00:00+23:00"))
    assert answer.status == "expired"
    assert not fleet.fleet.physics.orders.active
    [answer] = fleet.tell(0, stop((START + timedelta(microseconds=1)).isoformat()))
    assert answer.status == "accepted"


def test_a_command_that_comes_again_gets_its_last_answer_again_and_is_not_carried_out() -> None:
    fleet = CommandedFleet()
    fleet.drive_until_faster_than(0, 20.0)
    command = b'{"id":"c1","name":"stop"}'
    fleet.tell(0, command)
    assert [answer.status for answer in fleet.tell(0, command)] == ["accepted"]
    fleet.drive_until("done", "stop")
    fleet.tell(0, b"resume")
    fleet.tell(0, command)
    assert fleet.payloads_of_answers[-1] == fleet.payloads_of_answers[-3]  # before that of resume
    assert fleet.payloads_of_answers[1] == fleet.payloads_of_answers[0]
    fleet.drive_until_faster_than(0, 20.0)


def test_a_command_that_comes_again_after_it_has_expired_gets_its_last_answer(fleet: CommandedFleet) -> None:
    command = b'{"id":"c1","name":"resume","expires_at":"2026-03-01T08:31:00Z"}'
    assert [answer.status for answer in fleet.tell(0, command)] == ["done"]
    fleet.now += timedelta(hours=1)
    assert [answer.status for answer in fleet.tell(0, command)] == ["done"]
    assert [answer.status for answer in fleet.tell(1, command)] == ["expired"]


def test_a_refusal_is_repeated_as_well_though_the_command_could_be_carried_out_now() -> None:
    fleet = CommandedFleet()
    fleet.drive_until_faster_than(0, 20.0)
    [refused] = fleet.tell_in_json(0, "clear_fault")
    fleet.tell_in_json(0, "inject_fault", kind="missing_sensor")
    fleet.drive(1)
    assert fleet.tell_in_json(0, "clear_fault") == [refused]


def test_each_vehicle_carries_out_an_id_once_whoever_else_has_had_it(fleet: CommandedFleet) -> None:
    fleet.tell(0, b'{"id":"c1","name":"resume"}')
    answers = fleet.tell(None, b'{"id":"c1","name":"resume"}')
    assert [answer.vehicle_id for answer in answers] == fleet.fleet.vehicle_ids
    assert len(fleet.payloads_of_answers) == 6


def test_a_bare_word_is_never_taken_for_a_repetition(fleet: CommandedFleet) -> None:
    ids = {fleet.tell(0, b"resume")[0].command_id for _ in range(5)}
    assert len(ids) == 5


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), max_size=200))
def test_the_book_is_bounded_and_forgets_the_oldest_command_of_a_vehicle(
    vehicles: int, notes: list[tuple[int, int]]
) -> None:
    book = AnswerBook(100_000 * vehicles)
    assert book.per_vehicle == FEWEST
    order: dict[int, list[str]] = {}
    for vehicle, number in notes:
        answer = CommandAnswer(
            command_id=str(number), name="stop", vehicle_id="x", status="done", answered_at=START
        )
        known = order.setdefault(vehicle, [])
        if answer.command_id not in known:
            known.append(answer.command_id)
            del known[:-FEWEST]
        book.note(vehicle, answer)
        assert [n for n in map(str, range(61)) if book.last(vehicle, n)] == sorted(known, key=int)


def test_a_small_fleet_remembers_more() -> None:
    assert AnswerBook(1).per_vehicle == MOST


@given(st.lists(st.tuples(st.none() | st.integers(0, 2) | st.text(), st.binary()), max_size=5))
def test_no_bytes_for_anybody_make_the_desk_fail(messages: list[tuple[int | str | None, bytes]]) -> None:
    fleet = CommandedFleet(vehicles=3)
    fleet.drive(1)
    for vehicle, payload in messages:
        answers = fleet.tell(vehicle, payload)
        assert answers
        assert all("\n" not in answer.reason for answer in answers)


def test_a_fleet_that_gets_no_commands_sends_the_same_bytes_as_one_that_cannot() -> None:
    obedient, other = (CommandedFleet(faults_per_hour=200.0, vehicles=8) for _ in range(2))
    obedient.drive(100)
    assert obedient.payloads == [step.payloads for step in islice(other.fleet.steps(), 100)]
