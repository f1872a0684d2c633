"""Every format of the simulator, as the decoder reads it by its settings file: the same events as plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from config.settings import DEFAULT_FILE, load
from dataflows.decode import Decoded
from sim.formats import FORMATS
from tests.support.simulated import Run, Simulator, values_by_event

CONFIG = DEFAULT_FILE.parent
FORMS = [name for name in FORMATS if name != "plain"]
SMALL = ("--vehicles", "4", "--duration", "90", "--faults-per-hour", "1500", "--seed", "4")

Event = dict[str, float]
Events = dict[tuple[str, int], Event]
Expected = dict[str, tuple[Callable[[Event], float | None], float]]
"""Signal of the format → its value in terms of the plain event (none: missing), and how exact it is."""


def same(signal: str, tolerance: float = 1e-9) -> tuple[Callable[[Event], float | None], float]:
    return lambda event: event.get(signal), tolerance


def battery_level(event: Event) -> float | None:
    return (event["battery_voltage"] - 6.0) * 10.0 if "battery_voltage" in event else None


POSITION = {"latitude": same("latitude"), "longitude": same("longitude")}
EXPECTED: dict[str, Expected] = {
    "spring-fleet": POSITION
    | {
        "speed": same("speed"),
        "temperature": same("engine_temperature"),
        "battery": (battery_level, 0.051),
        "fuelLevel": same("fuel"),
        "speedLimit": same("speed_limit"),
        "trafficLevel": same("traffic"),
    },
    "digital-twin": POSITION | {"speed": same("speed"), "battery": same("fuel")},
    "teslamate": POSITION | {"speed": same("speed", 0.51), "battery_level": same("fuel", 0.51)},
    "traccar": POSITION
    | {
        "speed": same("speed", 1e-3),
        "rpm": same("rpm"),
        "throttle": same("throttle"),
        "coolant_temperature": same("engine_temperature"),
        "voltage": same("battery_voltage"),
        "fuel": same("fuel"),
        "acceleration": same("acceleration"),
        "speed_limit": same("speed_limit", 1e-3),
    },
}
COMPUTED = {"spring-fleet": {"previousSpeed", "acceleration"}, "teslamate": {"power"}}
"""Signals that follow from several plain values, each with a test of its own."""


def settings_file(form: str) -> Path:
    return CONFIG / f"{form}.toml"


def run(simulator: Simulator, form: str, *arguments: str) -> Run:
    return simulator(*SMALL, "--format", form, *arguments, settings_file=settings_file(form))


def events(decoded: Decoded, file: Path = DEFAULT_FILE) -> Events:
    return values_by_event(decoded, list(load(file).signals))


@pytest.fixture
def plain(simulator: Simulator) -> Events:
    return events(simulator(*SMALL).decoded())


@pytest.mark.parametrize("form", FORMS)
def test_the_dataflow_reads_every_format_back(form: str, simulator: Simulator, plain: Events) -> None:
    file = settings_file(form)
    found = events(run(simulator, form).decoded(file), file)
    expected = at_the_end_of_their_step(plain) if form == "digital-twin" else plain
    assert set(found) == set(expected)
    missing = 0
    for place, event in found.items():
        for signal, (value, tolerance) in EXPECTED[form].items():
            wanted = value(expected[place])
            missing += wanted is None
            assert event.get(signal) == (None if wanted is None else pytest.approx(wanted, abs=tolerance))
    assert missing
    covered = {*EXPECTED[form], *COMPUTED.get(form, ())}
    assert covered == set(load(file).signals)


def at_the_end_of_their_step(plain: Events) -> Events:
    """The time of a twin is that of the message with the whole fleet: when the last vehicle has reported."""
    times = sorted({time for _, time in plain})
    last = {time: times[index - index % 4 + 3] for index, time in enumerate(times)}
    return {(vehicle, last[time]): event for (vehicle, time), event in plain.items()}


def test_previous_speed_and_acceleration_of_a_spring_event_are_those_since_the_one_before(
    simulator: Simulator,
) -> None:
    file = settings_file("spring-fleet")
    found = events(run(simulator, "spring-fleet").decoded(file), file)
    own = [event for (vehicle, _), event in sorted(found.items()) if vehicle == "VEH-0002"]
    compared = 0
    for before, event in pairwise(own):
        assert event.get("previousSpeed") == before.get("speed")
        if "speed" in event and "speed" in before:
            assert event["acceleration"] == pytest.approx(event["speed"] - before["speed"], abs=1e-6)
            compared += 1
        else:
            assert "acceleration" not in event
    assert compared > 50


def test_the_power_of_a_tesla_follows_its_speed_and_acceleration(simulator: Simulator, plain: Events) -> None:
    file = settings_file("teslamate")
    found = events(run(simulator, "teslamate").decoded(file), file)
    for place, event in found.items():
        measured = plain[place]
        if "speed" not in measured or "acceleration" not in measured:
            assert "power" not in event
        elif measured["speed"] == 0.0:
            assert event["power"] == 0.0
        elif abs(measured["acceleration"]) > 0.5 and measured["speed"] > 5.0:
            assert (event["power"] > 0.0) == (measured["acceleration"] > 0.0)
    cruising = [found[p]["power"] for p, e in plain.items() if "power" in found[p] and 48 < e["speed"] < 52]
    assert max(cruising) < 100.0


def test_a_tesla_sends_the_bare_value_of_each_signal_on_a_topic_of_its_own(simulator: Simulator) -> None:
    batch = run(simulator, "teslamate").batch
    topics = [f"teslamate/cars/VEH-0001/{name}" for name in ("speed", "power", "battery_level")]
    assert batch.topics[:3] == topics
    assert all(msgspec.json.decode(payload) is not None for payload in batch.payloads[:5])
    assert {batch.payloads[batch.topics.index("teslamate/cars/VEH-0001/shift_state")]} == {b"D"}


def test_a_digital_twin_is_a_message_a_step_with_the_whole_fleet(simulator: Simulator) -> None:
    batch = run(simulator, "digital-twin").batch
    assert len(batch) == 90
    fleet = [f"VEH-000{number}" for number in range(1, 5)]
    assert all(list(msgspec.json.decode(payload)) == fleet for payload in batch.payloads)


def test_speeds_of_traccar_are_in_knots_and_its_times_as_jackson_writes_them(simulator: Simulator) -> None:
    first = msgspec.json.decode(run(simulator, "traccar").batch.payloads[0])
    plain = simulator(*SMALL).events[0][1]
    assert first["position"]["speed"] * 1.852 == pytest.approx(plain["speed"], abs=1e-3)
    assert first["position"]["fixTime"] == "2026-01-31T12:00:00.000+00:00"
    assert first["device"]["uniqueId"] == "VEH-0001"


def test_no_format_holds_the_ground_truth_and_all_have_the_same(simulator: Simulator) -> None:
    runs = [run(simulator, form) for form in FORMS]
    assert {each.truth for each in runs} == {simulator(*SMALL).truth}
    assert not any(b"nomaly" in payload for each in runs for payload in each.batch.payloads)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_arguments_give_the_same_bytes_in_every_format(form: str, simulator: Simulator) -> None:
    network = "--network", "duplicates=0.1,loss=0.1,reorder=0.1,delay=3,gaps=20"
    first, second = (run(simulator, form, *network).file.read_bytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("form", FORMS)
def test_a_network_loses_the_same_events_in_every_format(form: str, simulator: Simulator) -> None:
    network = "--network", "loss=0.2"
    file = settings_file(form)
    arrived = places(events(simulator(*SMALL, *network).decoded()))
    found = places(events(run(simulator, form, *network).decoded(file), file))
    assert found == arrived
    assert 0.7 * 4 * 90 < arrived.total() < 0.9 * 4 * 90


def places(found: Events) -> Counter[tuple[str, float, float]]:
    """How often each vehicle was where, which is the same whatever the times."""
    return Counter((vehicle, event["latitude"], event["longitude"]) for (vehicle, _), event in found.items())
