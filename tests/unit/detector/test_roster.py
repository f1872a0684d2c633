"""Vehicles, their slots, and who is forgotten."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector import Detector
from dataflows.detector.roster import Roster
from tests.unit.detector.test_detector import SIGNALS, drive, quick_settings, times


def test_a_vehicle_keeps_its_slot() -> None:
    roster = Roster(10)
    first = roster.slots(["a", "b", "a"])
    assert first[0] == first[2] != first[1]
    assert roster.slots(["b", "c"])[0] == first[1]
    assert len(roster) == 3


@given(st.lists(st.integers(0, 12), max_size=80), st.integers(1, 8))
def test_the_vehicles_silent_for_longest_are_forgotten_and_their_slots_used_again(
    stream: list[int], most: int
) -> None:
    roster, latest = Roster(most), dict[str, int]()
    for number, vehicle in enumerate(map(str, stream)):
        roster.slots([vehicle])
        latest[vehicle] = number
        forgotten = roster.overdue()
        assert len(forgotten) == max(0, len(latest) - most)
        for name in sorted(latest, key=lambda name: latest[name])[: len(forgotten)]:
            del latest[name]
        assert len(roster) == len(latest) <= most
        assert roster.size <= most + 1
    kept = sorted(latest)
    slots = roster.slots(kept)
    assert len(set(slots.tolist())) == len(kept)
    assert len(roster) == len(kept), "none of them was new"


def test_a_restored_roster_forgets_the_same_vehicles() -> None:
    roster = Roster(4)
    roster.slots([str(number) for number in range(9)])
    roster.overdue()
    again = Roster(4)
    again.restore(roster.snapshot())
    for one in (roster, again):
        one.slots(["3", "new", "5", "newer"])
    assert roster.overdue().tolist() == again.overdue().tolist()
    assert roster.slots(["x", "y"]).tolist() == again.slots(["x", "y"]).tolist()


def test_a_forgotten_vehicle_that_comes_back_is_new_and_the_others_do_not_notice() -> None:
    values, when = drive(1200), times(1200)
    crowd = [f"car-{row % 3}" if row < 600 else f"once-{row}" for row in range(900)]
    ids = crowd + [f"car-{row % 3}" for row in range(300)]
    detector = Detector(quick_settings(vehicles=8, learn_every=32), SIGNALS)
    scores = detector.process(ids, when, values)
    assert detector.vehicles <= 8 + 32
    assert detector.vehicles_forgotten >= 290
    assert np.isfinite(scores.error).all()
    warming_up = np.isnan(scores.threshold[900:])
    assert warming_up[0]
    assert not warming_up[-100:].any()


@settings(deadline=None)
@given(st.lists(st.integers(1, 500), max_size=5))
def test_how_a_stream_is_cut_makes_no_difference_to_who_is_forgotten(cuts: list[int]) -> None:
    values, when = drive(500), times(500)
    ids = [f"car-{row * row % 37}" for row in range(500)]
    whole = Detector(quick_settings(vehicles=5, learn_every=16), SIGNALS).process(ids, when, values)
    detector, errors = Detector(quick_settings(vehicles=5, learn_every=16), SIGNALS), []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 500], strict=True):
        errors += detector.process(ids[start:stop], when[start:stop], values[start:stop]).error.tolist()
        detector = Detector.restore(detector.settings, SIGNALS, detector.snapshot())
    np.testing.assert_array_equal(errors, whole.error)


def test_memory_is_bounded_however_many_vehicles_come_by() -> None:
    detector = Detector(quick_settings(vehicles=100, learn_every=64), SIGNALS)
    sizes = []
    for start in range(0, 6000, 1000):
        ids = [f"once-{start + row}" for row in range(1000)]
        detector.process(ids, times(1000, first=start), drive(1000))
        sizes.append(detector.snapshot()["roster"]["latest"].size)
    assert max(sizes) <= 100 + 64
