"""The laws of motion and of the engine, over an hour of a fleet without faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from sim.powertrain import AMBIENT_TEMPERATURE, ENGINE_OFF_VOLTAGE, TOP_GEAR, Powertrain
from sim.routes import METRES_PER_DEGREE, BoolArray, FloatArray, RoadNetwork
from sim.vehicle import DriverOverride, VehiclePhysics

VEHICLES = 50
SECONDS = 3600
LATITUDE = 48.1


@dataclass(frozen=True)
class Hour:
    """Seconds × vehicles."""

    speed: FloatArray
    acceleration: FloatArray
    odometer: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    rpm: FloatArray
    gear: FloatArray
    throttle: FloatArray
    temperature: FloatArray
    voltage: FloatArray
    fuel: FloatArray
    limit: FloatArray


def new_physics(vehicles: int = VEHICLES, seed: int = 1) -> VehiclePhysics:
    return VehiclePhysics(vehicles, np.random.SeedSequence(seed), latitude=LATITUDE, longitude=11.5)


@pytest.fixture(scope="module")
def hour() -> Hour:
    physics = new_physics()
    sensible = DriverOverride.none(VEHICLES)
    rows: list[tuple[FloatArray, ...]] = []
    for _ in range(SECONDS):
        physics.advance(1.0, sensible)
        engine = physics.engine
        assert isinstance(engine, Powertrain)
        rows.append(
            (
                physics.speed,
                physics.acceleration,
                physics.odometer,
                *physics.position,
                engine.rpm,
                engine.gear.astype(np.float64),
                engine.throttle,
                engine.temperature,
                engine.voltage,
                engine.fuel,
                physics.limit,
            )
        )
    return Hour(*(np.array(column) for column in zip(*rows, strict=True)))


def test_no_vehicle_ever_drives_backwards(hour: Hour) -> None:
    assert hour.speed.min() >= 0.0


def test_acceleration_is_the_change_of_speed_per_second(hour: Hour) -> None:
    np.testing.assert_allclose(hour.acceleration[1:], np.diff(hour.speed, axis=0), atol=1e-9)


def test_nobody_accelerates_or_brakes_harder_than_a_driver_would(hour: Hour) -> None:
    assert hour.acceleration.min() >= -4.5
    assert hour.acceleration.max() <= 3.0


def test_the_odometer_is_the_integral_of_speed(hour: Hour) -> None:
    integral = ((hour.speed[1:] + hour.speed[:-1]) / 2.0).sum(axis=0)
    np.testing.assert_allclose(hour.odometer[-1] - hour.odometer[0], integral, rtol=2e-3)


def test_the_position_moves_as_far_as_the_odometer_says(hour: Hour) -> None:
    north = np.diff(hour.latitude, axis=0) * METRES_PER_DEGREE
    east = np.diff(hour.longitude, axis=0) * METRES_PER_DEGREE * np.cos(np.radians(LATITUDE))
    moved = np.hypot(north, east)
    driven = np.diff(hour.odometer, axis=0)
    # A chord is a little shorter than the bend it cuts, and never longer.
    assert (moved <= driven * 1.005 + 1e-6).all()
    np.testing.assert_allclose(moved.sum(axis=0), driven.sum(axis=0), rtol=0.02)


def test_most_drivers_keep_to_the_limit(hour: Hour) -> None:
    assert (hour.speed * 3.6 > hour.limit * 1.15).mean() < 0.005


def test_vehicles_stop_at_lights_and_go_on(hour: Hour) -> None:
    standing = hour.speed == 0.0
    assert 0.01 < standing.mean() < 0.3
    # No light is red for longer than 40 s, and two in a row with a little driving between is all there is.
    assert _longest_run(standing) < 60


def test_engine_speed_is_proportional_to_speed_within_a_gear(hour: Hour) -> None:
    above_idle = hour.rpm > 1200.0
    for gear in range(TOP_GEAR + 1):
        chosen = above_idle & (hour.gear == gear)
        assert chosen.any(), f"gear {gear} is never used"
        ratio = hour.rpm[chosen] / hour.speed[chosen]
        np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-6)


def test_higher_gears_turn_the_engine_slower(hour: Hour) -> None:
    above_idle = hour.rpm > 1200.0
    ratios = [
        (hour.rpm[above_idle & (hour.gear == gear)] / hour.speed[above_idle & (hour.gear == gear)]).mean()
        for gear in range(TOP_GEAR + 1)
    ]
    assert ratios == sorted(ratios, reverse=True)


def test_throttle_follows_the_required_force(hour: Hour) -> None:
    hard = hour.throttle[(hour.acceleration > 1.0) & (hour.speed > 5.0)].mean()
    steady = hour.throttle[(np.abs(hour.acceleration) < 0.1) & (hour.speed > 5.0)].mean()
    braking = hour.throttle[(hour.acceleration < -1.5) & (hour.speed > 5.0)].mean()
    assert hard > steady + 20.0
    assert steady > braking + 5.0


def test_cold_engines_warm_up_to_the_thermostat_and_stay_there(hour: Hour) -> None:
    cold = hour.temperature[0] < 60.0
    assert 0 < cold.sum() < VEHICLES / 3
    assert (hour.temperature[-1] > 80.0).all()
    assert hour.temperature.min() >= AMBIENT_TEMPERATURE
    assert hour.temperature.max() < 102.0
    assert hour.temperature[:, ~cold].min() > 78.0


def test_the_alternator_holds_the_voltage(hour: Hour) -> None:
    assert hour.voltage.min() >= 13.4
    assert hour.voltage.max() <= 14.5


def test_fuel_only_decreases(hour: Hour) -> None:
    assert (np.diff(hour.fuel, axis=0) <= 0.0).all()
    burnt = hour.fuel[0] - hour.fuel[-1]
    assert 1.0 < burnt.mean() < 20.0


def test_a_vehicle_low_on_fuel_stops_refuels_with_the_engine_off_and_drives_on() -> None:
    physics = new_physics(3)
    physics.engine.fuel[0] = 7.9
    sensible = DriverOverride.none(3)
    filled = []
    for _ in range(150):
        physics.advance(1.0, sensible)
        if not physics.engine.running[0]:
            filled.append(float(physics.engine.fuel[0]))
            assert physics.speed[0] == 0.0
            assert physics.engine.rpm[0] == 0.0
            assert physics.engine.voltage[0] == pytest.approx(ENGINE_OFF_VOLTAGE, abs=0.1) or len(filled) < 6
    assert filled == sorted(filled)
    assert filled[-1] > 90.0
    assert physics.engine.running[0]
    assert physics.speed[0] > 0.0


def test_an_override_of_one_driver_leaves_all_others_exactly_as_they_were() -> None:
    undisturbed, disturbed = new_physics(5), new_physics(5)
    override = DriverOverride.none(5)
    override.excess[2] = 20.0
    for _ in range(60):
        undisturbed.advance(1.0, DriverOverride.none(5))
        disturbed.advance(1.0, override)
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(undisturbed.speed[others], disturbed.speed[others])
    np.testing.assert_array_equal(undisturbed.distance[others], disturbed.distance[others])
    np.testing.assert_array_equal(
        undisturbed.engine.temperature[others], disturbed.engine.temperature[others]
    )
    assert undisturbed.speed[2] < disturbed.speed[2]


@pytest.mark.parametrize("rate", [0.1, 1.0, 20.0])
def test_the_distance_driven_barely_depends_on_the_reporting_rate(rate: float) -> None:
    physics = new_physics(20)
    before = physics.odometer.copy()
    for _ in range(round(300 * rate)):
        physics.advance(1.0 / rate, DriverOverride.none(20))
    assert 5.0 < (physics.odometer - before).mean() / 300 < 20.0


def test_a_route_is_closed_and_measured_along_the_road() -> None:
    roads = RoadNetwork(4, np.random.default_rng(3), latitude=LATITUDE, longitude=11.5)
    for route in range(4):
        along = np.linspace(0.0, roads.length[route], 20_000, endpoint=False)
        latitude, longitude = roads.position(np.full(len(along), route), along)
        north = np.diff(latitude, append=latitude[0]) * METRES_PER_DEGREE
        east = np.diff(longitude, append=longitude[0]) * METRES_PER_DEGREE * np.cos(np.radians(LATITUDE))
        assert np.hypot(north, east).sum() == pytest.approx(roads.length[route], rel=0.01)
        assert np.hypot(north, east).max() < 2.0 * roads.length[route] / len(along)


def test_the_next_stop_line_is_ahead_and_gets_closer() -> None:
    roads = RoadNetwork(6, np.random.default_rng(3), latitude=LATITUDE, longitude=11.5)
    for route in range(6):
        along = np.arange(0.0, roads.length[route] - 1.0, 1.0)
        gap = roads.ahead(np.full(len(along), route), along, np.zeros(len(along))).stop_gap
        if np.isfinite(gap).any():
            assert gap.min() > -6.0  # within one sample behind the line
            approaching = np.diff(gap)
            assert set(np.round(approaching[approaching < 0.0], 6)) == {-1.0}


def _longest_run(flags: BoolArray) -> int:
    longest = 0
    for column in flags.T:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], column.astype(np.int8), [0]))))
        longest = max(longest, *(edges[1::2] - edges[::2]), 0)
    return longest
