"""The worst severity of each vehicle in every five minutes, in a ring of bytes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ui.live.severity_lanes import CELLS, WIDTH, PastCell, SeverityLanes

NOON = 1_767_268_800.0
"""A multiple of `WIDTH`."""


def lane(lanes: SeverityLanes, vehicle: str) -> list[int]:
    shown = lanes.snapshot()
    cells: list[int] = shown.cells[shown.vehicles.index(vehicle)].tolist()
    return cells


def test_a_cell_holds_the_worst_severity_of_its_five_minutes() -> None:
    lanes = SeverityLanes()
    for after, severity in ((0.0, 20.0), (10.0, 90.4), (299.9, 30.0), (300.0, 0.0)):
        lanes.record("V", NOON + after, severity, NOON + after)
    assert lane(lanes, "V")[-2:] == [91, 1]
    assert lane(lanes, "V")[:-2] == [0] * (CELLS - 2)
    assert lanes.snapshot().start == NOON + WIDTH - (CELLS - 1) * WIDTH


def test_cells_are_counted_by_event_time_whenever_the_events_come() -> None:
    lanes = SeverityLanes()
    now = NOON + 3600.0
    lanes.record("V", now, 10.0, now)
    lanes.record("V", NOON, 80.0, now)
    assert lane(lanes, "V")[-13] == 81
    lanes.record("V", now - CELLS * WIDTH, 99.0, now)
    assert max(lane(lanes, "V")) == 81, "what is older than the oldest cell is ignored"


def test_a_vehicle_whose_clock_is_ahead_does_not_move_the_others() -> None:
    lanes = SeverityLanes()
    lanes.record("V", NOON, 60.0, NOON)
    lanes.record("AHEAD", NOON + 365 * 86_400.0, 70.0, NOON)
    assert lane(lanes, "V")[-1] == 61
    assert lane(lanes, "AHEAD")[-1] == 71


def test_the_ring_is_what_a_dictionary_of_all_events_says() -> None:
    draw = random.Random(5)
    lanes, worst = SeverityLanes(), dict[tuple[str, int], int]()
    now = NOON
    for _ in range(5_000):
        now += draw.choice((0.5, 20.0, 700.0))
        vehicle, at = f"V{draw.randrange(7)}", now - draw.choice((0.0, 100.0, 5_000.0))
        severity = draw.uniform(0, 100)
        lanes.record(vehicle, at, severity, now)
        key = vehicle, int(at // WIDTH)
        worst[key] = max(worst.get(key, 0), 1 + round(severity))
    shown = lanes.snapshot()
    first = int(shown.start // WIDTH)
    for row, vehicle in enumerate(shown.vehicles):
        expected = [worst.get((vehicle, first + cell), 0) for cell in range(CELLS)]
        assert shown.cells[row].tolist() == expected


def test_after_a_long_silence_nothing_old_is_left() -> None:
    lanes = SeverityLanes()
    lanes.record("V", NOON, 99.0, NOON)
    later = NOON + 3 * CELLS * WIDTH
    lanes.record("V", later, 5.0, later)
    assert lane(lanes, "V") == [0] * (CELLS - 1) + [6]


@pytest.mark.parametrize("gone", ["V0", "V3", "V99"])
def test_a_vehicle_that_is_dropped_takes_no_other_along(gone: str) -> None:
    lanes = SeverityLanes()
    for number in range(100):
        lanes.record(f"V{number}", NOON, float(number), NOON)
    lanes.forget(gone)
    lanes.forget("UNKNOWN")
    shown = lanes.snapshot()
    assert gone not in shown.vehicles
    assert len(shown.vehicles) == 99
    assert {name: int(shown.cells[row, -1]) for row, name in enumerate(shown.vehicles)} == {
        f"V{number}": 1 + number for number in range(100) if f"V{number}" != gone
    }
    lanes.record("NEW", NOON, 1.0, NOON)
    assert lane(lanes, "NEW") == [0] * (CELLS - 1) + [2], "its row was cleared"


def test_memory_is_bounded_by_the_vehicles_that_are_kept() -> None:
    lanes = SeverityLanes()
    for number in range(5_000):
        lanes.record(f"V{number}", NOON, 50.0, NOON)
        if number >= 100:
            lanes.forget(f"V{number - 100}")
    assert lanes._cells.nbytes <= 256 * CELLS


def test_a_snapshot_does_not_change() -> None:
    lanes = SeverityLanes()
    lanes.record("V", NOON, 10.0, NOON)
    before = lanes.snapshot()
    copy = before.cells.copy()
    lanes.record("V", NOON, 90.0, NOON)
    np.testing.assert_array_equal(before.cells, copy)


def test_the_past_fills_cells_and_never_makes_one_better() -> None:
    lanes = SeverityLanes()
    lanes.record("V", NOON, 40.0, NOON)
    newest = int(NOON // WIDTH)
    lanes.merge("V", [(newest, 10.0), (newest - 1, 70.0), (newest + 1, 99.0), (newest - CELLS, 99.0)])
    assert lane(lanes, "V")[-2:] == [71, 41]
    assert lane(lanes, "V")[:-2] == [0] * (CELLS - 2)


@pytest.mark.parametrize(
    ("peak", "anomalies", "threshold", "expected"),
    [(4.0, 3, 1.0, 80.0), (1.0, 1, 2.0, 50.0), (4.0, 0, 1.0, 49.0), (0.25, 0, 0.75, 25.0)],
)
def test_the_verdicts_of_a_rollup_count_more_than_the_threshold_of_today(
    peak: float, anomalies: int, threshold: float, expected: float
) -> None:
    assert PastCell(0, peak, anomalies).severity(threshold) == pytest.approx(expected)
