"""Slow faults: they get worse until they end, show in their signals, and harm nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import InjectedFault, SlowFaultKind
from sim import faults, fleet
from sim.damage import Damage
from sim.fleet import Fleet
from sim.powertrain import Powertrain
from sim.region.options import RegionOptions
from sim.routes import FloatArray
from sim.slow_faults import SLOW_KINDS, develop

VEHICLES = 24
STEPS = 2400
START = datetime(2026, 5, 5, 9, tzinfo=UTC)
OPTIONS = RegionOptions(electric_share=0.4, parked="send")

Series = dict[str, FloatArray]


def run(faults_per_hour: float, steps: int = STEPS) -> tuple[Series, list[InjectedFault], list[Damage]]:
    """Signal → steps × vehicles; the ground truth; the damage in every step."""
    simulated = Fleet(
        vehicles=VEHICLES,
        rate=1.0,
        seed=3,
        faults_per_hour=faults_per_hour,
        latitude=48.1,
        longitude=0.0,
        start=START,
        region=OPTIONS,
    )
    rows: list[list[dict[str, Any]]] = []
    injected: list[InjectedFault] = []
    damages = []
    for step in islice(simulated.steps(), steps):
        injected += step.faults
        rows.append([msgspec.json.decode(payload) for payload in step.payloads])
        damages.append(simulated.physics.engine.damage)
    names = sorted({name for row in rows[0] for name in row} - {"vehicle_id", "ts"})
    return (
        {name: np.array([[event.get(name, np.nan) for event in row] for row in rows]) for name in names},
        injected,
        damages,
    )


@pytest.fixture(scope="module")
def normal() -> Series:
    return run(0.0)[0]


@pytest.fixture(scope="module")
def faulty() -> Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]]:
    """The same fleet with faults of one kind."""

    @cache
    def generate(kind: SlowFaultKind) -> tuple[Series, list[InjectedFault], list[Damage]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fleet, "KINDS", ())
            patch.setattr(fleet, "SLOW_KINDS", (kind,))
            found = run(3.0)
        assert {fault.kind for fault in found[1]} == {kind}
        assert len(found[1]) >= 4
        return found

    return generate


def place(fault: InjectedFault) -> tuple[int, int, int]:
    """Vehicle, first step, step after the last."""
    begin = (fault.starts_at - START).total_seconds()
    end = (fault.ends_at - START).total_seconds()
    return int(fault.vehicle_id.rpartition("-")[2]) - 1, int(begin), min(int(end), STEPS)


@given(
    kind=st.sampled_from(SLOW_KINDS),
    seed=st.integers(0, 10_000),
    rate=st.sampled_from([0.05, 1.0, 4.0]),
    seconds=st.none() | st.floats(1.0, 5000.0),
)
def test_the_severity_never_falls_and_stays_between_0_and_1(
    kind: SlowFaultKind, seed: int, rate: float, seconds: float | None
) -> None:
    severity = develop(kind, np.random.default_rng(seed), rate, seconds)
    assert (np.diff(severity) >= 0.0).all()
    assert severity[0] > 0.0
    assert 0.5 <= severity[-1] <= 1.0
    if seconds is not None:
        assert len(severity) == max(1, round(seconds * rate))


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW_KINDS)
def test_the_damage_grows_from_onset_to_end_and_is_then_repaired(
    kind: SlowFaultKind, faulty: Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]]
) -> None:
    _, injected, damages = faulty(kind)
    severity = np.array([getattr(damage, kind) for damage in damages])
    covered = np.zeros(severity.shape, dtype=np.bool_)
    for fault in injected:
        vehicle, begin, end = place(fault)
        covered[begin:end, vehicle] = True
        assert (np.diff(severity[begin:end, vehicle]) >= 0.0).all()
        assert severity[end - 1, vehicle] <= fault.severity + 1e-3
        if end < STEPS:
            assert severity[end - 1, vehicle] == pytest.approx(fault.severity, abs=1e-3)
    np.testing.assert_array_equal(severity > 0.0, covered)


@pytest.mark.parametrize("kind", SLOW_KINDS)
def test_a_fault_changes_nothing_before_it_and_in_no_other_vehicle(
    kind: SlowFaultKind,
    normal: Series,
    faulty: Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]],
) -> None:
    disturbed, injected, _ = faulty(kind)
    onset = np.full(VEHICLES, STEPS)
    for fault in injected:
        vehicle, begin, _ = place(fault)
        onset[vehicle] = min(onset[vehicle], begin)
    assert (onset == STEPS).any()
    for name, values in normal.items():
        for vehicle in range(VEHICLES):
            np.testing.assert_array_equal(
                disturbed[name][: onset[vehicle], vehicle], values[: onset[vehicle], vehicle]
            )


def pairs(
    injected: list[InjectedFault], normal: Series, disturbed: Series, signal: str
) -> list[tuple[FloatArray, FloatArray]]:
    """What a signal would have been and what it was, during each fault that lasted for 15 minutes."""
    found = []
    for fault in injected:
        vehicle, begin, end = place(fault)
        if signal in fault.signals and end - begin > 900:
            found.append((normal[signal][begin:end, vehicle], disturbed[signal][begin:end, vehicle]))
    return found


def test_an_engine_that_loses_coolant_settles_hotter_over_many_minutes(
    normal: Series, faulty: Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]]
) -> None:
    disturbed, injected, _ = faulty("coolant_leak")
    highest = [
        (float((heat - healthy).max()), float(np.abs(np.diff(heat)).max()))
        for healthy, heat in pairs(injected, normal, disturbed, "engine_temperature")
    ]
    assert max(hotter for hotter, _ in highest) > 12.0
    # No jump: unlike a sensor, an engine has a heat capacity.
    assert all(jump < 2.0 for _, jump in highest)
    assert all(fault.signals == ("engine_temperature",) for fault in injected)


@pytest.mark.parametrize("speed", [0.0, 14.0, 28.0])
def test_the_temperature_at_which_an_engine_settles_rises_with_the_severity(speed: float) -> None:
    settled = []
    for severity in (0.0, 0.5, 0.75, 1.0):
        engine = Powertrain(4, np.random.default_rng(1))
        engine.damage = replace(Damage.none(4), coolant_leak=np.full(4, severity))
        speeds, never = np.full(4, speed), np.zeros(4, dtype=np.bool_)
        engine.engage(speeds)
        for _ in range(3600):
            engine.step(speeds, np.zeros(4), never, ~never, 0.5)
        settled.append(engine.temperature)
    assert (np.diff(settled, axis=0) > 0.2).all()
    assert (settled[0] < 100.0).all()
    assert (settled[3] > 112.0).all()


def test_a_weak_battery_sags_under_load_and_a_weak_traction_battery_empties_sooner(
    normal: Series, faulty: Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]]
) -> None:
    disturbed, injected, _ = faulty("weak_battery")
    voltages = pairs(injected, normal, disturbed, "battery_voltage")
    lost = [float((before - after)[-300:].mean()) for before, after in voltages]
    assert min(lost) > 0.03
    assert max(lost) > 0.25
    ranges = pairs(injected, normal, disturbed, "range")
    assert ranges
    assert all(after[-1] < 0.9 * before[-1] for before, after in ranges)


def test_dragging_brakes_cost_fuel_or_charge(
    normal: Series, faulty: Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]]
) -> None:
    disturbed, injected, _ = faulty("brake_drag")
    checked = 0
    for fault in injected:
        vehicle, begin, end = place(fault)
        signal = "fuel" if "fuel" in fault.signals else "state_of_charge"
        used, far = [], []
        for series in (normal, disturbed):
            level, odometer = series[signal][begin:end, vehicle], series["odometer"][begin:end, vehicle]
            used.append(float(np.maximum(-np.diff(level), 0.0).sum()))
            far.append(float(odometer[-1] - odometer[0]))
        if min(far) > 8.0:
            assert used[1] / far[1] > 1.1 * used[0] / far[0]
            checked += 1
    assert checked


def test_a_leaking_tyre_loses_pressure_and_the_other_three_do_not(
    normal: Series, faulty: Callable[[SlowFaultKind], tuple[Series, list[InjectedFault], list[Damage]]]
) -> None:
    disturbed, injected, _ = faulty("tyre_leak")
    for fault in injected:
        vehicle, begin, end = place(fault)
        (leaking,) = fault.signals
        for name in (name for name in normal if name.startswith("tyre_pressure")):
            lost = normal[name][begin:end, vehicle] - disturbed[name][begin:end, vehicle]
            if name == leaking:
                trend = lost[: len(lost) // 60 * 60].reshape(-1, 60).mean(axis=1)
                assert (np.diff(trend) > -0.01).all()
                assert lost[-1] > 0.5 * 0.5 * (end - begin) / 3600.0
            else:
                np.testing.assert_array_equal(lost, 0.0)


def test_a_kind_that_a_vehicle_cannot_have_does_not_happen_to_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet, "KINDS", faults.KINDS)
        series, injected, _ = run(60.0, steps=600)
    kinds = {fault.kind for fault in injected}
    assert len(kinds) >= 9
    for fault in injected:
        vehicle = place(fault)[0]
        electric = np.isfinite(series["power"][0, vehicle])
        if electric:
            assert fault.kind not in ("overheating", "coolant_leak")
            assert not {"rpm", "engine_temperature", "fuel"} & set(fault.signals)
        else:
            assert not {"power", "state_of_charge", "range"} & set(fault.signals)
        assert fault.signals


def test_the_city_has_no_slow_faults_at_random() -> None:
    assert not set(SLOW_KINDS) & set(faults.KINDS)
