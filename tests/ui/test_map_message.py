"""What the browser gets of a map, read as the description of the format says."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.map_messages import parts
from ui.map.message import CALM_TAIL_POINTS, TAIL_POINTS, TROUBLED_TAILS, packed
from ui.map.vehicles import ALERTS, TONES, MapRoute, MapVehicle

METRES = 1 / 111_195.0
"""Degrees of latitude."""

latitudes, longitudes = st.floats(-85.0, 85.0), st.floats(-180.0, 180.0)
steps = st.lists(st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), max_size=40)


@st.composite
def vehicles(draw: st.DrawFn) -> MapVehicle:
    north, east = draw(latitudes), draw(longitudes)
    track = [(north, east)]
    for more_north, more_east in draw(steps):
        track.append((track[-1][0] + more_north, track[-1][1] + more_east))
    return MapVehicle(
        draw(st.text()),
        tuple(track),
        draw(st.sampled_from(TONES)),
        tuple(draw(st.lists(st.text(), max_size=2))),
        draw(st.none() | st.floats(0.0, 360.0)),
    )


def read(message: bytes) -> list[dict[str, Any]]:
    """The vehicles of a message."""
    _, body, texts = parts(message)[:3]
    count, points = struct.unpack_from("<II", body)
    at = 8
    positions = np.frombuffer(body, "<i4", 2 * count, at).reshape(2, count) / 1e6
    at += positions.shape[1] * 8
    moves = np.frombuffer(body, "<i2", 2 * points, at).reshape(2, points).T / 1e5
    at += 4 * points
    lengths, tones, headings = np.frombuffer(body, np.uint8, 3 * count, at).reshape(3, count).tolist()
    assert len(body) == at + 3 * count
    words = json.loads(texts)
    found = []
    for number in range(count):
        start = sum(lengths[:number])
        points_back = [positions[:, number]]
        for move in reversed(moves[start : start + lengths[number]]):
            points_back.append(points_back[-1] - move)
        found.append(
            {
                "id": words["ids"][number],
                "lines": tuple(words["lines"][number]),
                "tone": TONES[tones[number]],
                "heading": None if headings[number] == 255 else headings[number] / 255 * 360,
                "track": points_back[::-1],
            }
        )
    return found


def standing(name: str, tone: str = "ok", points: int = 1) -> MapVehicle:
    track = tuple((48.0 + number * 25 * METRES, 11.0) for number in range(points))
    return MapVehicle(name, track, tone)  # type: ignore[arg-type]


@given(st.lists(vehicles(), max_size=8))
def test_what_is_packed_is_what_is_read(shown: list[MapVehicle]) -> None:
    found = read(packed({}, shown, None))
    assert [vehicle["id"] for vehicle in found] == [vehicle.vehicle_id for vehicle in shown]
    for vehicle, given_vehicle in zip(found, shown, strict=True):
        assert vehicle["lines"] == given_vehicle.lines
        assert vehicle["tone"] == given_vehicle.tone
        assert vehicle["track"][-1] == pytest.approx(given_vehicle.track[-1], abs=1e-6)
        if given_vehicle.heading is None:
            assert vehicle["heading"] is None
        else:
            apart = abs(vehicle["heading"] - given_vehicle.heading)
            assert min(apart, 360 - apart) < 0.8


@given(st.lists(vehicles(), max_size=8))
def test_a_tail_is_where_the_vehicle_was_and_errors_do_not_add_up(shown: list[MapVehicle]) -> None:
    for vehicle, given_vehicle in zip(read(packed({}, shown, None)), shown, strict=True):
        expected = given_vehicle.track[-TAIL_POINTS - 1 :]
        assert np.array(vehicle["track"]) == pytest.approx(np.array(expected), abs=1.2e-5)


def test_a_vehicle_without_a_position_is_left_out() -> None:
    shown = [MapVehicle("nowhere", (), "critical"), standing("here")]
    assert [vehicle["id"] for vehicle in read(packed({}, shown, None))] == ["here"]


def test_nobody_on_the_map_is_a_message_too() -> None:
    assert read(packed({"key": "empty"}, [], None)) == []
    assert json.loads(parts(packed({"key": "empty"}, [], None))[0]) == {"key": "empty"}


def test_the_tails_of_a_large_fleet_are_shortened_but_not_those_of_vehicles_in_trouble() -> None:
    calm = [standing(f"calm {number}", points=TAIL_POINTS + 9) for number in range(3_000)]
    bad = [standing(f"bad {number}", "major", TAIL_POINTS + 9) for number in range(TROUBLED_TAILS + 5)]
    lengths = {vehicle["id"]: len(vehicle["track"]) - 1 for vehicle in read(packed({}, [*calm, *bad], None))}
    assert sum(lengths[vehicle.vehicle_id] for vehicle in calm) <= CALM_TAIL_POINTS
    assert lengths["calm 0"] == CALM_TAIL_POINTS // len(calm)
    assert lengths["bad 0"] == lengths[f"bad {TROUBLED_TAILS - 1}"] == TAIL_POINTS
    assert lengths[f"bad {TROUBLED_TAILS + 4}"] == lengths["calm 0"]


def test_a_route_has_its_points_what_was_flagged_and_the_moment() -> None:
    route = MapRoute([(48.0, 11.0), (48.1, 11.1), (48.2, 11.2)], flagged=[1, 7, -1], at=2)
    (_, _, _, body) = parts(packed({}, [], route))
    points, flagged, at = struct.unpack_from("<iii", body)
    assert (points, flagged, at) == (3, 1, 2), "an index that is not of the route is left out"
    numbers = np.frombuffer(body, "<i4", offset=12)
    assert numbers[:3].tolist() == [48_000_000, 48_100_000, 48_200_000]
    assert numbers[3:6].tolist() == [11_000_000, 11_100_000, 11_200_000]
    assert numbers[6:].tolist() == [1]


@pytest.mark.parametrize(("at", "expected"), [(None, -1), (-5, 0), (99, 1)])
def test_the_moment_of_a_route_is_one_of_its_points(at: int | None, expected: int) -> None:
    (_, _, _, body) = parts(packed({}, [], MapRoute([(48.0, 11.0), (48.1, 11.1)], at=at)))
    assert struct.unpack_from("<iii", body)[2] == expected


def test_an_empty_route_has_no_moment() -> None:
    (_, _, _, body) = parts(packed({}, [], MapRoute([], at=0)))
    assert struct.unpack("<iii", body) == (0, 0, -1)


def test_viewers_of_the_same_large_fleet_share_what_is_packed_but_not_their_settings() -> None:
    fleet = tuple(standing(f"V{number}") for number in range(500))
    messages = [packed({"chosen": name}, fleet, None) for name in ("V1", "V2")]
    assert parts(messages[0])[1:] == parts(messages[1])[1:]
    assert [json.loads(parts(message)[0])["chosen"] for message in messages] == ["V1", "V2"]
    other = tuple(standing(f"W{number}") for number in range(500))
    assert read(packed({}, other, None))[0]["id"] == "W0"
    assert read(packed({}, fleet, None))[0]["id"] == "V0"


def test_a_message_about_a_thousand_moving_vehicles_is_small() -> None:
    random = np.random.default_rng(7)
    fleet = []
    for number in range(1_000):
        ways = (
            np.cumsum(random.normal(0, 25 * METRES, (40, 2)), axis=0) + random.uniform(0, 0.4, 2) + (48, 11)
        )
        fleet.append(
            MapVehicle(f"VEH-{number:04d}", tuple(map(tuple, ways.tolist())), "ok", ("speed 61.2 km/h",))
        )
    assert len(packed({}, fleet, None)) < 60 * len(fleet)


def test_the_worst_tone_comes_first() -> None:
    assert TONES[: len(ALERTS)] == ("critical", "major", "minor", "warning")
    assert set(TONES[: len(ALERTS)]) == ALERTS
    assert all(one != other for one, other in pairwise(TONES))
