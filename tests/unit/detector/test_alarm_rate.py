"""False alarms per day as a quantile level."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.detector.alarm_rate import PAUSE, AlarmRate


def test_without_a_number_of_alarms_the_percentile_applies() -> None:
    assert AlarmRate(percentile=99.5, per_day=None, memory=100.0).level == pytest.approx(0.995)


def test_alarms_per_day_are_shared_among_the_events_of_a_day() -> None:
    rate = AlarmRate(percentile=50.0, per_day=4.0, memory=1000.0)
    rate.learn(np.full(500, 0.5))
    assert 1.0 - rate.level == pytest.approx(4.0 / (24 * 60 * 60 * 2))


def test_pauses_and_first_events_do_not_count_as_slow_sending() -> None:
    rate = AlarmRate(percentile=50.0, per_day=4.0, memory=1000.0)
    rate.learn(np.array([2.0, np.nan, PAUSE * 100, 2.0]))
    assert rate.interval == 2.0


def test_a_fleet_that_sends_more_often_gets_a_rarer_quantile() -> None:
    slow, fast = (AlarmRate(percentile=50.0, per_day=10.0, memory=100.0) for _ in range(2))
    slow.learn(np.full(100, 10.0))
    fast.learn(np.full(100, 0.1))
    assert fast.level > slow.level


def test_it_adapts_to_a_new_sending_rate() -> None:
    rate = AlarmRate(percentile=50.0, per_day=1.0, memory=100.0)
    rate.learn(np.full(100, 1.0))
    for _ in range(20):
        rate.learn(np.full(50, 5.0))
    assert rate.interval == pytest.approx(5.0, rel=0.01)


def test_more_alarms_than_events_flag_half_of_them_at_most() -> None:
    rate = AlarmRate(percentile=99.0, per_day=1e9, memory=100.0)
    assert rate.level == 0.5
