"""Signals outside their alarm limits."""

from __future__ import annotations

import numpy as np
import pytest

from config.settings import SignalSettings
from dataflows.alert.limits import Limits
from dataflows.clock import NEVER, SECOND
from dataflows.compiled import Floats, Integers


def limits(*, after: float = 0.0, **bounds: float) -> Limits:
    made = Limits([SignalSettings.model_validate({"pointer": "/t"} | bounds)], after=after)
    made.grow(2)
    return made


def judge(made: Limits, *values: float, start: int = 0, slot: int = 0) -> tuple[Floats, Integers]:
    """Judge values that come a second apart; returns strengths and onsets in seconds."""
    times = (start + np.arange(len(values), dtype=np.int64)) * SECOND
    strengths, onsets = made.judge(np.full(len(values), slot, np.intp), times, np.array(values)[:, None])
    return strengths[:, 0], onsets[:, 0]


def strength(value: float, **bounds: float) -> float:
    return float(judge(limits(**bounds), value)[0][0])


def test_inside_its_limits_and_at_them_a_signal_has_no_strength() -> None:
    assert [strength(value, low=10.0, high=110.0) for value in (10.0, 60.0, 110.0)] == [0.0, 0.0, 0.0]


def test_just_outside_is_a_major_alert_and_a_quarter_beyond_a_critical_one() -> None:
    assert strength(100.001, high=100.0) == pytest.approx(4.0, abs=1e-3)
    assert strength(125.0, high=100.0) == pytest.approx(9.0)
    assert strength(9.0, low=12.0) == pytest.approx(9.0)
    assert strength(-125.0, low=-100.0) == pytest.approx(9.0)


def test_the_further_beyond_the_stronger() -> None:
    found = [strength(value, high=100.0) for value in (101.0, 110.0, 150.0, 1000.0)]
    assert found == sorted(found)
    assert len(set(found)) == 4


@pytest.mark.parametrize("value", [1e-9, 1e30, 1e300])
def test_a_limit_of_zero_has_a_finite_strength(value: float) -> None:
    """In 32 bits, as alerts keep it."""
    assert np.isfinite(np.float32(strength(value, high=0.0)))
    assert strength(value, high=0.0) > 4.0


def test_signals_without_limits_are_not_judged() -> None:
    assert strength(1e9) == 0.0


def test_only_the_limit_that_is_set_counts() -> None:
    assert strength(-1e6, high=100.0) == 0.0
    assert strength(1e6, low=100.0) == 0.0


def test_a_value_that_is_missing_or_not_plausible_is_no_danger() -> None:
    made = limits(low=10.0, high=110.0, min=0.0, max=150.0)
    assert judge(made, np.nan, 151.0, -1.0)[0].tolist() == [0.0, 0.0, 0.0]
    assert judge(made, 150.0)[0] > 0.0


def test_a_broken_value_in_between_does_not_end_the_condition() -> None:
    made = limits(high=100.0, max=200.0, after=3.0)
    strengths, onsets = judge(made, 101.0, np.nan, 500.0, 101.0)
    assert (strengths > 0.0).tolist() == [False, False, False, True]
    assert onsets[3] == 0


def test_a_signal_must_stay_outside_for_as_long_as_was_set() -> None:
    made = limits(high=100.0, after=3.0)
    strengths, onsets = judge(made, 90.0, 101.0, 101.0, 101.0, 101.0, 101.0)
    assert (strengths > 0.0).tolist() == [False, False, False, False, True, True]
    assert onsets[4:].tolist() == [SECOND, SECOND]
    assert (onsets[:4] == NEVER).all()


def test_a_value_inside_starts_the_time_anew() -> None:
    strengths, _ = judge(limits(high=100.0, after=2.0), 101.0, 101.0, 99.0, 101.0, 101.0, 101.0)
    assert (strengths > 0.0).tolist() == [False, False, False, False, False, True]


def test_vehicles_are_judged_by_themselves_and_in_any_batches() -> None:
    made = limits(high=100.0, after=2.0)
    assert not judge(made, 101.0, 101.0)[0].any()
    assert not judge(made, 101.0, start=2, slot=1)[0].any()
    assert judge(made, 101.0, start=2)[0].all()
    made.forget(np.array([0]))
    assert not judge(made, 101.0, start=3)[0].any()
