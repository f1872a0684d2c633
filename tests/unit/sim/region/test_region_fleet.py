"""The stream of a fleet in a region: who sends when, and what; the seed decides all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from config.settings import DEFAULT_FILE, load
from dataflows.recordings import open_recording
from sim.__main__ import main
from sim.fleet import Fleet, FleetStep
from sim.region.options import Parked, RegionOptions
from sim.region.reporting import Reporting

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
REGION = DEFAULT_FILE.with_name("region.toml")
CATALOGUE = {name: signal for name, signal in load(REGION).signals.items() if not signal.is_derived}
COMBUSTION = {"rpm", "engine_temperature", "fuel"}
ELECTRIC = {"state_of_charge", "power", "range", "charging", "battery_temperature"}


def new_fleet(parked: Parked = "heartbeat", **changes: Any) -> Fleet:
    arguments: dict[str, Any] = {
        "vehicles": 30,
        "rate": 1.0,
        "seed": 7,
        "faults_per_hour": 0.0,
        "latitude": 48.1,
        "longitude": 11.5,
        "start": START,
        "region": RegionOptions(parked=parked, heartbeat=30.0),
    }
    return Fleet(**(arguments | changes))


def steps(count: int, parked: Parked = "heartbeat", **changes: Any) -> list[FleetStep]:
    return list(islice(new_fleet(parked, **changes).steps(), count))


def events_of(some: list[FleetStep]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(payload) for step in some for payload in step.payloads]


@cache
def stream(parked: Parked) -> list[FleetStep]:
    return steps(900, parked)


@cache
def by_vehicle(parked: Parked) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events_of(stream(parked)):
        found.setdefault(event["vehicle_id"], []).append(event)
    return found


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first = [step.payloads for step in steps(60, faults_per_hour=60.0)]
    assert first == [step.payloads for step in steps(60, faults_per_hour=60.0)]
    assert first != [step.payloads for step in steps(60, faults_per_hour=60.0, seed=8)]


def test_an_event_has_the_signals_of_the_catalogue_that_its_vehicle_has() -> None:
    kinds = set()
    for events in by_vehicle("send").values():
        electric = "state_of_charge" in events[0]
        kinds.add(electric)
        expected = set(CATALOGUE) - (COMBUSTION if electric else ELECTRIC)
        assert all(set(event) == {"vehicle_id", "ts", "sequence"} | expected for event in events)
    assert kinds == {True, False}


def test_every_signal_is_within_its_plausible_range() -> None:
    events = events_of(stream("send"))
    for name, signal in CATALOGUE.items():
        values = [event[name] for event in events if name in event]
        assert values, name
        assert signal.min is None or signal.min <= min(values), name
        assert signal.max is None or max(values) <= signal.max, name


def test_normal_driving_stays_within_the_alarm_limits() -> None:
    events = events_of(stream("send"))
    for name, signal in CATALOGUE.items():
        values = [event[name] for event in events if name in event]
        assert signal.low is None or min(values) >= signal.low, name
        assert signal.high is None or max(values) <= signal.high, name


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_electric_vehicles_is_the_one_that_was_asked_for(share: float) -> None:
    events = events_of(steps(1, "send", region=RegionOptions(electric_share=share, parked="send")))
    assert sum("power" in event for event in events) == round(share * 30)


def test_everybody_sends_every_second_if_parked_vehicles_send() -> None:
    assert {len(step.payloads) for step in stream("send")} == {30}


def test_parked_vehicles_send_a_heartbeat_with_the_ignition_off() -> None:
    pauses = set()
    for events in by_vehicle("heartbeat").values():
        for before, after in pairwise(events):
            pause = datetime.fromisoformat(after["ts"]) - datetime.fromisoformat(before["ts"])
            if pause > timedelta(seconds=1):
                assert before["ignition"] == 0
                assert before["speed"] == 0.0
                pauses.add(pause.total_seconds())
    assert max(pauses) == 30.0


def test_sleeping_vehicles_say_that_they_are_parked_and_then_nothing() -> None:
    slept = 0
    for events in by_vehicle("sleep").values():
        for before, after in pairwise(events):
            if after["sequence"] - before["sequence"] > 1:
                assert before["ignition"] == 0
                slept += 1
        assert sum(event["ignition"] == 0 and not event.get("charging") for event in events) <= slept + 2
    assert slept
    assert len(by_vehicle("sleep")) < 30, "who is parked all the time is never heard of"


def test_what_parked_vehicles_send_makes_no_difference_to_what_the_others_do() -> None:
    everything = {(event["vehicle_id"], event["ts"]): event for event in events_of(stream("send"))}
    for event in events_of(stream("heartbeat")) + events_of(stream("sleep")):
        assert event == everything[event["vehicle_id"], event["ts"]]


def test_the_times_and_vehicles_of_a_step_are_those_in_its_payloads() -> None:
    fleet = new_fleet()
    for step in islice(fleet.steps(), 50):
        assert len(step.payloads) == len(step.vehicles)
        assert (np.diff(step.times) > 0).all()
        for vehicle, time, payload in zip(
            step.vehicles, step.times[step.vehicles], step.payloads, strict=True
        ):
            event = msgspec.json.decode(payload)
            assert event["vehicle_id"] == fleet.vehicle_ids[vehicle]
            assert round(datetime.fromisoformat(event["ts"]).timestamp() * 1e6) == int(time)


def test_a_vehicle_that_charges_is_awake() -> None:
    reporting = Reporting(2, RegionOptions(parked="sleep"))
    assert reporting.who(0.0, np.array([True, False])) is not None
    who = reporting.who(1.0, np.array([False, True]))
    assert who is None, "one says that it fell asleep, the other is awake"
    who = reporting.who(2.0, np.array([False, True]))
    assert who is not None
    assert who.tolist() == [1]


def test_a_recording_of_the_region_has_each_event_on_the_topic_of_its_vehicle(tmp_path: Path) -> None:
    file = tmp_path / "region.jsonl"
    region = ("--world", "region", "--start", "2026-03-03T09:00:00Z")
    main([*region, "--vehicles", "12", "--duration", "90", "--parked", "sleep", "--output", str(file)])
    count = 0
    for batch in open_recording(file).read():
        for topic, payload in zip(batch.topics, batch.payloads, strict=True):
            assert topic == f"fleet/telemetry/{msgspec.json.decode(payload)['vehicle_id']}"
            count += 1
    assert 0 < count < 12 * 90


def test_the_map_is_that_of_the_roads_that_vehicles_drive_on(tmp_path: Path) -> None:
    file = tmp_path / "roads.geojson"
    main(["roads", "--seed", "7", "--output", str(file)])
    lines = [
        np.array(feature["geometry"]["coordinates"])
        for feature in msgspec.json.decode(file.read_bytes())["features"]
        if feature["geometry"]["type"] == "LineString"
    ]
    place = load().simulator
    for event in events_of(steps(1, "send", latitude=place.latitude, longitude=place.longitude)):
        here = np.array([event["longitude"], event["latitude"]])
        assert min(_distance(here, line) for line in lines) < 1e-4


def _distance(point: np.ndarray[Any, Any], line: np.ndarray[Any, Any]) -> float:
    start, along = line[:-1], np.diff(line, axis=0)
    share = ((point - start) * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-18)
    nearest = start + share.clip(0.0, 1.0)[:, None] * along
    return float(np.hypot(*(point - nearest).T).min())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--world", "moon"), "--help"),
        (("--electric-share", "1.5"), "at most 1"),
        (("--heartbeat", "0"), "above 0"),
        (("--parked", "never"), "--help"),
        (("roads",), "--output"),
        (("roads", "--output", "/nowhere/roads.geojson"), "/nowhere/roads.geojson"),
    ],
)
def test_a_wrong_option_of_the_region_is_reported_on_one_line(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code in (1, 2)
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert expected in line
