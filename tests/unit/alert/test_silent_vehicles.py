"""Vehicles that have stopped sending, judged by the event time of the others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.alert.silence import SHARD_SET_BACK_AFTER, Notice, Silence
from dataflows.clock import SECOND

AFTER = 60.0
START = 1_767_225_600
HOUR, YEAR = 3600.0, 365.0 * 86_400.0
Events = list[tuple[int, float]]
"""Vehicle and second of each event, in the order in which they arrive."""


def silence(*, after: float | None = AFTER, vehicles: int = 200) -> Silence:
    made = Silence(after=after)
    made.grow(vehicles)
    return made


def hear(made: Silence, events: Events, *, asleep: bool = False) -> list[Notice]:
    slots = np.array([vehicle for vehicle, _ in events], np.intp)
    times = np.array([int((START + at) * SECOND) for _, at in events], np.int64)
    return made.hear(slots, times, np.full(len(events), asleep))[0]


def sending(
    vehicles: range, begin: float, end: float, *, every: float = 1.0, clocks: dict[int, float] | None = None
) -> Events:
    """Events of vehicles in turn; `clocks` says by how many seconds the clock of one is ahead."""
    return [
        (vehicle, at + vehicle / 1000.0 + (clocks or {}).get(vehicle, 0.0))
        for at in np.arange(begin, end, every).tolist()
        for vehicle in vehicles
    ]


def who(notices: list[Notice]) -> list[tuple[int, bool]]:
    return [(notice.slot, notice.silent) for notice in notices]


def test_a_vehicle_that_stops_sending_is_silent_once() -> None:
    made = silence()
    hear(made, sending(range(3), 0, 100))
    [notice] = hear(made, sending(range(1, 3), 100, 400))
    assert (notice.slot, notice.silent) == (0, True)
    assert notice.latest == (START + 99) * SECOND
    assert AFTER <= (notice.at - notice.latest) / SECOND <= 1.1 * AFTER + 1


def test_a_vehicle_that_sends_in_time_is_not_silent() -> None:
    assert hear(silence(), sending(range(3), 0, 1000, every=50.0)) == []


def test_it_is_heard_again_and_may_be_silent_again() -> None:
    made = silence()
    hear(made, sending(range(2), 0, 10))
    assert who(hear(made, sending(range(1, 2), 10, 200))) == [(0, True)]
    again = hear(made, [(0, 200.5)])
    assert who(again) == [(0, False)]
    assert again[0].at == int((START + 200.5) * SECOND)
    assert who(hear(made, sending(range(1, 2), 201, 400))) == [(0, True)]


@pytest.mark.parametrize("vehicles", [1, 3, 150])
@pytest.mark.parametrize("pause", [100.0, 8 * HOUR, YEAR])
def test_a_pause_of_everybody_silences_nobody(vehicles: int, pause: float) -> None:
    made = silence()
    events = sending(range(vehicles), 0, 100) + sending(range(vehicles), 100 + pause, 200 + pause)
    assert hear(made, events) == []


def test_who_stays_away_after_a_pause_of_everybody_is_silent() -> None:
    made = silence()
    hear(made, sending(range(3), 0, 100))
    assert who(hear(made, sending(range(1, 3), 8 * HOUR, 8 * HOUR + 300))) == [(0, True)]


@pytest.mark.parametrize("vehicles", [3, 150])
@pytest.mark.parametrize("off", [-YEAR, -HOUR, HOUR, YEAR])
@pytest.mark.parametrize("wrong", [0, 1])
def test_a_wrong_clock_silences_nobody(vehicles: int, off: float, wrong: int) -> None:
    """Also if it is that of the vehicle that is heard first, which starts the shard's clock."""
    made = silence()
    assert hear(made, sending(range(vehicles), 0, 200, clocks={wrong: off})) == []


def test_many_wrong_clocks_silence_nobody() -> None:
    clocks = {vehicle: HOUR * vehicle for vehicle in range(50, 100)}
    made = silence()
    events = sending(range(100), 0, 100, clocks=clocks)
    slow = [(150, float(at)) for at in range(0, 100, 20)]
    assert hear(made, sorted(events + slow, key=lambda event: event[1] - clocks.get(event[0], 0.0))) == []


@pytest.mark.parametrize("off", [-YEAR, YEAR])
def test_a_single_event_with_a_wrong_time_silences_nobody(off: float) -> None:
    made = silence()
    events = [*sending(range(3), 0, 100), (1, 100 + off), *sending(range(3), 101, 300)]
    assert hear(made, events) == []


def test_a_vehicle_with_a_wrong_clock_can_be_silent() -> None:
    made = silence()
    hear(made, sending(range(3), 0, 100, clocks={2: YEAR}))
    [notice] = hear(made, sending(range(2), 100, 300))
    assert notice.slot == 2
    assert AFTER <= (notice.at - notice.latest) / SECOND <= 1.1 * AFTER + 1


def test_old_events_that_are_sent_at_once_silence_nobody() -> None:
    """A vehicle without a connection for an hour sends what it has recorded, while the others go on."""
    made = silence()
    hear(made, sending(range(3), 0, 100))
    assert who(hear(made, sending(range(1, 3), 100, 3700))) == [(0, True)]
    assert who(hear(made, sending(range(1), 100, 3700))) == [(0, False)]
    assert who(hear(made, sending(range(3), 3700, 3800))) == []


def test_the_old_events_of_a_new_vehicle_silence_nobody() -> None:
    made = silence()
    hear(made, sending(range(1, 3), 3600, 3700))
    assert hear(made, sending(range(1), 0, 3700)) == []


def test_a_vehicle_whose_clock_started_that_of_the_shard_may_leave() -> None:
    """All others are behind then: after a while the shard follows them."""
    made = silence()
    hear(made, [(0, YEAR)])
    hear(made, sending(range(1, 3), 0, SHARD_SET_BACK_AFTER / 2 + 10))
    later = SHARD_SET_BACK_AFTER / 2 + 10
    assert (0, True) in who(hear(made, sending(range(1, 3), later, later + 100)))
    assert (2, True) in who(hear(made, sending(range(1, 2), later + 100, later + 300)))


def test_a_clock_that_was_set_back_is_followed() -> None:
    """So that the vehicle counts again before its clock has caught up."""
    made = silence(vehicles=2)
    hear(made, sending(range(2), 0, 100))
    hear(made, sending(range(1), 100 + YEAR, 110 + YEAR))
    hear(made, sending(range(2), 110, 500))
    assert made.latest[0] == (START + 499) * SECOND


def test_a_sleeping_vehicle_is_not_silent_until_it_has_sent_something_else() -> None:
    made = silence()
    hear(made, sending(range(2), 0, 100))
    hear(made, [(0, 100.0)], asleep=True)
    assert hear(made, sending(range(1, 2), 100, 500)) == []
    hear(made, [(0, 500.0)])
    assert who(hear(made, sending(range(1, 2), 500, 700))) == [(0, True)]


def test_without_a_time_nobody_is_silent_but_the_clock_goes_on() -> None:
    made = silence(after=None)
    assert hear(made, sending(range(2), 0, 10) + sending(range(1, 2), 10, 500)) == []
    assert made.clock[0] >= (START + 490) * SECOND


def test_who_is_forgotten_is_not_silent() -> None:
    made = silence()
    hear(made, sending(range(2), 0, 100))
    made.forget(np.array([0]))
    assert hear(made, sending(range(1, 2), 100, 400)) == []


@given(st.integers(0, 10_000), st.lists(st.integers(0, 400), max_size=6).map(sorted))
def test_notices_do_not_depend_on_how_events_are_batched(seed: int, cuts: list[int]) -> None:
    random = np.random.default_rng(seed)
    times = np.cumsum(random.choice([0.0, 0.5, 1.0, 5.0], 400)) - random.choice([0.0, 0.0, 3.0, YEAR], 400)
    vehicles = random.integers(0, 6, 400)
    vehicles[np.arange(400) % 200 > 60] %= 3
    events = [(int(vehicle), float(at)) for vehicle, at in zip(vehicles, times, strict=True)]
    whole = silence(vehicles=6)
    expected = hear(whole, events)
    made, start = silence(vehicles=6), 0
    found: list[Notice] = []
    for stop in [*cuts, 400]:
        found += [notice._replace(row=notice.row + start) for notice in hear(made, events[start:stop])]
        start = stop
        state = pickle.loads(pickle.dumps(made.snapshot(6)))  # noqa: S301
        made = silence(vehicles=6)
        made.restore(state)
    assert found == expected
    assert made.clock[0] == whole.clock[0]
