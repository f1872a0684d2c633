"""Trips and stops of a vehicle, from its rollups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.history.trips import Place, trips

MORNING = datetime(2026, 11, 27, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rollup(minute: int, moving_s: float, **more: Any) -> dict[str, Any]:
    start = MORNING + minute * MINUTE
    return {
        "start": start,
        "end": start + MINUTE,
        "first_at": start,
        "last_at": start + timedelta(seconds=59),
        "moving_s": moving_s,
        "idle_s": 60.0 - moving_s,
        "distance_km": moving_s / 60.0,
        "anomalies": 0,
        "latitude_last": 48.0 + minute / 100.0,
        "longitude_last": 11.0,
    } | more


def day(*minutes: float) -> list[dict[str, Any]]:
    return [rollup(minute, moving) for minute, moving in enumerate(minutes)]


def test_a_vehicle_that_drives_all_the_time_makes_one_trip() -> None:
    (trip,) = trips(day(60, 60, 60))
    assert trip.moving
    assert (trip.start, trip.end) == (MORNING, MORNING + timedelta(seconds=179))
    assert trip.distance_km == pytest.approx(3.0)


def test_a_trip_begins_and_ends_within_a_window() -> None:
    stop, trip, after = trips(day(0, 20, 60, 10, *[0] * 8))
    assert trip.start == MORNING + 2 * MINUTE - timedelta(seconds=20)
    assert trip.end == MORNING + 3 * MINUTE + timedelta(seconds=10)
    assert (stop.start, stop.end) == (MORNING, trip.start)
    assert (after.start, after.end) == (trip.end, MORNING + timedelta(minutes=11, seconds=59))


def test_a_red_light_ends_no_trip() -> None:
    assert [trip.moving for trip in trips(day(60, 0, 0, 60))] == [True]


def test_a_long_stop_parts_two_trips() -> None:
    found = trips(day(60, *[0] * 6, 60))
    assert [trip.moving for trip in found] == [True, False, True]
    assert found[1].idle_s == 360.0


def test_a_vehicle_that_slept_has_stopped_too() -> None:
    first, stop, second = trips([rollup(0, 60), rollup(120, 60)])
    assert (first.moving, stop.moving, second.moving) == (True, False, True)
    assert (stop.start, stop.end) == (first.end, second.start)
    assert stop.distance_km == 0.0
    assert stop.origin == stop.destination == first.destination


def test_a_trip_starts_where_the_one_before_ended() -> None:
    first, _, second = trips(day(60, *[0] * 6, 60))
    assert first.destination == Place(48.0, 11.0)
    assert second.destination == Place(48.07, 11.0)
    assert second.origin == Place(48.06, 11.0)


def test_the_distance_is_unknown_where_any_part_of_it_is() -> None:
    (trip,) = trips([rollup(0, 60), rollup(1, 60, distance_km=None)])
    assert trip.distance_km is None


def test_what_is_used_is_summed_up() -> None:
    (trip,) = trips([rollup(0, 60, used_fuel=0.1), rollup(1, 60, used_fuel=None)], levels=["fuel"])
    assert trip.used == {"fuel": pytest.approx(0.1)}


def test_no_rollups_are_no_trips() -> None:
    assert trips([]) == []


@given(
    st.lists(
        st.tuples(st.integers(1, 20), st.one_of(st.just(0.0), st.floats(0.1, 60.0)), st.integers(0, 9)),
        max_size=60,
    )
)
def test_trips_and_stops_follow_each_other_without_gaps_and_lose_nothing(
    steps: list[tuple[int, float, int]],
) -> None:
    rows, minute = [], 0
    for pause, moving, anomalies in steps:
        minute += pause
        rows.append(rollup(minute, moving, anomalies=anomalies))
    found = trips(rows)
    for before, after in pairwise(found):
        assert before.start <= before.end == after.start <= after.end
        assert before.moving != after.moving
    assert sum(trip.anomalies for trip in found) == sum(row["anomalies"] for row in rows)
    assert sum(trip.moving_s for trip in found) == pytest.approx(sum(row["moving_s"] for row in rows))
    assert sum(trip.distance_km or 0.0 for trip in found) == pytest.approx(
        sum(row["distance_km"] for row in rows)
    )
