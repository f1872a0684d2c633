"""Tyre pressure follows the law of ideal gases, and a leak."""

from __future__ import annotations

import numpy as np
import pytest

from sim.tyres import ATMOSPHERE, KELVIN, Tyres


def new_tyres(vehicles: int = 3, ambient: float = 10.0) -> Tyres:
    return Tyres(vehicles, np.random.default_rng(1), ambient)


def drive(tyres: Tyres, speed: float, seconds: int, ambient: float = 10.0) -> None:
    for _ in range(seconds):
        tyres.step(np.full(tyres.temperature.shape, speed), ambient, 1.0)


def test_absolute_pressure_over_absolute_temperature_stays_the_same() -> None:
    tyres = new_tyres()
    before = (tyres.pressure + ATMOSPHERE) / (tyres.temperature + KELVIN)
    drive(tyres, 30.0, 1500)
    assert (tyres.temperature > 25.0).all()
    after = (tyres.pressure + ATMOSPHERE) / (tyres.temperature + KELVIN)
    np.testing.assert_allclose(after, before, rtol=1e-4)


def test_a_tyre_settles_about_twenty_degrees_above_the_air_at_100_km_h() -> None:
    tyres = new_tyres()
    drive(tyres, 100.0 / 3.6, 8000)
    assert tyres.temperature == pytest.approx(10.0 + 20.8, abs=0.3)


def test_a_tyre_cools_down_to_the_air_when_parked() -> None:
    tyres = new_tyres()
    drive(tyres, 30.0, 3000)
    cold = new_tyres().pressure
    drive(tyres, 0.0, 12_000)
    assert tyres.temperature == pytest.approx(10.0, abs=0.2)
    np.testing.assert_allclose(tyres.pressure, cold, atol=0.01)


def test_a_leak_takes_air_out_of_one_tyre_of_one_vehicle_until_it_is_repaired() -> None:
    tyres = new_tyres()
    before = tyres.pressure
    tyres.let_out(np.array([0.0, 2.0, 0.0]), np.array([0.0, 0.6, 0.0]))
    fallen = before - tyres.pressure
    assert fallen[2, 1] > 0.3
    assert np.count_nonzero(fallen) == 1
    tyres.let_out(np.zeros(3), np.zeros(3))
    np.testing.assert_array_equal(tyres.pressure, before)


def test_a_tyre_that_has_lost_air_over_months_is_refilled_at_a_station() -> None:
    tyres = new_tyres()
    for _ in range(200):
        tyres.step(np.zeros(3), 10.0, 86_400.0)
    low = tyres.pressure
    tyres.refill(np.array([True, False, False]))
    assert (tyres.pressure[:, 0] > low[:, 0] + 0.1).all()
    np.testing.assert_array_equal(tyres.pressure[:, 1:], low[:, 1:])
