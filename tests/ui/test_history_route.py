"""The route of the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from dataflows.report.day import DayReport
from ui.history.detail import route_of

START = datetime(2026, 11, 20, tzinfo=UTC)


def report(latitudes: list[float], flagged: list[bool]) -> DayReport:
    positions = np.array(latitudes)
    return DayReport(
        "V1",
        START.date(),
        START,
        START + timedelta(days=1),
        trips=(),
        latitudes=positions,
        longitudes=np.full(len(positions), 11.5),
        flagged=np.array(flagged),
    )


def test_a_vehicle_that_stands_adds_one_point_and_one_anomaly() -> None:
    route = route_of(report([48.0, 48.0, 48.00001, 48.01, 48.01], [False, True, True, False, True]))
    assert route.points == [(48.0, 11.5), (48.01, 11.5)]
    assert route.flagged == [0, 1]


def test_events_without_a_position_are_left_out() -> None:
    route = route_of(report([np.nan, 48.0, np.nan, 48.01], [True, False, True, True]))
    assert route.points == [(48.0, 11.5), (48.01, 11.5)]
    assert route.flagged == [1]
