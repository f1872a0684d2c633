"""Vehicles, their slots, and which of them are evicted."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector import Detector
from dataflows.detector.vehicle_slots import VehicleSlots
from tests.unit.detector.test_detector import SIGNALS, drive, quick_parameters, times


def test_a_vehicle_keeps_its_slot() -> None:
    vehicles = VehicleSlots(10)
    first = vehicles.slots(["a", "b", "a"])
    assert first[0] == first[2] != first[1]
    assert vehicles.slots(["b", "c"])[0] == first[1]
    assert len(vehicles) == 3


@given(st.lists(st.integers(0, 12), max_size=80), st.integers(1, 8))
def test_the_vehicles_silent_for_longest_are_evicted_and_their_slots_reused(
    stream: list[int], limit: int
) -> None:
    vehicles, latest = VehicleSlots(limit), dict[str, int]()
    for number, vehicle in enumerate(map(str, stream)):
        vehicles.slots([vehicle])
        latest[vehicle] = number
        evicted = vehicles.evict()
        assert len(evicted) == max(0, len(latest) - limit)
        for name in sorted(latest, key=lambda name: latest[name])[: len(evicted)]:
            del latest[name]
        assert len(vehicles) == len(latest) <= limit
        assert vehicles.size <= limit + 1
    kept = sorted(latest)
    slots = vehicles.slots(kept)
    assert len(set(slots.tolist())) == len(kept)
    assert len(vehicles) == len(kept), "none of them was new"


def test_after_a_restore_the_same_vehicles_are_evicted() -> None:
    vehicles = VehicleSlots(4)
    vehicles.slots([str(number) for number in range(9)])
    vehicles.evict()
    again = VehicleSlots(4)
    again.restore(vehicles.snapshot())
    for one in (vehicles, again):
        one.slots(["3", "new", "5", "newer"])
    assert vehicles.evict().tolist() == again.evict().tolist()
    assert vehicles.slots(["x", "y"]).tolist() == again.slots(["x", "y"]).tolist()


def test_an_evicted_vehicle_that_returns_is_new_and_does_not_affect_the_others() -> None:
    values, when = drive(1200), times(1200)
    crowd = [f"car-{row % 3}" if row < 600 else f"once-{row}" for row in range(900)]
    ids = crowd + [f"car-{row % 3}" for row in range(300)]
    detector = Detector(quick_parameters(vehicles=8, learn_every=32), SIGNALS)
    scores = detector.process(ids, when, values)
    assert detector.vehicles <= 8 + 32
    assert detector.vehicles_forgotten >= 290
    assert np.isfinite(scores.error).all()
    warming_up = np.isnan(scores.threshold[900:])
    assert warming_up[0]
    assert not warming_up[-100:].any()


@settings(deadline=None)
@given(st.lists(st.integers(1, 500), max_size=5))
def test_how_a_stream_is_cut_makes_no_difference_to_which_vehicles_are_evicted(cuts: list[int]) -> None:
    values, when = drive(500), times(500)
    ids = [f"car-{row * row % 37}" for row in range(500)]
    whole = Detector(quick_parameters(vehicles=5, learn_every=16), SIGNALS).process(ids, when, values)
    detector, errors = Detector(quick_parameters(vehicles=5, learn_every=16), SIGNALS), []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 500], strict=True):
        errors += detector.process(ids[start:stop], when[start:stop], values[start:stop]).error.tolist()
        detector = Detector.restore(detector.parameters, SIGNALS, detector.snapshot())
    np.testing.assert_array_equal(errors, whole.error)


def test_memory_is_bounded_however_many_vehicles_send() -> None:
    detector = Detector(quick_parameters(vehicles=100, learn_every=64), SIGNALS)
    sizes = []
    for start in range(0, 6000, 1000):
        ids = [f"once-{start + row}" for row in range(1000)]
        detector.process(ids, times(1000, first=start), drive(1000))
        sizes.append(detector.snapshot()["vehicle_slots"]["latest"].size)
    assert max(sizes) <= 100 + 64
