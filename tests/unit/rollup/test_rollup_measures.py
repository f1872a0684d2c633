"""How far vehicles drive, how long they move and idle, and what they use, from whatever they send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from dataflows.events import Rollup
from tests.support.alert_streams import as_scored, events
from tests.support.rollup_streams import SIGNALS, Summaries, rollup_settings

NAN = float("nan")
SPEED, ODOMETER, FUEL, RPM = range(4)
OF = list(SIGNALS)


def rollup(
    rows: Sequence[tuple[float, dict[str, float]]], names: Sequence[str] = OF, **changed: dict[str, object]
) -> Rollup:
    """The one rollup of events of a vehicle: their seconds and values."""
    signals = {name: SIGNALS[name] | changed.get(name, {}) for name in names}
    summaries = Summaries(rollup_settings(signals))
    values = [[given.get(name, NAN) for name in names] for _, given in rows]
    summaries.fold(as_scored(events(["A"] * len(rows), [second for second, _ in rows], values)))
    summaries.finish()
    [found] = summaries.rollups()
    return found


def test_distance_is_the_mean_of_two_speeds_times_the_time_between() -> None:
    found = rollup([(0, {"speed": 36.0}), (10, {"speed": 72.0}), (20, {"speed": 0.0})])
    assert found.distance_km == pytest.approx(0.15 + 0.1)
    assert found.moving_s == 20.0


@pytest.mark.parametrize(
    ("unit", "metres"), [("m/s", 100.0), ("km/h", 100 / 3.6), ("mph", 44.704), ("kn", 51.4444)]
)
def test_speed_is_taken_in_its_unit(unit: str, metres: float) -> None:
    found = rollup([(0, {"speed": 10.0}), (10, {"speed": 10.0})], speed={"unit": unit})
    assert found.distance_km == pytest.approx(metres / 1000.0)


@pytest.mark.parametrize(("unit", "metres"), [("km", 2000.0), ("m", 2.0), ("mi", 3218.688)])
def test_an_odometer_is_taken_in_its_unit(unit: str, metres: float) -> None:
    found = rollup([(0, {"odometer": 7.0}), (50, {"odometer": 9.0})], odometer={"unit": unit})
    assert found.distance_km == pytest.approx(metres / 1000.0)


def test_signals_that_are_sent_one_by_one_give_the_same_as_together() -> None:
    together, alone = [], []
    for second in range(0, 50, 5):
        values = {"speed": 3.6 * second, "fuel": 60.0 - second, "rpm": 700.0}
        together.append((float(second), values))
        alone += [(float(second), {name: value}) for name, value in values.items()]
    for found in (rollup(together), rollup(alone)):
        assert found.distance_km == pytest.approx(45**2 / 2 / 1000)
        assert (found.moving_s, found.used) == (45.0, {"fuel": 45.0})


def test_an_odometer_that_is_sent_now_and_then_is_not_added_to_what_speeds_say() -> None:
    rows = [(float(second), {"speed": 36.0}) for second in range(50)]
    rows[10][1]["odometer"], rows[40][1]["odometer"] = 100.0, 100.3
    found = rollup(rows)
    assert found.distance_km == pytest.approx(0.1 + 0.3)
    assert found.moving_s == 49.0


def test_without_speed_the_odometer_says_whether_a_vehicle_moves() -> None:
    rows = [(0.0, {"odometer": 1.0}), (10.0, {"odometer": 1.1}), (20.0, {"odometer": 1.1})]
    found = rollup(rows, ["odometer", "fuel"])
    assert found.distance_km == pytest.approx(0.1)
    assert (found.moving_s, found.idle_s) == (10.0, 10.0)


def test_an_odometer_that_falls_was_replaced_and_no_distance_is_taken_back() -> None:
    found = rollup([(0, {"odometer": 900.0}), (10, {"odometer": 3.0}), (20, {"odometer": 4.0})])
    assert found.distance_km == pytest.approx(1.0)


def test_nobody_knows_what_a_vehicle_did_in_a_pause() -> None:
    signals = {name: SIGNALS[name] for name in ("speed", "fuel")}
    summaries = Summaries(rollup_settings(signals, pause=20.0))
    summaries.send("A", [0.0, 21.0, 41.0], 36.0, 50.0)
    summaries.finish()
    [found] = summaries.rollups()
    assert found.distance_km == pytest.approx(0.2)
    assert found.moving_s == 20.0


def test_a_vehicle_that_stands_idles_only_with_the_engine_running() -> None:
    rows = [(0.0, {"speed": 0.0, "rpm": 800.0}), (10.0, {"speed": 0.0}), (30.0, {"speed": 0.0, "rpm": 0.0})]
    assert rollup(rows).idle_s == 10.0
    assert rollup(rows, ["speed", "fuel"]).idle_s == 30.0


def test_readings_out_of_order_count_for_values_and_for_no_change() -> None:
    rows = [(0.0, {"speed": 36.0, "fuel": 50.0}), (20.0, {"speed": 36.0, "fuel": 48.0})]
    rows.append((10.0, {"speed": 99.0, "fuel": 10.0}))
    found = rollup(rows)
    assert (found.signals["speed"].max, found.signals["fuel"].last) == (99.0, 10.0)
    assert found.distance_km == pytest.approx(0.2)
    assert (found.used, found.filled) == ({"fuel": 2.0}, {"fuel": 0.0})


def test_what_is_filled_up_is_not_used() -> None:
    found = rollup([(0, {"fuel": 10.0}), (10, {"fuel": 9.0}), (20, {"fuel": 60.0})])
    assert (found.used, found.filled) == ({"fuel": 0.0}, {"fuel": 50.0})


def test_no_signal_no_distance() -> None:
    found = rollup([(0, {"fuel": 10.0, "rpm": 1.0}), (10, {"fuel": 10.0, "rpm": 1.0})], ["fuel", "rpm"])
    assert (found.distance_km, found.moving_s, found.idle_s) == (None, 0.0, 0.0)


def test_a_value_outside_its_plausible_range_counts_as_missing() -> None:
    scored = as_scored(events(["A"] * 3, [0, 10, 20], [[36.0, NAN, 50.0, 1.0]] * 3))
    scored.telemetry.values[1, [SPEED, FUEL]] = 65_535.0
    summaries = Summaries(rollup_settings())
    summaries.fold(replace(scored, implausible=scored.telemetry.values == 65_535.0))
    summaries.finish()
    [found] = summaries.rollups()
    assert found.events == 3
    assert (found.signals["speed"].count, found.signals["speed"].max) == (2, 36.0)
    assert found.distance_km == pytest.approx(0.2)
    assert found.used == {"fuel": 0.0}


def test_sums_beyond_the_largest_number_are_it() -> None:
    found = rollup([(0, {"fuel": 1e308}), (10, {"fuel": 1e308}), (20, {"fuel": -1e308})])
    mean = found.signals["fuel"].mean
    assert mean is not None
    assert np.isfinite(mean)
