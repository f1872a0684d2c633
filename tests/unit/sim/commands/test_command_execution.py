"""What each command makes a vehicle do; the driver does it, and no other vehicle notices."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.events import CommandAnswer
from sim.commands.execution import ENGINE_OFF_SECONDS
from sim.powertrain import ENGINE_OFF_VOLTAGE
from sim.routes import METRES_PER_DEGREE
from tests.support.commanded_fleet import START, CommandedFleet


def statuses(answers: list[CommandAnswer]) -> list[tuple[str, str]]:
    return [(answer.name, answer.status) for answer in answers]


def fast_fleet(kmh: float = 40.0) -> CommandedFleet:
    """A fleet whose first vehicle drives faster than that."""
    fleet = CommandedFleet()
    fleet.drive_until_faster_than(0, kmh)
    return fleet


@pytest.mark.parametrize("kmh", [1.0, 7.0, 20.0, 40.0])
def test_a_limit_is_reached_by_braking_comfortably_and_never_exceeded_again(kmh: float) -> None:
    fleet = fast_fleet(45.0)
    assert statuses(fleet.tell_in_json(0, "limit_speed", kmh=kmh)) == [("limit_speed", "accepted")]
    fleet.drive_until("done", "limit_speed")
    done = len(fleet.events)
    assert done > 1
    fleet.drive(300)
    assert max(fleet.of(0, "speed", done)) <= kmh + (0.5 if kmh < 3 else 0.0)  # the sensor's noise
    assert sum(speed > 0.25 * kmh for speed in fleet.of(0, "speed", done)) > 100
    assert min(fleet.of(0, "acceleration", done - 5)) > -4.3


def test_a_limit_is_lifted_by_resume() -> None:
    fleet = fast_fleet()
    fleet.tell_in_json(0, "limit_speed", kmh=20.0)
    fleet.drive_until("done", "limit_speed")
    assert statuses(fleet.tell(0, b"resume")) == [("resume", "done")]
    fleet.drive_until_faster_than(0, 40.0)
    assert not fleet.fleet.physics.orders.active


def test_a_vehicle_that_is_told_to_stop_brakes_comfortably_and_stands_with_its_engine_idling() -> None:
    fleet = fast_fleet()
    told = len(fleet.events)
    assert statuses(fleet.tell(0, b"stop")) == [("stop", "accepted")]
    fleet.drive_until("done", "stop", most=40)
    fleet.drive(200)
    stopped = next(step for step in range(told, len(fleet.events)) if fleet.events[step][0]["speed"] == 0.0)
    assert 5 <= stopped - told <= 15
    assert set(fleet.of(0, "speed", stopped)) == {0.0}
    assert min(fleet.of(0, "acceleration", told)) > -2.3
    assert min(fleet.of(0, "rpm", told)) > 700
    assert statuses(fleet.tell(0, b"resume")) == [("resume", "done")]
    fleet.drive_until_faster_than(0, 20.0)


def test_a_restart_stops_switches_the_engine_off_for_seconds_and_drives_on() -> None:
    fleet = fast_fleet()
    fleet.tell_in_json(0, "limit_speed", kmh=30.0)
    fleet.drive_until("done", "limit_speed")
    told = len(fleet.events)
    assert statuses(fleet.tell(0, b"restart")) == [("restart", "accepted")]
    fleet.drive_until("done", "restart", most=60)
    off = [step[0] for step in fleet.events[told:] if step[0]["rpm"] == 0]
    assert len(off) == ENGINE_OFF_SECONDS
    assert {event["speed"] for event in off} == {0.0}
    assert min(event["battery_voltage"] for event in off) == pytest.approx(ENGINE_OFF_VOLTAGE, abs=0.3)
    assert fleet.of(0, "rpm")[-1] > 700
    fleet.drive_until_faster_than(0, 32.0)  # the limit is lifted as well


def test_a_vehicle_drives_to_the_point_of_its_route_that_is_nearest_to_a_place_and_stops_there() -> None:
    fleet = fast_fleet()
    physics = fleet.fleet.physics
    roads, route = physics.roads, np.zeros(1, dtype=np.int64)
    point = (physics.distance[:1] + 700.0) % roads.length[0]
    latitude, longitude = (float(degrees[0]) for degrees in roads.position(route, point))
    [answer] = fleet.tell_in_json(0, "go_to", latitude=latitude, longitude=longitude)
    assert answer.status == "accepted"
    way, off = physics.way_to(0, latitude, longitude)
    assert way == pytest.approx(700.0, abs=5.0)
    assert off < 5.0
    fleet.drive_until("done", "go_to")
    assert fleet.of(0, "speed")[-1] == 0.0
    event = fleet.events[-1][0]
    north = (event["latitude"] - latitude) * METRES_PER_DEGREE
    east = (event["longitude"] - longitude) * METRES_PER_DEGREE * np.cos(np.radians(latitude))
    assert np.hypot(north, east) < 10.0
    fleet.drive(100)
    assert fleet.of(0, "speed")[-1] == 0.0
    again = '{"id":"again","name":"go_to","arguments":{"latitude":%r,"longitude":%r}}'
    [answer] = fleet.tell(0, (again % (latitude, longitude)).encode())
    assert answer.reason.startswith("0 m to drive")
    assert statuses(fleet.drive(1)) == [("go_to", "done")]
    fleet.tell(0, b"resume")
    fleet.drive_until_faster_than(0, 10.0)


def test_a_place_that_is_just_too_close_is_reached_after_another_round() -> None:
    fleet = fast_fleet()
    physics = fleet.fleet.physics
    point = (physics.distance[:1] + 8.0) % physics.roads.length[0]
    latitude, longitude = (float(d[0]) for d in physics.roads.position(np.zeros(1, dtype=np.int64), point))
    before = float(physics.odometer[0])
    fleet.tell_in_json(0, "go_to", latitude=latitude, longitude=longitude)
    fleet.drive_until("done", "go_to", most=20_000)
    assert physics.odometer[0] - before > physics.route_length(0) - 20.0


def test_a_place_far_from_the_route_is_refused_and_changes_nothing() -> None:
    fleet = fast_fleet()
    [answer] = fleet.tell_in_json(0, "go_to", latitude=48.5, longitude=11.5)
    assert answer.status == "refused"
    assert answer.reason.startswith("expected a place within 2,000 m of the route, got one that is ")
    assert not fleet.fleet.physics.orders.active


def test_a_fault_that_is_asked_for_begins_with_the_next_event_and_is_announced() -> None:
    fleet = fast_fleet()
    [answer] = fleet.tell_in_json(0, "inject_fault", kind="missing_sensor", signal="fuel", seconds=12)
    assert answer.status == "accepted"
    begun = len(fleet.events)
    [done] = fleet.drive(1)
    assert (done.status, done.reason[:22]) == ("done", "missing_sensor of fuel")
    fleet.drive(20)
    assert [value is None for value in fleet.of(0, "fuel", begun)] == [True] * 12 + [False] * 9
    [fault] = fleet.announced
    assert (fault.vehicle_id, fault.kind, fault.signals) == ("VEH-0001", "missing_sensor", ("fuel",))
    assert (fault.ends_at - fault.starts_at).total_seconds() == 12.0


@pytest.mark.parametrize(
    "kind",
    [
        "sudden_deceleration", "overspeed", "overheating", "battery_failure", "stuck_sensor",
        "spiking_sensor", "drifting_sensor", "missing_sensor",
    ],
)  # fmt: skip
def test_every_kind_of_fault_can_be_asked_for(kind: str) -> None:
    fleet = fast_fleet(45.0)
    [answer] = fleet.tell_in_json(0, "inject_fault", kind=kind)
    if kind == "overspeed" and fleet.fleet.physics.limit[0] > 80.0:
        assert answer.status == "refused"
        return
    assert answer.status == "accepted", answer.reason
    fleet.drive(1)
    assert [fault.kind for fault in fleet.announced] == [kind]


def test_a_fault_is_refused_while_one_is_active_and_where_it_would_have_no_effect() -> None:
    fleet = fast_fleet()
    fleet.tell(0, b"stop")
    fleet.drive_until("done", "stop")
    [answer] = fleet.tell_in_json(0, "inject_fault", kind="sudden_deceleration")
    assert answer.status == "refused"
    assert answer.reason == (
        "sudden_deceleration would have no effect: expected a speed above 40 km/h, got 0 km/h"
    )
    fleet.tell(0, b'{"id":"1","name":"inject_fault","arguments":{"kind":"battery_failure"}}')
    [answer] = fleet.tell(0, b'{"id":"2","name":"inject_fault","arguments":{"kind":"battery_failure"}}')
    assert (answer.status, answer.reason) == ("refused", "expected no active fault, got battery_failure")


def test_a_fault_that_is_asked_for_leaves_the_random_ones_as_they_would_be() -> None:
    asked, unasked = (CommandedFleet(vehicles=2, faults_per_hour=60.0) for _ in range(2))
    asked.drive(2)
    [answer] = asked.tell_in_json(0, "inject_fault", kind="missing_sensor", seconds=2)
    assert answer.status == "accepted"
    asked.drive(400)
    unasked.drive(402)
    own, other = ([f for f in asked.announced if f.vehicle_id == v] for v in asked.fleet.vehicle_ids)
    own_unasked, other_unasked = (
        [f for f in unasked.announced if f.vehicle_id == v] for v in asked.fleet.vehicle_ids
    )
    assert own[0].starts_at == START + timedelta(seconds=2)
    # One that was due meanwhile has waited.
    assert [(f.kind, f.signals) for f in own[1:4]] == [(f.kind, f.signals) for f in own_unasked[:3]]
    assert len(own_unasked) >= 3
    assert other == other_unasked


def test_clearing_a_fault_ends_it_now_and_corrects_the_ground_truth() -> None:
    fleet = fast_fleet()
    assert [a.reason for a in fleet.tell(0, b"clear_fault")] == ["expected an active fault, got none"]
    fleet.tell_in_json(0, "inject_fault", kind="missing_sensor", signal="fuel", seconds=60)
    begun = len(fleet.events)
    fleet.drive(5)
    assert statuses(fleet.tell(0, b"clear_fault")) == [("clear_fault", "done")]
    fleet.drive(5)
    assert [value is None for value in fleet.of(0, "fuel", begun)] == [True] * 5 + [False] * 5
    first, corrected = fleet.announced
    assert first.fault_id == corrected.fault_id
    assert (corrected.ends_at - corrected.starts_at).total_seconds() == 5.0


def test_a_driver_who_is_told_to_drive_slower_no_longer_speeds() -> None:
    fleet = CommandedFleet(seed=3)
    fleet.drive_until_faster_than(0, 40.0)
    assert fleet.fleet.physics.limit[0] <= 80.0
    fleet.tell_in_json(0, "inject_fault", kind="overspeed", seconds=300)
    fleet.drive_until_faster_than(0, 90.0)
    fleet.tell_in_json(0, "limit_speed", kmh=30)
    fleet.drive_until("done", "limit_speed", most=40)
    done = len(fleet.events)
    fleet.drive(100)
    assert max(fleet.of(0, "speed", done)) <= 30.0
    first, corrected = fleet.announced
    assert corrected.ends_at < first.ends_at


def test_a_later_goal_takes_the_place_of_an_earlier_one_which_is_answered() -> None:
    fleet = fast_fleet()
    fleet.tell(0, b"stop")
    given_up, accepted = fleet.tell(0, b"restart")
    assert (given_up.name, given_up.status) == ("stop", "refused")
    assert given_up.reason == "given up for a later command, restart"
    assert (accepted.name, accepted.status) == ("restart", "accepted")
    assert statuses(fleet.tell(0, b"resume")) == [("restart", "refused"), ("resume", "done")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    b"restart", b"stop", b"resume", b"clear_fault",
                    b'{"id":"%d","name":"limit_speed","arguments":{"kmh":20}}',
                    b'{"id":"%d","name":"go_to","arguments":{"latitude":48.1,"longitude":11.5}}',
                    b'{"id":"%d","name":"inject_fault","arguments":{"kind":"missing_sensor"}}',
                    b'{"id":"%d","name":"inject_fault","arguments":{"kind":"overspeed","seconds":5}}',
                ]
            ),
            st.integers(0, 6),
        ),
        max_size=8,
    )
)  # fmt: skip
@settings(max_examples=15)
def test_whatever_a_vehicle_is_told_it_drives_on_after_resume_and_no_other_is_affected(
    orders: list[tuple[bytes, int]],
) -> None:
    told, untold = CommandedFleet(vehicles=2), CommandedFleet(vehicles=2)
    told.drive(5)
    accepted: dict[str, str] = {}
    for number, (payload, steps) in enumerate(orders):
        answers = told.tell(0, payload % number if b"%d" in payload else payload)
        for answer in (*answers, *told.drive(steps)):
            accepted[answer.command_id] = answer.status
    for answer in told.tell(0, b"resume"):
        accepted[answer.command_id] = answer.status
    for answer in told.drive(2):
        accepted[answer.command_id] = answer.status
    assert "accepted" not in accepted.values()  # each has got its last answer
    assert not told.fleet.physics.orders.active
    untold.drive(len(told.events))
    assert [step[1] for step in told.events] == [step[1] for step in untold.events]
