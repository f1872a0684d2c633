"""Where vehicles have been."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.live.track import MAX_POINTS, SPACING, Track, distance, extended, heading, position_in

steps = st.lists(st.tuples(st.floats(-2e-3, 2e-3), st.floats(-2e-3, 2e-3)), max_size=200)


def drive(moves: list[tuple[float, float]]) -> tuple[Track, tuple[float, float]]:
    track: Track = ()
    latitude, longitude = 48.0, 11.0
    for north, east in [(0.0, 0.0), *moves]:
        latitude, longitude = latitude + north, longitude + east
        track = extended(track, (latitude, longitude))
    return track, (latitude, longitude)


@given(steps)
def test_a_track_ends_where_the_vehicle_is_and_is_bounded_and_thinned(
    moves: list[tuple[float, float]],
) -> None:
    track, position = drive(moves)
    assert track[-1] == position
    assert len(track) <= MAX_POINTS
    kept = track[:-1]
    assert all(distance(a, b) >= SPACING for a, b in pairwise(kept))


def test_a_stationary_vehicle_keeps_its_trail() -> None:
    moving, _ = drive([(1e-3, 0.0)] * 10)
    standing = moving
    for _ in range(1_000):
        standing = extended(standing, moving[-1])
    assert standing[:10] == moving[:10]


def test_an_unknown_position_leaves_the_track_unchanged() -> None:
    assert extended(((1.0, 2.0),), None) == ((1.0, 2.0),)


@pytest.mark.parametrize(
    ("north", "east", "direction"),
    [(1e-3, 0.0, 0.0), (0.0, 1e-3, 90.0), (-1e-3, 0.0, 180.0), (0.0, -1e-3, 270.0)],
)
def test_heading_is_clockwise_from_north(north: float, east: float, direction: float) -> None:
    track, _ = drive([(north, east)])
    assert heading(track) == pytest.approx(direction)


def test_a_vehicle_that_never_moved_has_no_heading() -> None:
    assert heading(((48.0, 11.0),)) is None
    assert heading(((48.0, 11.0), (48.0, 11.0))) is None


def test_a_vehicle_that_stopped_keeps_its_heading() -> None:
    track, position = drive([(0.0, 1e-3)])
    assert heading((*track, position)) == pytest.approx(90.0)


@pytest.mark.parametrize(
    "values",
    [
        {"lat": 91.0, "lon": 0.0},
        {"lat": 0.0, "lon": -181.0},
        {"lat": 48.1},
        {"lat": None, "lon": 11.5},
        {"latitude": 48.1, "longitude": 11.5},
        {},
    ],
)
def test_a_position_that_is_missing_or_off_the_globe_is_none(values: dict[str, float | None]) -> None:
    assert position_in(values, "lat", "lon") is None


def test_a_position_is_read_from_the_signals_that_the_settings_name() -> None:
    assert position_in({"lon": -180.0, "lat": 90.0, "speed": 3.0}, "lat", "lon") == (90.0, -180.0)
