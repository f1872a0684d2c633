"""Protected learning against a reference that processes one event at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector.protection import (
    ALLOWED,
    COUNTED_RUN,
    LASTING_WEIGHT,
    LONGEST_STEP,
    SETTLED_SHARE,
    Protection,
)

ACCEPT_AFTER = 120
WEIGHT = 0.1
LEVEL = 0.98
BOTH = pytest.mark.parametrize("settled", [False, True], ids=["young", "settled"])


def protection() -> Protection:
    made = Protection(accept_after=ACCEPT_AFTER, weight=WEIGHT)
    made.grow(3)
    return made


def of_one_vehicle(
    anomalous: np.ndarray, times: np.ndarray | None = None, *, settled: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    when = np.arange(len(anomalous), dtype=np.int64) if times is None else times
    return protection().weights(np.zeros(len(when), np.intp), when, anomalous, level=LEVEL, settled=settled)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.2, 0.95, 1.0]),
    cuts=st.lists(st.integers(1, 199), max_size=6, unique=True).map(sorted),
    settled=st.booleans(),
)
def test_weights_equal_those_of_one_event_at_a_time(
    seed: int, share: float, cuts: list[int], settled: bool
) -> None:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 3, 200)
    times = np.cumsum(random.integers(-1, 7, 200)).astype(np.int64)
    anomalous = random.random(200) < share
    made, parts = protection(), []
    for part in np.split(np.arange(200), cuts):
        parts.append(made.weights(slots[part], times[part], anomalous[part], level=LEVEL, settled=settled))
    for_model, for_threshold = (np.concatenate(column) for column in zip(*parts, strict=True))

    weight = WEIGHT * SETTLED_SHARE if settled else WEIGHT
    earned, least = (ALLOWED * (1 - LEVEL), 0.0) if settled else (COUNTED_RUN, LASTING_WEIGHT)
    run: dict[int, list[int]] = {}
    credit: dict[int, float] = {}
    for row, slot in enumerate(slots.tolist()):
        saved, expected = credit.get(slot, COUNTED_RUN), (1.0, 1.0)
        if not anomalous[row]:
            run[slot], credit[slot] = [], min(saved + earned, COUNTED_RUN)
        else:
            run.setdefault(slot, []).append(int(times[row]))
            steps = np.clip(np.diff(run[slot]), 0, LONGEST_STEP * ACCEPT_AFTER)
            if steps.sum() < ACCEPT_AFTER:
                expected = (weight, min(max(saved, least), 1.0))
                credit[slot] = max(saved - 1.0, 0.0)
        assert (for_model[row], for_threshold[row]) == expected


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_anomalies_count_for_a_settled_threshold_no_more_than_twice_as_often_as_promised(
    share: float,
) -> None:
    anomalous = np.random.default_rng(0).random(20_000) < share
    _, threshold = of_one_vehicle(anomalous)
    assert threshold[anomalous].sum() <= ALLOWED * (1 - LEVEL) * len(anomalous) + COUNTED_RUN
    assert (threshold[~anomalous] == 1.0).all()


def test_anomalies_as_rare_as_promised_count_fully() -> None:
    anomalous = np.random.default_rng(0).random(20_000) < 1 - LEVEL
    _, threshold = of_one_vehicle(anomalous)
    assert threshold[anomalous].mean() > 0.99


@BOTH
def test_a_lasting_anomaly_is_learned_fully_once_it_is_accepted_and_not_before(settled: bool) -> None:
    model, threshold = of_one_vehicle(np.ones(200, np.bool_), settled=settled)
    assert (model[:ACCEPT_AFTER] < 1.0).all()
    assert threshold[:ACCEPT_AFTER].sum() <= COUNTED_RUN + LASTING_WEIGHT * ACCEPT_AFTER
    assert (model[ACCEPT_AFTER:] == 1.0).all()
    assert (threshold[ACCEPT_AFTER:] == 1.0).all()


@BOTH
def test_one_normal_event_ends_a_lasting_anomaly(settled: bool) -> None:
    anomalous = np.ones(200, np.bool_)
    anomalous[100] = False
    model, _ = of_one_vehicle(anomalous, settled=settled)
    assert (np.delete(model, 100) < 1.0).all()


@pytest.mark.parametrize("leap", [10**6, -(10**6)])
def test_a_clock_jump_during_a_fault_does_not_make_it_accepted(leap: int) -> None:
    times = np.arange(100, dtype=np.int64)
    times[50:] += leap
    model, _ = of_one_vehicle(np.ones(100, np.bool_), times)
    assert (model < 1.0).all()


def test_a_vehicle_that_is_forgotten_and_returns_is_new() -> None:
    made, slots, times = protection(), np.zeros(200, np.intp), np.arange(200, dtype=np.int64)
    anomalous = np.ones(200, np.bool_)
    before = made.weights(slots, times, anomalous, level=LEVEL, settled=True)
    made.forget(np.array([0]))
    after = made.weights(slots, times, anomalous, level=LEVEL, settled=True)
    np.testing.assert_array_equal(before, after)
