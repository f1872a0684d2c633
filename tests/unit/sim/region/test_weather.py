"""Weather and hours: seasons, nights, rush hours, and what the weather does to the roads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sim.region.time_of_day import LocalClock
from sim.region.weather import DRY, RAIN, SNOW, Weather


def days_of(
    month: int, days: int, latitude: float = 48.0, seed: int = 1
) -> list[tuple[float, float, int, float, float]]:
    """Hour, temperature, kind, wetness and grip every ten minutes."""
    weather = Weather(np.random.default_rng(seed), latitude)
    clock, rows = LocalClock(0.0), []
    for step in range(days * 144):
        now = clock.at(datetime(2026, month, 1, tzinfo=UTC).timestamp() + step * 600.0)
        weather.advance(600.0, now)
        rows.append((now.hour, weather.temperature, weather.kind, weather.wetness, weather.grip))
    return rows


def test_winters_are_cold_and_summers_are_warm_the_other_way_round_in_the_south() -> None:
    def mean(month: int, latitude: float) -> float:
        return float(np.mean([row[1] for row in days_of(month, 28, latitude)]))

    assert mean(7, 48.0) > mean(1, 48.0) + 12.0
    assert mean(1, -48.0) > mean(7, -48.0) + 12.0
    assert mean(1, 5.0) > mean(1, 48.0) + 10.0


def test_afternoons_are_warmer_than_the_small_hours() -> None:
    rows = days_of(5, 30)
    afternoon = np.mean([row[1] for row in rows if 14 <= row[0] < 16])
    night = np.mean([row[1] for row in rows if 2 <= row[0] < 4])
    assert afternoon > night + 4.0


def test_it_is_dry_most_of_the_time_and_changes_in_hours_not_minutes() -> None:
    kinds = np.array([row[2] for row in days_of(5, 120)])
    assert 0.55 < (kinds == DRY).mean() < 0.95
    changes = np.count_nonzero(np.diff(kinds))
    assert 20 < changes < 0.08 * len(kinds)


def test_it_snows_only_in_the_cold_and_wet_roads_have_less_grip() -> None:
    rows = days_of(1, 100) + days_of(7, 100)
    assert {row[2] for row in rows} == {DRY, RAIN, SNOW}
    assert all(row[1] < 1.0 for row in rows if row[2] == SNOW)
    grips = {kind: np.mean([row[4] for row in rows if row[2] == kind and row[3] > 0.9]) for kind in (1, 2)}
    assert 0.65 < grips[RAIN] < 0.75
    assert 0.3 < grips[SNOW] < 0.4
    assert all(row[4] > 0.95 for row in rows if row[3] < 0.05)


def test_there_are_two_rush_hours_on_workdays_one_afternoon_on_weekends_and_quiet_nights() -> None:
    clock = LocalClock(0.0)

    def demand(day: int, hour: float) -> float:
        return clock.at((datetime(2026, 3, day, tzinfo=UTC) + timedelta(hours=hour)).timestamp()).demand

    assert demand(3, 8) > 1.3 * demand(3, 11) < 1.5 * demand(3, 17)
    assert demand(3, 3) < 0.1
    assert demand(7, 8) < 0.4 * demand(3, 8)
    assert demand(7, 14) > 2.0 * demand(7, 8)


def test_traffic_is_dense_in_the_rush_hour_and_free_at_night() -> None:
    clock = LocalClock(0.0)
    rush = clock.at(datetime(2026, 3, 3, 8, tzinfo=UTC).timestamp())
    night = clock.at(datetime(2026, 3, 3, 3, tzinfo=UTC).timestamp())
    assert rush.usual_traffic > 3.0 > 1.5 > night.usual_traffic
    assert (rush.departures() > 3.0 * night.departures()).all()


@pytest.mark.parametrize(
    ("longitude", "zone", "hour"),
    [(0.0, "", 12.0), (15.0, "", 13.0), (-75.0, "", 7.0), (11.5, "Europe/Berlin", 14.0)],
)
def test_local_time_is_that_of_the_longitude_or_of_the_zone(longitude: float, zone: str, hour: float) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
    assert LocalClock(longitude, zone).at(noon).hour == pytest.approx(hour)
