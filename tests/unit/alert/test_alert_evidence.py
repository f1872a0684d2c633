"""How unusual each signal is: what faults of every kind look like, and what normal data do.

The figures are chosen so that they hold with any sensible tuning: faults are plain, and budgets are wide.
"""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dataflows.alert.evidence import Evidence, Verdicts
from dataflows.alert.evidence_kernel import STUCK
from dataflows.clock import SECOND
from dataflows.compiled import Floats, Integers, Slots
from dataflows.stored_state import unpickle

SPEED, RPM, LOAD, TEMPERATURE = range(4)
SIGNALS = 4
VEHICLES = 6
LEARNED = 2500
"""Seconds of data of each vehicle before a fault."""

AFTER = 400


def evidence() -> Evidence:
    made = Evidence(
        SIGNALS, judged=np.ones(SIGNALS, np.bool_), false_alerts_per_day=0.2, hold=5.0, settle=60.0
    )
    made.grow(VEHICLES)
    return made


def drive(seconds: int, seed: int) -> Floats:
    """Normal data, in steps of 0.1: speed, rpm and load follow the same drive, the temperature does not.

    Returns:
        Shape (seconds, vehicles, signals).
    """
    random = np.random.default_rng(seed)
    steps = random.normal(size=(seconds, VEHICLES, 2))
    state = np.zeros((VEHICLES, 2))
    values = np.empty((seconds, VEHICLES, SIGNALS))
    for second in range(seconds):
        state = 0.98 * state + 0.2 * steps[second]
        values[second] = np.stack(
            [20 * state[:, 0], 500 * state[:, 0], 8 * state[:, 0], 90 + 2 * state[:, 1]], 1
        )
    noise = random.normal(size=values.shape) * [0.5, 12.0, 0.4, 0.1]
    return np.round(values + noise, 1)


def rows(values: Floats, start: int = 0) -> tuple[Slots, Integers, Floats]:
    """Vehicles in turn, each once a second."""
    seconds = len(values)
    slots = np.tile(np.arange(VEHICLES), seconds)
    times = (np.repeat(np.arange(start, start + seconds), VEHICLES) * SECOND).astype(np.int64)
    return slots.astype(np.intp), times, values.reshape(-1, SIGNALS)


@cache
def learned() -> Any:
    made = evidence()
    made.judge(*rows(drive(LEARNED, 1)))
    return made.snapshot(VEHICLES)


def resumed() -> Evidence:
    made = evidence()
    made.restore(learned())
    return made


def after(values: Floats) -> tuple[Verdicts, Floats]:
    """Judge what comes after; returns the verdicts on vehicle 0 and its strengths."""
    verdicts = resumed().judge(*rows(values, LEARNED))
    own = Verdicts._make(column[::VEHICLES] for column in verdicts)
    return own, own.nats / own.bar[:, None]


def normal() -> Floats:
    return drive(LEARNED + AFTER, 1)[LEARNED:].copy()


@pytest.mark.long
def test_normal_data_stay_below_the_bar() -> None:
    """Those of all vehicles, other than those it has learned from."""
    verdicts = resumed().judge(*rows(drive(2 * AFTER, 2), LEARNED))
    assert (verdicts.nats >= verdicts.bar[:, None]).sum() <= 2
    assert np.isfinite(verdicts.bar).all()


def test_the_bar_cannot_be_reached_before_anything_is_known() -> None:
    verdicts = evidence().judge(*rows(np.full((1, VEHICLES, SIGNALS), 1e6)))
    assert (verdicts.nats < verdicts.bar[:, None]).all()


@pytest.mark.parametrize("signal", [SPEED, RPM, LOAD])
@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_a_jump_in_one_of_correlated_signals_is_seen_in_that_signal(signal: int, direction: float) -> None:
    values = normal()
    height = 3.0 * values[:, 0, signal].std() * direction
    values[200:205, 0, signal] += height
    verdicts, strengths = after(values)
    assert strengths[:200].max() < 1.0
    assert strengths[:, TEMPERATURE].max() < 1.0
    row = 200 + int(np.argmax(strengths[200:203, signal]))
    assert strengths[200:207, signal].max() >= 1.0
    assert verdicts.upwards[row, signal] == (direction > 0)
    usual = values[row, 0, signal] - height
    assert verdicts.typical[row, signal] == pytest.approx(usual, abs=0.5 * abs(height))


def test_a_slow_drift_of_one_of_correlated_signals_is_seen_in_that_signal() -> None:
    values = normal()
    values[100:200, 0, SPEED] += np.linspace(0.0, 60.0, 100)
    values[200:, 0, SPEED] += 60.0
    _, strengths = after(values)
    assert 100 <= int(np.flatnonzero((strengths >= 1.0).any(axis=1))[0]) < 200
    assert strengths[100:220, SPEED].max() >= 1.0
    assert strengths[:, TEMPERATURE].max() < 1.0


def test_a_signal_that_is_stuck_while_the_others_move_is_seen() -> None:
    values = normal()
    values[100:, 0, RPM] = values[100, 0, RPM]
    verdicts, strengths = after(values)
    row = int(np.flatnonzero(strengths[:, RPM] >= 1.0)[0])
    assert 100 < row < 200
    assert strengths[:, TEMPERATURE].max() < 1.0
    if verdicts.statistic[row, RPM] == STUCK:
        assert np.isnan(verdicts.typical[row, RPM])


def test_repeated_spikes_are_seen_though_a_single_one_is_not() -> None:
    """Each of them is as high as normal jumps are in a few thousand rows."""
    values = normal()
    spikes = np.arange(100, 140, 2)
    values[spikes, 0, SPEED] += 6.0
    _, strengths = after(values)
    assert strengths[spikes[-1] - 10 : spikes[-1] + 2, SPEED].max() >= 1.0
    values = normal()
    values[100, 0, SPEED] += 3.0
    assert after(values)[1].max() < 1.0


def test_a_fault_of_one_vehicle_is_none_of_the_others() -> None:
    values = normal()
    values[200:205, 0, SPEED] += 100.0
    verdicts = resumed().judge(*rows(values, LEARNED))
    others = np.arange(len(verdicts.nats)) % VEHICLES != 0
    assert (verdicts.nats[others] < verdicts.bar[others, None]).all()


def test_a_step_of_the_resolution_is_never_unusual() -> None:
    """Also of a signal that has hardly ever moved."""
    quiet = np.round(np.random.default_rng(3).normal(size=(LEARNED, VEHICLES, SIGNALS)), 1)
    quiet[:, :, TEMPERATURE] = 90.0
    for second in range(40, LEARNED, 100):
        quiet[second : second + 50, :, TEMPERATURE] = 91.0
    made = evidence()
    made.judge(*rows(quiet))
    step = quiet[:60].copy()
    step[:, :, TEMPERATURE] = 90.0
    step[30:, :, TEMPERATURE] = 91.0
    verdicts = made.judge(*rows(step, LEARNED))
    assert (verdicts.nats[:, TEMPERATURE] < verdicts.bar).all()


def test_a_value_expected_beyond_the_range_of_the_signal_is_expected_at_its_end() -> None:
    """A throttle is closed when the vehicle brakes, and no harder braking closes it any further."""
    made = evidence()
    values = drive(LEARNED + AFTER, 1)
    values[..., LOAD] = np.maximum(values[..., LOAD], 0.0)
    made.judge(*rows(values[:LEARNED]))
    after = values[LEARNED:].copy()
    # Both fall as never before; the load, which follows them, cannot.
    after[200:, 0, [SPEED, RPM]] = values[..., [SPEED, RPM]].min(axis=(0, 1)) * 1.3
    after[200:, 0, LOAD] = 0.0
    verdicts = made.judge(*rows(after, LEARNED))
    load = verdicts.nats[::VEHICLES, LOAD] / verdicts.bar[::VEHICLES]
    assert load[200:203].max() < 1.0


def test_a_signal_that_comes_back_has_no_past() -> None:
    """What the others did meanwhile, a refuelling for instance, has moved what is expected of it."""
    values = normal()
    values[100:200, 0, TEMPERATURE] = np.nan
    values[200:, 0, TEMPERATURE] -= 30.0
    _, strengths = after(values)
    assert strengths[:, TEMPERATURE].max() < 1.0


def test_a_missing_value_is_no_evidence() -> None:
    values = normal()
    values[100:200, 0, SPEED] = np.nan
    verdicts, strengths = after(values)
    assert not verdicts.nats[100:200, SPEED].any()
    assert strengths[:, TEMPERATURE].max() < 1.0


def test_nothing_is_judged_right_after_a_pause() -> None:
    """A cold engine is no fault."""
    values = normal()
    values[:60, 0] += [100.0, 2000.0, 50.0, -60.0]
    made = resumed()
    slots, times, flat = rows(values[:60], LEARNED + 1000)
    verdicts = made.judge(slots, times, flat)
    assert not verdicts.nats[::VEHICLES].any()


def test_it_is_a_function_of_the_rows_and_not_of_their_order_in_a_batch() -> None:
    """The evidence of one more event does not change that of those before."""
    values = normal()
    whole = resumed().judge(*rows(values, LEARNED))
    less = resumed().judge(*rows(values[:100], LEARNED))
    assert less.nats.tobytes() == whole.nats[: 100 * VEHICLES].tobytes()


@given(st.integers(0, 100), st.lists(st.integers(0, 900), max_size=8).map(sorted))
@hypothesis_settings(max_examples=10)
def test_verdicts_do_not_depend_on_batches_nor_on_restarts(seed: int, cuts: list[int]) -> None:
    values = drive(150, seed)
    values[np.random.default_rng(seed).random(values.shape) < 0.02] = np.nan
    values[100:, 0, seed % SIGNALS] += 50.0
    slots, times, flat = rows(values)
    whole = evidence().judge(slots, times, flat)
    made, start = evidence(), 0
    parts: list[Verdicts] = []
    for stop in [*cuts, len(flat)]:
        parts.append(made.judge(slots[start:stop], times[start:stop], flat[start:stop]))
        start = stop
        state = unpickle(pickle.dumps(made.snapshot(VEHICLES)))
        made = evidence()
        made.restore(state)
    for name, expected in whole._asdict().items():
        found = np.concatenate([getattr(part, name) for part in parts])
        assert found.tobytes() == expected.tobytes(), name


def test_a_vehicle_that_is_forgotten_is_unknown() -> None:
    made = resumed()
    made.forget(np.array([0]))
    values = normal()
    values[:30, 0] += 1000.0
    verdicts = made.judge(*rows(values[:30], LEARNED))
    assert not verdicts.nats[::VEHICLES].any()
