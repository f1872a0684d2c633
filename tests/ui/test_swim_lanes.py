"""Which lanes are shown, and how many vehicles were at worst what."""

from __future__ import annotations

import numpy as np
import pytest

from ui.fleet.swim_lanes import BANDS, LEAST_CELLS, counts, known_part, worst
from ui.live.severity_lanes import CELLS, WIDTH, Lanes


def lanes_of(**vehicles: list[int]) -> Lanes:
    """Lanes whose last cells have these severities; -1 without an event."""
    cells = np.zeros((len(vehicles), CELLS), np.uint8)
    for row, severities in enumerate(vehicles.values()):
        cells[row, CELLS - len(severities) :] = [1 + severity for severity in severities]
    return Lanes(0.0, tuple(vehicles), cells)


def named(lanes: Lanes, names: set[str] | None = None, limit: int = 20) -> list[str]:
    return [lanes.vehicles[row] for row in worst(lanes, names, limit)]


def test_one_critical_fault_is_worse_than_many_events_that_are_only_just_unusual() -> None:
    lanes = lanes_of(noisy=[55] * 60, calm=[20] * 72, faulty=[95, 95], recent=[90])
    assert named(lanes) == ["faulty", "recent", "noisy", "calm"]


def test_only_the_vehicles_that_are_shown_have_lanes_and_not_more_than_asked_for() -> None:
    lanes = lanes_of(A=[90], B=[80], C=[70], D=[60])
    assert named(lanes, {"B", "D", "UNKNOWN"}) == ["B", "D"]
    assert named(lanes, limit=2) == ["A", "B"]
    assert named(lanes, set()) == []


def test_vehicles_that_were_equally_bad_keep_their_places() -> None:
    assert named(lanes_of(C=[70], A=[70], B=[70])) == ["A", "B", "C"]


def test_each_vehicle_is_counted_once_in_a_cell_by_the_worst_it_was() -> None:
    lanes = lanes_of(A=[-1, 95], B=[-1, 90], C=[-1, 85], D=[-1, 70], E=[-1, 50], F=[-1, 49], G=[-1, -1])
    silent, busy = counts(lanes.cells)[-2:]
    assert silent == [0, 0, 0, 0, 0]
    assert busy == [6, 1, 1, 1, 2], "sending, warning, minor, major, critical"


@pytest.mark.parametrize(("severity", "band"), [(50, 0), (66, 0), (67, 1), (80, 2), (90, 3)])
def test_the_colours_begin_where_the_severities_of_alerts_do(severity: int, band: int) -> None:
    assert sum(severity >= start for start in BANDS) - 1 == band


def test_the_time_before_anything_was_known_is_not_shown() -> None:
    lanes = lanes_of(A=[-1] * 30 + [60] * 20, B=[10] * 25)
    shown = known_part(lanes)
    assert shown.cells.shape == (2, 25)
    assert shown.start == (CELLS - 25) * WIDTH
    assert known_part(lanes_of(A=[60])).cells.shape == (1, LEAST_CELLS)
    assert known_part(lanes_of(A=[])).cells.shape == (1, LEAST_CELLS)
    assert known_part(lanes_of(A=[60] * CELLS)).cells.shape == (1, CELLS)
