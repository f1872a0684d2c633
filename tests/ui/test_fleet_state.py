"""What the page knows about the fleet, and how much it keeps."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from config.settings import load
from tests.support.enriched_events import START, payload
from ui.live import fleet_state
from ui.live.fleet_state import FleetState

NOW = START.timestamp()


class Clock:
    """A clock that moves only when the test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fleet_of(clock: Clock, history: int = 100, **arguments: int) -> FleetState:
    page = load().page.model_copy(update={"history": history, "stale_after": 10.0})
    return FleetState(page, clock=clock, **arguments)


def test_the_latest_event_of_a_vehicle_is_its_twin(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", 0, error=0.1))
    state.record(payload("VEH-1", 1, error=0.2))
    state.record(payload("VEH-2", 0, error=0.3))
    vehicles = state.snapshot().vehicles
    assert {name: vehicle.latest.event_id for name, vehicle in vehicles.items()} == {
        "VEH-1": "VEH-1/1",
        "VEH-2": "VEH-2/0",
    }


def test_an_event_delivered_twice_counts_once(clock: Clock) -> None:
    state = fleet_of(clock)
    for _ in range(3):
        state.record(payload("VEH-1", 0, error=5.0))
    fleet = state.snapshot()
    assert (fleet.events, fleet.anomalies_last_hour, len(state.history("VEH-1"))) == (1, 1, 1)


def test_a_replay_does_not_make_an_old_event_the_twin_again(clock: Clock) -> None:
    state = fleet_of(clock)
    for number in (0, 1, 2, 0, 1):
        state.record(payload("VEH-1", number))
    assert state.snapshot().vehicles["VEH-1"].latest.event_id == "VEH-1/2"


def test_history_is_sorted_by_event_time_and_keeps_the_last_events(clock: Clock) -> None:
    state = fleet_of(clock, history=5)
    for number in (0, 1, 2, 3, 4, 6, 5, 7):
        state.record(payload("VEH-1", number))
    assert [event.event_id for event in state.history("VEH-1")] == [f"VEH-1/{n}" for n in (3, 4, 5, 6, 7)]


def test_history_of_an_unknown_vehicle_is_empty(clock: Clock) -> None:
    assert fleet_of(clock).history("VEH-1") == []


def test_a_large_fleet_has_shorter_histories(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_state, "TOTAL_HISTORY", 40)
    monkeypatch.setattr(fleet_state, "MIN_HISTORY", 2)
    state = fleet_of(clock)
    for number in range(20):
        for vehicle in range(10):
            state.record(payload(f"VEH-{vehicle}", number))
    assert all(len(state.history(f"VEH-{vehicle}")) == 4 for vehicle in range(10))


def test_the_vehicle_that_has_been_silent_longest_is_dropped_first(clock: Clock) -> None:
    state = fleet_of(clock, max_vehicles=2)
    for vehicle_id, number in (("VEH-1", 0), ("VEH-2", 0), ("VEH-1", 1), ("VEH-3", 0)):
        state.record(payload(vehicle_id, number))
    fleet = state.snapshot()
    assert set(fleet.vehicles) == {"VEH-1", "VEH-3"}
    assert fleet.dropped == 1


@pytest.mark.parametrize(
    "message",
    [b"", b"{}", b"not json", b"\xff\xfe", b'{"event_id": "\xff"}', b"[" * 100_000, b'{"event_id": 1}'],
)
def test_messages_that_are_not_enriched_events_are_counted_and_do_no_harm(
    clock: Clock, message: bytes
) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1"))
    state.record(message)
    fleet = state.snapshot()
    assert (fleet.undecodable, fleet.events, set(fleet.vehicles)) == (1, 1, {"VEH-1"})


def test_dead_letters_are_counted_with_their_last_reason(clock: Clock) -> None:
    state = fleet_of(clock)
    letter = (
        b'{"reason": "expected a number", "payload": "eA==", "topic": "t", "partition": "mqtt",'
        b' "offset": null, "arrived_at": "2026-01-01T12:00:00Z"}'
    )
    state.record_dead_letter(b"broken")
    state.record_dead_letter(letter)
    fleet = state.snapshot()
    assert (fleet.dead_letters, fleet.dead_letter_reason) == (2, "expected a number")


def test_a_retained_event_was_seen_when_it_was_scored(clock: Clock) -> None:
    clock.now = NOW + 300.0
    state = fleet_of(clock)
    state.record(payload("VEH-1"), retained=True)
    fleet = state.snapshot()
    assert fleet.vehicles["VEH-1"].seen_at == NOW
    assert fleet.vehicles["VEH-1"].silent(clock.now, stale_after=10.0)
    assert fleet.last_event_at == NOW


def test_a_retained_event_from_a_fast_clock_is_not_in_the_future(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", processed_at=START + timedelta(hours=1)), retained=True)
    assert state.snapshot().last_event_at == NOW


def test_retained_events_do_not_count_towards_the_rate(clock: Clock) -> None:
    state = fleet_of(clock)
    for vehicle in range(50):
        state.record(payload(f"VEH-{vehicle}"), retained=True)
    clock.now += 5.0
    assert state.snapshot().events_per_second == 0.0


def test_events_per_second_are_the_mean_of_the_last_ten_seconds(clock: Clock) -> None:
    state = fleet_of(clock)
    for number in range(60):
        clock.now = NOW + number / 4
        state.record(payload("VEH-1", number))
    clock.now = NOW + 15.0
    assert state.snapshot().events_per_second == pytest.approx(4.0)


def test_an_event_of_a_version_without_values_is_shown_without_a_position(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", values={}))
    fleet = state.snapshot()
    assert (fleet.events, fleet.vehicles["VEH-1"].track) == (1, ())


def test_a_late_event_is_in_the_history_but_does_not_move_the_vehicle_back(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", 100, position=(48.2, 11.5)))
    state.record(payload("VEH-1", 3, position=(48.1, 11.5), status="late"))
    vehicle = state.snapshot().vehicles["VEH-1"]
    assert vehicle.late
    assert vehicle.latest.event_id == "VEH-1/100"
    assert vehicle.track[-1] == (48.2, 11.5)
    assert [event.event_id for event in state.history("VEH-1")] == ["VEH-1/3", "VEH-1/100"]


def test_anomalies_leave_the_count_of_the_last_hour_after_an_hour(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", error=5.0))
    clock.now += 1_800.0
    assert state.snapshot().anomalies_last_hour == 1
    clock.now += 1_900.0
    assert state.snapshot().anomalies_last_hour == 0


def test_simultaneous_viewers_share_one_snapshot_that_later_events_do_not_change(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", 0))
    first = state.snapshot()
    state.record(payload("VEH-1", 1))
    assert state.snapshot() is first
    assert first.vehicles["VEH-1"].latest.event_id == "VEH-1/0"
    clock.now += fleet_state.SHARED_FOR
    assert state.snapshot().vehicles["VEH-1"].latest.event_id == "VEH-1/1"


def test_snapshots_taken_while_events_arrive_are_consistent(clock: Clock) -> None:
    state = fleet_of(clock, history=50)
    messages = [payload(f"VEH-{number % 7}", number, error=2.0) for number in range(2_000)]

    def write() -> None:
        for message in messages:
            state.record(message)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        clock.now += 1.0
        fleet = state.snapshot()
        assert fleet.events == fleet.anomalies_last_hour
        for vehicle_id in fleet.vehicles:
            numbers = [event.ts for event in state.history(vehicle_id)]
            assert numbers == sorted(numbers)
            assert len(numbers) <= 50
    writer.join()
    clock.now += 1.0
    assert state.snapshot().events == len(messages)


def test_a_vehicle_that_is_looked_at_keeps_a_long_history_in_a_large_fleet(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_state, "TOTAL_HISTORY", 40)
    monkeypatch.setattr(fleet_state, "MIN_HISTORY", 2)
    monkeypatch.setattr(fleet_state, "WATCHED", 2)
    state = fleet_of(clock, history=8)
    for number in range(20):
        for vehicle in range(20):
            state.record(payload(f"VEH-{vehicle}", number))
        for watched in ("VEH-1", "VEH-2", "VEH-3"):
            if number == 10:
                state.history(watched)
    assert len(state.history("VEH-0")) == 2
    assert len(state.history("VEH-3")) == len(state.history("VEH-2")) == 8
    assert len(state.history("VEH-1")) == 2, "only the last ones"


def test_tracks_are_shorter_in_a_large_fleet(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_state, "TOTAL_POINTS", 40)
    monkeypatch.setattr(fleet_state, "MIN_POINTS", 3)
    state = fleet_of(clock)
    for number in range(30):
        for vehicle in range(10):
            state.record(payload(f"VEH-{vehicle}", number, position=(48.0 + number / 100, 11.0)))
    assert {len(vehicle.track) for vehicle in state.snapshot().vehicles.values()} == {4}


def test_a_snapshot_does_not_change_while_events_come(clock: Clock) -> None:
    state = fleet_of(clock)
    state.record(payload("VEH-1", 0))
    before = state.snapshot()
    clock.now += 10.0
    state.record(payload("VEH-1", 1))
    state.record(payload("VEH-2", 0))
    assert set(before.vehicles) == {"VEH-1"}
    assert before.vehicles["VEH-1"].latest.event_id == "VEH-1/0"
    assert state.snapshot() is not before


def test_a_dropped_vehicle_is_nowhere_any_more(clock: Clock) -> None:
    state = fleet_of(clock, max_vehicles=2)
    for number, vehicle in enumerate(("VEH-1", "VEH-2", "VEH-1", "VEH-3")):
        state.record(payload(vehicle, number))
        state.history(vehicle)
    fleet = state.snapshot()
    assert set(fleet.vehicles) == set(state.lanes().vehicles) == {"VEH-1", "VEH-3"}
    assert fleet.dropped == 1
    assert state.history("VEH-2") == []
