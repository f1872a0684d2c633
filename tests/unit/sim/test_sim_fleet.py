"""The stream of a fleet: its content and order, and that the seed decides all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import msgspec
import pytest

from config.settings import DEFAULT_FILE, load
from sim.fleet import Fleet, FleetStep

START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
CATALOGUE = {name: signal for name, signal in load(DEFAULT_FILE).signals.items() if not signal.is_derived}
"""What vehicles send."""


def new_fleet(**changes: Any) -> Fleet:
    arguments: dict[str, Any] = {
        "vehicles": 12,
        "rate": 1.0,
        "seed": 7,
        "faults_per_hour": 60.0,
        "latitude": 48.1,
        "longitude": 11.5,
        "start": START,
    }
    return Fleet(**(arguments | changes))


def steps(count: int, **changes: Any) -> list[FleetStep]:
    return list(islice(new_fleet(**changes).steps(), count))


def payloads(count: int, **changes: Any) -> list[bytes]:
    return [payload for step in steps(count, **changes) for payload in step.payloads]


def decoded(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [msgspec.json.decode(payload) for payload in payloads(count, **changes)]


@pytest.mark.parametrize("rate", [0.3, 1.0, 25.0])
def test_the_same_seed_gives_the_same_bytes(rate: float) -> None:
    assert payloads(120, rate=rate) == payloads(120, rate=rate)


def test_another_seed_gives_other_telemetry() -> None:
    assert payloads(3) != payloads(3, seed=8)


@pytest.mark.long
def test_the_same_seed_injects_the_same_faults() -> None:
    first = [fault for step in steps(300) for fault in step.faults]
    assert first == [fault for step in steps(300) for fault in step.faults]
    assert first


def test_a_payload_holds_exactly_the_measured_signals_of_the_catalogue() -> None:
    expected = ["vehicle_id", "ts", "sequence", *CATALOGUE]
    assert all(list(event) == expected for event in decoded(20, faults_per_hour=0.0))


@pytest.mark.long
def test_every_signal_is_plausible_for_an_hour_without_faults() -> None:
    hour = decoded(3600, vehicles=15, faults_per_hour=0.0)
    for name, signal in CATALOGUE.items():
        values = [event[name] for event in hour]
        assert signal.min is not None
        assert signal.max is not None
        assert signal.min <= min(values), name
        assert max(values) <= signal.max, name
    assert max(event["engine_temperature"] for event in hour) < 105.0
    assert min(event["battery_voltage"] for event in hour) > 12.0
    assert {event["traffic"] for event in hour} == {1, 2, 3, 4, 5}
    assert max(abs(event["latitude"] - 48.1) for event in hour) < 0.15
    assert max(abs(event["longitude"] - 11.5) for event in hour) < 0.2


def test_values_are_rounded_as_by_a_control_unit() -> None:
    for event in decoded(30):
        for signal, decimals in {"speed": 1, "throttle": 1, "battery_voltage": 2, "latitude": 6}.items():
            if signal in event:
                assert event[signal] == round(event[signal], decimals)
        assert all(
            isinstance(event[name], int) for name in ("rpm", "speed_limit", "traffic") if name in event
        )
    assert not any(b":-0.0," in payload for payload in payloads(300))


def test_vehicles_are_named_and_report_one_after_the_other_in_order_of_time() -> None:
    events = decoded(5, vehicles=4, rate=2.0)
    assert [event["vehicle_id"] for event in events[:4]] == ["VEH-0001", "VEH-0002", "VEH-0003", "VEH-0004"]
    assert [event["ts"] for event in events[:5]] == [
        "2026-03-01T08:30:00.000Z",
        "2026-03-01T08:30:00.125Z",
        "2026-03-01T08:30:00.250Z",
        "2026-03-01T08:30:00.375Z",
        "2026-03-01T08:30:00.500Z",
    ]


def test_every_vehicle_counts_its_events_without_a_gap() -> None:
    own = [event["sequence"] for event in decoded(50) if event["vehicle_id"] == "VEH-0003"]
    assert own == list(range(50))


def test_event_times_do_not_drift_at_a_rate_whose_period_is_not_whole_milliseconds() -> None:
    rate = 3.0
    last = steps(3 * 200 + 1, vehicles=1, rate=rate)[-1]
    assert int(last.times[0]) == int((START + timedelta(seconds=200)).timestamp() * 1e6)


def test_the_times_of_a_step_are_those_in_its_payloads() -> None:
    for step in steps(5):
        for time, payload in zip(step.times, step.payloads, strict=True):
            stamp = datetime.fromisoformat(msgspec.json.decode(payload)["ts"])
            assert int(time) == round(stamp.timestamp() * 1e6)


def test_the_live_stream_follows_the_warm_up_without_a_gap() -> None:
    events = [event for event in decoded(90, warm_up=60.0) if event["vehicle_id"] == "VEH-0002"]
    times = [datetime.fromisoformat(event["ts"]) for event in events]
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=1)}
    assert sum(time < START for time in times) == 60
    # The stream is that of a fleet that was live all along, except for the faults.
    earlier = payloads(90, start=START - timedelta(seconds=60), faults_per_hour=0.0)
    assert payloads(90, warm_up=60.0, faults_per_hour=0.0) == earlier


def test_faults_are_injected_only_after_the_warm_up() -> None:
    starts = [
        fault.starts_at for step in steps(240, warm_up=120.0, faults_per_hour=600.0) for fault in step.faults
    ]
    assert starts
    assert min(starts) >= START


def test_faults_are_announced_with_the_step_of_their_first_changed_event() -> None:
    fleet = new_fleet()
    for step in islice(fleet.steps(), 300):
        for fault in step.faults:
            index = fleet.vehicle_ids.index(fault.vehicle_id)
            assert round(fault.starts_at.timestamp() * 1e6) == int(step.times[index])


def test_ground_truth_is_not_in_the_telemetry() -> None:
    allowed = {"vehicle_id", "ts", "sequence", *CATALOGUE}
    assert all(set(event) <= allowed for event in decoded(300, faults_per_hour=300.0))


def test_faults_do_not_change_vehicles_that_have_none() -> None:
    disturbed = steps(200, vehicles=30, faults_per_hour=20.0)
    affected = {fault.vehicle_id for step in disturbed for fault in step.faults}
    assert 0 < len(affected) < 30
    undisturbed = decoded(200, vehicles=30, faults_per_hour=0.0)
    events = [msgspec.json.decode(payload) for step in disturbed for payload in step.payloads]
    for event, other in zip(undisturbed, events, strict=True):
        if event["vehicle_id"] not in affected:
            assert event == other
