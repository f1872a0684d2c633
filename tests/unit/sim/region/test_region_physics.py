"""The laws of motion, heat and energy, over a morning of trips in a region without faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest

from sim.mixed_powertrain import MixedPowertrain
from sim.region.options import RegionOptions
from sim.region.physics import RegionPhysics
from sim.routes import METRES_PER_DEGREE, BoolArray, FloatArray
from sim.vehicle import DriverOverride

VEHICLES = 60
SECONDS = 4000
LATITUDE = 48.1
MORNING = datetime(2026, 5, 5, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Morning:
    """Seconds × vehicles."""

    speed: FloatArray
    acceleration: FloatArray
    odometer: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    heading: FloatArray
    limit: FloatArray
    temperature: FloatArray
    fuel: FloatArray
    charge: FloatArray
    power: FloatArray
    voltage: FloatArray
    running: FloatArray
    charging: FloatArray
    pressure: FloatArray
    outside: FloatArray


def new_physics(
    vehicles: int = VEHICLES, seed: int = 1, start: datetime = MORNING, electric_share: float = 0.4
) -> RegionPhysics:
    return RegionPhysics(
        vehicles,
        np.random.SeedSequence(seed),
        latitude=LATITUDE,
        longitude=0.0,
        start=start.timestamp(),
        options=RegionOptions(electric_share=electric_share),
    )


def advance(physics: RegionPhysics, seconds: int, override: DriverOverride | None = None) -> None:
    for _ in range(seconds):
        physics.advance(1.0, override or DriverOverride.none(len(physics.speed)))


@pytest.fixture(scope="module")
def driven() -> tuple[RegionPhysics, Morning]:
    physics = new_physics()
    rows = []
    for _ in range(SECONDS):
        advance(physics, 1)
        engine = physics.engine
        rows.append(
            (
                physics.speed,
                physics.acceleration,
                physics.odometer,
                *physics.position,
                physics.heading,
                physics.limit,
                engine.temperature,
                engine.fuel,
                engine.state_of_charge,
                engine.power,
                engine.voltage,
                engine.running.astype(np.float64),
                engine.charging,
                physics.tyres.pressure[0],
                np.full(VEHICLES, physics.weather.temperature),
            )
        )
    return physics, Morning(*(np.array(column) for column in zip(*rows, strict=True)))


@pytest.fixture(scope="module")
def morning(driven: tuple[RegionPhysics, Morning]) -> Morning:
    return driven[1]


@pytest.fixture(scope="module")
def engine(driven: tuple[RegionPhysics, Morning]) -> MixedPowertrain:
    return driven[0].engine


def moved(morning: Morning) -> tuple[FloatArray, FloatArray]:
    """Metres east and north from second to second."""
    east = np.diff(morning.longitude, axis=0) * METRES_PER_DEGREE * np.cos(np.radians(LATITUDE))
    return east, np.diff(morning.latitude, axis=0) * METRES_PER_DEGREE


def test_acceleration_is_the_change_of_speed_per_second(morning: Morning) -> None:
    np.testing.assert_allclose(morning.acceleration[1:], np.diff(morning.speed, axis=0), atol=1e-9)


def test_nobody_drives_backwards_or_accelerates_or_brakes_harder_than_a_driver_would(
    morning: Morning,
) -> None:
    assert morning.speed.min() >= 0.0
    assert morning.acceleration.min() >= -4.5
    assert morning.acceleration.max() <= 3.5


def test_the_odometer_is_the_integral_of_speed(morning: Morning) -> None:
    integral = ((morning.speed[1:] + morning.speed[:-1]) / 2.0).sum(axis=0)
    np.testing.assert_allclose(morning.odometer[-1] - morning.odometer[0], integral, rtol=3e-3, atol=1.0)


def test_positions_move_along_the_roads_as_far_as_the_odometer_says(morning: Morning) -> None:
    distance = np.hypot(*moved(morning))
    driven = np.diff(morning.odometer, axis=0)
    # A chord is shorter than the corner it cuts, and never longer.
    assert (distance <= driven + 0.02).all()
    assert distance.sum() == pytest.approx(driven.sum(), rel=0.01)


def test_the_way_along_the_edges_is_the_way_on_the_odometer() -> None:
    physics = new_physics(20)
    crossed = 0
    for _ in range(200):
        edge, along, odometer = physics.trips.edge, physics.trips.along, physics.odometer
        parked = physics.trips.parked
        advance(physics, 1)
        # Who sets off may turn around where it stands; over two nodes a second nobody drives.
        stays = (physics.trips.edge == edge) & ~parked
        crosses = (physics.trips.edge != edge) & ~parked
        moved = physics.trips.along - along + np.where(crosses, physics.graph.length[edge], 0.0)
        driven = physics.odometer - odometer
        np.testing.assert_allclose(moved[stays | crosses], driven[stays | crosses], atol=1e-6)
        crossed += int(crosses.sum())
    assert crossed > 20


def test_vehicles_are_on_a_road_at_every_moment(
    driven: tuple[RegionPhysics, Morning], morning: Morning
) -> None:
    graph = driven[0].graph
    for second in range(0, SECONDS, 400):
        for vehicle in range(0, VEHICLES, 7):
            place = float(morning.latitude[second, vehicle]), float(morning.longitude[second, vehicle])
            assert graph.nearest(*place)[2] < 6.0


def test_the_heading_is_where_a_vehicle_moves_to(morning: Morning) -> None:
    east, north = moved(morning)
    steady = np.hypot(east, north) > 5.0
    turned = (morning.heading[1:] - np.degrees(np.arctan2(east, north)) + 180.0) % 360.0 - 180.0
    # In the second in which it turns a corner, a vehicle has moved in both directions.
    assert np.percentile(np.abs(turned[steady]), 97.0) < 6.0
    assert (morning.heading >= 0.0).all()
    assert (morning.heading < 360.0).all()


def test_speeds_stay_within_what_the_most_hurried_drivers_do(morning: Morning) -> None:
    moving = morning.speed > 1.0
    over = (morning.speed * 3.6 / morning.limit)[moving]
    assert (over > 1.25).mean() < 0.001
    assert 0.5 < np.median(over) < 1.0
    assert set(np.unique(morning.limit)) == {30.0, 50.0, 70.0, 80.0, 100.0, 120.0}


def test_trips_end_where_vehicles_park_with_the_engine_off_and_others_begin(morning: Morning) -> None:
    starts = (np.diff(morning.running, axis=0) > 0.0).sum()
    stops = (np.diff(morning.running, axis=0) < 0.0).sum()
    assert starts > VEHICLES / 3
    assert stops > VEHICLES / 3
    assert (morning.speed[morning.running == 0.0] == 0.0).all()


def test_nobody_is_held_up_for_longer_than_a_light_is_red(morning: Morning) -> None:
    waiting = (morning.speed == 0.0) & (morning.running == 1.0)
    assert 0.005 < waiting.mean() < 0.2
    longest = 0
    for column in waiting.T:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], column.astype(np.int8), [0]))))
        longest = max(longest, *(edges[1::2] - edges[::2]), 0)
    assert longest < 60


def test_electric_vehicles_have_no_engine_and_the_others_no_charge(
    morning: Morning, engine: MixedPowertrain
) -> None:
    electric = engine.is_electric
    assert electric.sum() == round(0.4 * VEHICLES)
    for values in (morning.temperature, morning.fuel):
        assert np.isnan(values[:, electric]).all()
        assert np.isfinite(values[:, ~electric]).all()
    for values in (morning.charge, morning.power, morning.charging):
        assert np.isnan(values[:, ~electric]).all()
        assert np.isfinite(values[:, electric]).all()


def driving_for(morning: Morning, vehicle: int, seconds: int) -> slice | None:
    """A stretch of driving, warmed up, without a stop at a station."""
    running = morning.running[:, vehicle] == 1.0
    for start in range(300, SECONDS - seconds, 100):
        if running[start - 300 : start + seconds].all():
            return slice(start, start + seconds)
    return None


def energy_at_the_wheels(
    morning: Morning, vehicle: int, stretch: slice, mass: float, drag_area: float
) -> FloatArray:
    """J per second, from nothing but speeds: mass × acceleration, air drag and rolling resistance."""
    speed = morning.speed[stretch, vehicle]
    middle = (speed[1:] + speed[:-1]) / 2.0
    force = mass * np.diff(speed) + 0.5 * 1.2 * drag_area * middle**2 + 0.011 * 9.81 * mass * (middle > 0.0)
    return force * middle


def test_fuel_falls_by_the_work_that_driving_takes(morning: Morning, engine: MixedPowertrain) -> None:
    checked = 0
    combustion = engine.combustion
    for own, vehicle in enumerate(np.flatnonzero(~engine.is_electric).tolist()):
        stretch = driving_for(morning, vehicle, 900)
        if stretch is None:
            continue
        wheels = energy_at_the_wheels(
            morning, vehicle, stretch, float(combustion.mass[own]), float(combustion._drag_area[own])
        )
        power = wheels / 0.9 + 1500.0
        # 9.6 MJ of work per litre, and 0.7 l/h for turning over; none while coasting in gear.
        litres = (np.maximum(power, 0.0) / 9.6e6 + (power > 0.0) * 0.7 / 3600.0).sum()
        burnt = (morning.fuel[stretch.start, vehicle] - morning.fuel[stretch.stop - 1, vehicle]) / 100.0
        assert burnt * combustion._tank[own] == pytest.approx(litres, rel=0.08)
        checked += 1
    assert checked >= 3


def test_charge_falls_by_the_energy_that_the_battery_gives(morning: Morning, engine: MixedPowertrain) -> None:
    checked = 0
    for own, vehicle in enumerate(np.flatnonzero(engine.is_electric).tolist()):
        stretch = driving_for(morning, vehicle, 600)
        if stretch is None:
            continue
        given = morning.power[stretch, vehicle].sum()
        fallen = (morning.charge[stretch.start, vehicle] - morning.charge[stretch.stop - 1, vehicle]) / 100.0
        assert fallen * engine.drive.capacity[own] / 1000.0 == pytest.approx(given, rel=0.1)
        checked += 1
    assert checked >= 3


def test_parked_engines_cool_down_towards_the_air_and_warm_up_on_the_road(morning: Morning) -> None:
    off = (morning.running[1:] == 0.0) & (morning.running[:-1] == 0.0)
    change = np.diff(morning.temperature, axis=0)
    above = morning.temperature[:-1] - morning.outside[:-1]
    parked = off & (above > 5.0)
    assert parked.any()
    assert (change[parked] < 0.0).all()
    # Newton's law of cooling: the warmer, the faster.
    hot, lukewarm = parked & (above > 60.0), parked & (above < 40.0)
    if hot.any() and lukewarm.any():
        assert change[hot].mean() < 1.5 * change[lukewarm].mean()
    long_driven = morning.running.cumsum(axis=0)[-1] > 0.9 * SECONDS
    warm = morning.temperature[-1, long_driven]
    assert (warm[np.isfinite(warm)] > 75.0).all()
    assert np.nanmax(morning.temperature) < 105.0


def test_the_starter_takes_the_voltage_down_for_a_moment(morning: Morning, engine: MixedPowertrain) -> None:
    combustion = np.flatnonzero(~engine.is_electric)
    starts = [
        (int(second), int(vehicle))
        for vehicle in combustion
        for second in np.flatnonzero(np.diff(morning.running[:, vehicle]) > 0.0)
        if second + 12 < SECONDS
    ]
    assert starts
    for second, vehicle in starts:
        assert morning.voltage[second + 1, vehicle] < 12.5
        assert morning.voltage[second + 12, vehicle] > 13.0 or morning.running[second + 12, vehicle] == 0.0


def test_tyres_that_roll_have_more_pressure(morning: Morning) -> None:
    gained = morning.pressure[-1] - morning.pressure[0]
    driven = morning.odometer[-1] - morning.odometer[0]
    cold = morning.running[0] == 0.0
    far = driven > 15_000.0
    assert (gained[far & cold] > 0.02).all()
    assert np.abs(gained[driven == 0.0]).max(initial=0.0) < 0.02


def test_a_vehicle_low_on_energy_drives_to_a_station_fills_up_and_drives_on() -> None:
    physics = new_physics(12)
    combustion = int(np.flatnonzero(~physics.engine.is_electric & ~physics.trips.parked)[0])
    electric = int(np.flatnonzero(physics.engine.is_electric & ~physics.trips.parked)[0])
    own = np.flatnonzero(physics.engine.is_electric).tolist().index(electric)
    physics.engine.combustion.fuel[np.flatnonzero(~physics.engine.is_electric).tolist().index(combustion)] = (
        9.0
    )
    physics.engine.drive.state_of_charge[own] = 9.5
    refuelled: BoolArray = np.zeros(12, dtype=np.bool_)
    for _ in range(7000):
        advance(physics, 1)
        refuelled |= physics.trips.at_station
        stations = physics.graph.station
        assert np.isin(physics.trips.edge[physics.trips.at_station], stations).all()
        if refuelled[[combustion, electric]].all() and not physics.trips.at_station.any():
            break
    assert physics.engine.fuel[combustion] > 85.0
    assert physics.engine.state_of_charge[electric] > 60.0
    assert not physics.trips.at_station[[combustion, electric]].any()


def test_more_vehicles_are_on_the_road_in_the_morning_than_at_night() -> None:
    night = new_physics(200, start=MORNING.replace(hour=2))
    day = new_physics(200, start=MORNING)
    advance(night, 300)
    advance(day, 300)
    assert night.engine.running.mean() < 0.25 < 0.4 < day.engine.running.mean()


def test_people_drive_slower_and_brake_earlier_where_the_road_is_slippery() -> None:
    dry, icy = new_physics(40), new_physics(40)
    for physics in (dry, icy):
        # Weather that stays as it is.
        physics.weather.advance = lambda dt, now: None  # type: ignore[method-assign]
    dry.weather.grip, icy.weather.grip = 1.0, 0.32
    speeds = {}
    for name, physics in (("dry", dry), ("icy", icy)):
        hardest, total, moving = 0.0, 0.0, 0
        for _ in range(600):
            advance(physics, 1)
            hardest = min(hardest, float(physics.acceleration.min()))
            total += float(physics.speed.sum())
            moving += int((physics.speed > 0.0).sum())
        speeds[name] = total / moving, hardest
    assert speeds["icy"][0] < 0.9 * speeds["dry"][0]
    assert speeds["icy"][1] > 0.75 * speeds["dry"][1]


def test_an_override_of_one_driver_leaves_all_others_exactly_as_they_were() -> None:
    undisturbed, disturbed = new_physics(8), new_physics(8)
    chosen = int(np.flatnonzero(~undisturbed.trips.parked)[0])
    override = DriverOverride.none(8)
    override.excess[chosen] = 20.0
    advance(undisturbed, 400)
    advance(disturbed, 400, override)
    others = [vehicle for vehicle in range(8) if vehicle != chosen]
    np.testing.assert_array_equal(undisturbed.speed[others], disturbed.speed[others])
    np.testing.assert_array_equal(undisturbed.distance[others], disturbed.distance[others])
    assert disturbed.odometer[chosen] > undisturbed.odometer[chosen] + 500.0


def test_a_vehicle_that_is_sent_somewhere_arrives_there_and_parks() -> None:
    physics = new_physics(4)
    latitude, longitude = (float(value[0]) for value in physics.graph.to_degrees(*np.zeros((2, 1))))
    way, off = physics.way_to(2, latitude, longitude)
    physics.head_for(2, latitude, longitude)
    before = float(physics.odometer[2])
    for _ in range(4000):
        advance(physics, 1)
        if physics.trips.parked[2]:
            break
    assert physics.trips.parked[2]
    assert physics.odometer[2] - before == pytest.approx(way, abs=10.0)
    here = [float(value[2]) for value in physics.position]
    east = (here[1] - longitude) * METRES_PER_DEGREE * np.cos(np.radians(LATITUDE))
    assert np.hypot(east, (here[0] - latitude) * METRES_PER_DEGREE) < off + 60.0


@pytest.mark.parametrize("rate", [0.2, 5.0])
def test_trips_go_on_at_any_reporting_rate(rate: float) -> None:
    physics = new_physics(40)
    before = physics.odometer.copy()
    for _ in range(round(600 * rate)):
        physics.advance(1.0 / rate, DriverOverride.none(40))
    assert 1000.0 < (physics.odometer - before).mean() < 9000.0
