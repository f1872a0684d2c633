"""Each fault does what its kind says, where and when the ground truth says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.events import FaultKind, InjectedFault
from sim import faults
from sim.fleet import Fleet
from sim.vehicle import VehiclePhysics

Event = dict[str, Any]
Streams = tuple[dict[str, list[Event]], dict[str, list[Event]], list[InjectedFault]]

VEHICLES = 15
STEPS = 600
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
END = START + timedelta(seconds=STEPS)


def events(
    faults_per_hour: float, *, vehicles: int = VEHICLES, steps: int = STEPS, seed: int = 3, rate: float = 1.0
) -> tuple[dict[str, list[Event]], list[InjectedFault]]:
    """Events by vehicle, and the ground truth."""
    fleet = Fleet(
        vehicles=vehicles,
        rate=rate,
        seed=seed,
        faults_per_hour=faults_per_hour,
        latitude=48.1,
        longitude=11.5,
        start=START,
    )
    by_vehicle: dict[str, list[Event]] = {vehicle_id: [] for vehicle_id in fleet.vehicle_ids}
    injected: list[InjectedFault] = []
    for step in islice(fleet.steps(), steps):
        injected += step.faults
        for payload in step.payloads:
            event = msgspec.json.decode(payload)
            by_vehicle[event["vehicle_id"]].append(event)
    return by_vehicle, injected


@pytest.fixture(scope="module")
def normal() -> dict[str, list[Event]]:
    return events(0.0)[0]


@pytest.fixture(scope="module")
def faulty(normal: dict[str, list[Event]]) -> Callable[[FaultKind], Streams]:
    """The same fleet without faults and with many of one kind, and the ground truth."""

    @cache
    def generate(kind: FaultKind) -> Streams:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(faults, "KINDS", (kind,))
            with_faults, injected = events(30.0)
        assert len(injected) > 20
        assert {fault.kind for fault in injected} == {kind}
        return normal, with_faults, injected

    return generate


def finished(injected: list[InjectedFault]) -> list[InjectedFault]:
    """Faults that end before the stream does."""
    return [fault for fault in injected if fault.ends_at < END]


def when(event: Event) -> datetime:
    return datetime.fromisoformat(event["ts"])


def during(fault: InjectedFault, by_vehicle: dict[str, list[Event]]) -> list[Event]:
    return [event for event in by_vehicle[fault.vehicle_id] if fault.starts_at <= when(event) < fault.ends_at]


def before(fault: InjectedFault, by_vehicle: dict[str, list[Event]]) -> Event:
    return next(event for event in reversed(by_vehicle[fault.vehicle_id]) if when(event) < fault.starts_at)


def test_without_a_fault_rate_nothing_is_injected() -> None:
    assert events(0.0, steps=50)[1] == []


@pytest.mark.parametrize(
    "kind",
    [
        "overheating",
        "battery_failure",
        "stuck_sensor",
        "spiking_sensor",
        "drifting_sensor",
        "missing_sensor",
    ],
)
@pytest.mark.long
def test_ground_truth_covers_exactly_the_changed_values(
    kind: FaultKind, faulty: Callable[[FaultKind], Streams]
) -> None:
    normal, with_faults, injected = faulty(kind)
    changed = {
        (vehicle_id, signal, when(event))
        for vehicle_id, stream in normal.items()
        for event, other in zip(stream, with_faults[vehicle_id], strict=True)
        for signal in event
        if event[signal] != other.get(signal)
    }
    announced = {
        (fault.vehicle_id, signal, when(event))
        for fault in injected
        for signal in fault.signals
        for event in during(fault, normal)
    }
    assert changed - announced == set()
    if kind == "spiking_sensor":  # readings are correct between the spikes
        assert {(f.vehicle_id, f.signals[0], f.starts_at) for f in injected} <= changed
    elif kind == "stuck_sensor":  # readings are correct now and then by chance, and while the vehicle stands
        assert len(changed) > 0.9 * len(announced)
    else:
        assert announced == changed


@pytest.mark.parametrize("kind", ["sudden_deceleration", "overspeed"])
@pytest.mark.long
def test_a_driver_fault_changes_nothing_before_it_starts_or_in_other_vehicles(
    kind: FaultKind, faulty: Callable[[FaultKind], Streams]
) -> None:
    normal, with_faults, injected = faulty(kind)
    for vehicle_id, stream in normal.items():
        first = min((fault.starts_at for fault in injected if fault.vehicle_id == vehicle_id), default=END)
        assert [e for e in stream if when(e) < first] == [
            e for e in with_faults[vehicle_id] if when(e) < first
        ]
    assert all(fault.signals == ("speed", "acceleration", "rpm", "throttle") for fault in injected)


def test_sudden_deceleration_brakes_at_8_to_11_and_the_speed_follows(
    faulty: Callable[[FaultKind], Streams],
) -> None:
    _, with_faults, injected = faulty("sudden_deceleration")
    for fault in finished(injected):
        speed = before(fault, with_faults)["speed"]
        for event in during(fault, with_faults):
            assert -11.3 <= event["acceleration"] <= -7.7
            assert event["speed"] - speed == pytest.approx(event["acceleration"] * 3.6, abs=1.5)
            speed = event["speed"]


def test_an_overspeeding_vehicle_far_exceeds_the_limit_and_slows_down_again(
    faulty: Callable[[FaultKind], Streams],
) -> None:
    _, with_faults, injected = faulty("overspeed")
    for fault in finished(injected):
        excess = np.array([event["speed"] - event["speed_limit"] for event in during(fault, with_faults)])
        assert 20 <= len(excess) <= 80
        assert excess.max() > 40.0
        assert (excess > 25.0).mean() > 0.4
        assert excess[-1] < 15.0


def test_an_overheating_engine_climbs_over_a_minute_to_115_to_140_degrees(
    faulty: Callable[[FaultKind], Streams],
) -> None:
    _, with_faults, injected = faulty("overheating")
    for fault in finished(injected):
        heat = [event["engine_temperature"] for event in during(fault, with_faults)]
        assert fault.signals == ("engine_temperature",)
        assert 113.0 < max(heat) < 142.0
        assert int(np.argmax(heat)) >= 45
        assert np.abs(np.diff(heat)).max() < 3.0


def test_a_failing_battery_falls_to_8_to_11_volts(faulty: Callable[[FaultKind], Streams]) -> None:
    _, with_faults, injected = faulty("battery_failure")
    for fault in finished(injected):
        voltage = [event["battery_voltage"] for event in during(fault, with_faults)]
        assert fault.signals == ("battery_voltage",)
        assert 7.5 < np.median(voltage[12:]) < 11.5
        assert voltage[0] > voltage[6]


def test_a_stuck_sensor_repeats_its_last_reading(faulty: Callable[[FaultKind], Streams]) -> None:
    _, with_faults, injected = faulty("stuck_sensor")
    for fault in finished(injected):
        (signal,) = fault.signals
        values = {event[signal] for event in during(fault, with_faults)}
        assert values == {before(fault, with_faults)[signal]}


def test_the_field_of_a_missing_sensor_is_absent(faulty: Callable[[FaultKind], Streams]) -> None:
    _, with_faults, injected = faulty("missing_sensor")
    for fault in finished(injected):
        assert all(fault.signals[0] not in event for event in during(fault, with_faults))


def test_a_spiking_sensor_jumps_now_and_then(faulty: Callable[[FaultKind], Streams]) -> None:
    normal, with_faults, injected = faulty("spiking_sensor")
    spikes = 0
    total = 0
    for fault in finished(injected):
        (signal,) = fault.signals
        pairs = zip(during(fault, normal), during(fault, with_faults), strict=True)
        errors = [abs(disturbed[signal] - undisturbed[signal]) for undisturbed, disturbed in pairs]
        spikes += sum(error > 0 for error in errors)
        total += len(errors)
        least = {"acceleration": 4.0, "battery_voltage": 1.5, "rpm": 1500.0}.get(signal, 8.0)
        assert all(error == 0 or error > least for error in errors)
    assert 0.15 < spikes / total < 0.4


def test_a_drifting_sensor_deviates_further_with_every_event(
    faulty: Callable[[FaultKind], Streams],
) -> None:
    normal, with_faults, injected = faulty("drifting_sensor")
    for fault in finished(injected):
        (signal,) = fault.signals
        pairs = zip(during(fault, normal), during(fault, with_faults), strict=True)
        errors = [abs(disturbed[signal] - undisturbed[signal]) for undisturbed, disturbed in pairs]
        assert errors[-1] > errors[len(errors) // 2] > errors[0] or errors[-1] == errors[len(errors) // 2]
        assert errors[-1] > 2.0 or signal == "battery_voltage"


def injected_into_cruising_vehicles(
    vehicles: int, steps: int, seed: int, faults_per_hour: float, rate: float
) -> list[faults.Fault]:
    """Faults of vehicles in which every fault has an effect at any time, so that none has to wait."""
    physics = VehiclePhysics(vehicles, np.random.SeedSequence(1), latitude=48.1, longitude=11.5)
    physics.speed = np.full(vehicles, 14.0)
    physics.limit = np.full(vehicles, 50.0)
    physics.engine.temperature[:] = 90.0
    injector = faults.FaultInjector(
        vehicles, np.random.SeedSequence(seed), faults_per_hour=faults_per_hour, rate=rate
    )
    return [fault for step in range(steps) for fault in injector.start_due(step, physics)]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    faults_per_hour=st.floats(1.0, 2000.0),
    rate=st.sampled_from([0.1, 1.0, 3.0]),
)
@pytest.mark.long
def test_faults_of_a_vehicle_never_overlap_or_touch(seed: int, faults_per_hour: float, rate: float) -> None:
    injected = injected_into_cruising_vehicles(4, 1000, seed, faults_per_hour, rate)
    for vehicle in range(4):
        own = [fault for fault in injected if fault.vehicle == vehicle]
        assert all(0 < fault.start < fault.end for fault in own)
        assert all(later.start > earlier.end for earlier, later in pairwise(own))


def test_the_number_of_faults_matches_the_rate() -> None:
    injected = injected_into_cruising_vehicles(50, 7200, 1, 6.0, 1.0)
    expected = 50 * 6.0 * 2
    assert abs(len(injected) - expected) < 4 * expected**0.5


def test_every_kind_of_fault_occurs() -> None:
    _, injected = events(60.0, vehicles=40, steps=300)
    assert {fault.kind for fault in injected} == set(faults.KINDS)
