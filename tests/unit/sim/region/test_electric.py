"""Electric vehicles: where their energy goes and comes from."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sim.damage import Damage
from sim.electric import ElectricDrive
from sim.routes import FloatArray

VEHICLES = 4
NOBODY = np.zeros(VEHICLES, dtype=np.bool_)
ALL = ~NOBODY


def new_drive(ambient: float = 20.0) -> ElectricDrive:
    drive = ElectricDrive(VEHICLES, np.random.default_rng(2), ambient)
    drive.state_of_charge = np.full(VEHICLES, 60.0)
    return drive


def follow(drive: ElectricDrive, speeds: FloatArray) -> FloatArray:
    """Drive by a profile of speeds, one a second; returns the powers, kW."""
    powers = []
    for before, after in pairwise(speeds):
        drive.step(np.full(VEHICLES, after), np.full(VEHICLES, after - before), NOBODY, ALL, 1.0)
        powers.append(drive.power)
    return np.array(powers)


def test_the_charge_falls_by_the_energy_that_the_battery_gives() -> None:
    drive = new_drive()
    before = drive.state_of_charge
    powers = follow(drive, np.concatenate((np.linspace(0.0, 25.0, 20), np.full(900, 25.0))))
    used = (before - drive.state_of_charge) / 100.0 * drive.capacity / 1000.0
    given = powers.sum(axis=0)
    assert (used > given).all(), "the inner resistance costs something too"
    np.testing.assert_allclose(used, given, rtol=0.04)


def test_a_compact_uses_10_to_25_kwh_per_100_km_at_100_km_h() -> None:
    drive = new_drive()
    powers = follow(drive, np.full(3600, 100.0 / 3.6))
    assert powers.mean(axis=0).min() > 9.0
    assert powers.mean(axis=0).max() < 30.0


def test_braking_gives_back_a_part_of_the_kinetic_energy() -> None:
    drive = new_drive()
    kinetic = 0.5 * drive.mass * 20.0**2 / 1000.0
    powers = follow(drive, np.linspace(20.0, 0.0, 21))
    assert (powers.min(axis=0) < -5.0).all()
    recovered = -np.minimum(powers, 0.0).sum(axis=0)
    assert (recovered > 0.3 * kinetic).all()
    assert (recovered < 0.75 * kinetic).all()


def test_a_charger_raises_the_charge_by_its_power_and_less_when_nearly_full() -> None:
    drive = new_drive()
    drive.state_of_charge = np.array([30.0, 55.0, 80.0, 100.0])
    drive.charger = np.full(VEHICLES, 50e3)
    before = drive.state_of_charge
    for _ in range(60):
        drive.step(np.zeros(VEHICLES), np.zeros(VEHICLES), NOBODY, NOBODY, 1.0)
    gained = (drive.state_of_charge - before) / 100.0 * drive.capacity / 60.0 / 1000.0
    assert gained[:2] == pytest.approx(50.0, rel=0.05)
    assert 20.0 < gained[2] < 35.0
    assert drive.power[0] == pytest.approx(-50.0)
    assert drive.charging.tolist() == [True, True, True, False]
    assert drive.state_of_charge.max() <= 100.0


def test_the_range_is_what_is_driven_until_the_battery_is_empty() -> None:
    drive = new_drive()
    follow(drive, np.full(2500, 22.0))
    predicted = drive.range
    follow(drive, np.full(1200, 22.0))
    np.testing.assert_allclose(predicted - drive.range, 1200 * 0.022, rtol=0.1)


def test_heating_in_winter_costs_range() -> None:
    warm, cold = new_drive(20.0), new_drive(-10.0)
    profile = np.full(600, 15.0)
    assert (follow(cold, profile).mean(axis=0) > follow(warm, profile).mean(axis=0) + 1.5).all()


def test_the_battery_warms_up_under_load_and_cools_down_to_the_air() -> None:
    drive = new_drive()
    drive.temperature = np.full(VEHICLES, 20.0)
    follow(drive, np.full(1800, 36.0))
    hot = drive.temperature
    assert (hot > 20.5).all()
    for _ in range(20_000):
        drive.step(np.zeros(VEHICLES), np.zeros(VEHICLES), NOBODY, NOBODY, 4.0)
    assert drive.temperature == pytest.approx(20.0, abs=0.2)


def test_a_weak_battery_holds_less_and_dragging_brakes_cost_energy() -> None:
    profile = np.full(600, 20.0)
    used = {}
    for kind in ("", "weak_battery", "brake_drag"):
        drive = new_drive()
        if kind:
            drive.damage = replace(Damage.none(VEHICLES), **{kind: np.ones(VEHICLES)})  # type: ignore[arg-type]
        full_range = drive.range
        follow(drive, profile)
        used[kind] = 60.0 - drive.state_of_charge, full_range
    assert (used["weak_battery"][0] > 1.5 * used[""][0]).all()
    assert (used["weak_battery"][1] < 0.6 * used[""][1]).all()
    assert (used["brake_drag"][0] > 1.4 * used[""][0]).all()
