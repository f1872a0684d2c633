"""A vehicle over time: arrays, stretches of anomalies, axes, windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from dataflows.clock import SECOND, microseconds
from dataflows.events import Enriched
from tests.support.enriched_events import START, enriched
from ui.vehicle import window as windows
from ui.vehicle.axes import axis_of, nice
from ui.vehicle.series import Series, merged, series_of
from ui.vehicle.stretches import stretches_of, unexplained, with_pauses
from ui.vehicle.window import SPANS, Window, span_named, window_around, window_until

SETTINGS = load()
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
MINUTE = 60 * SECOND


def series(*events: Enriched) -> Series:
    return series_of(events, SETTINGS.signals, "latitude", "longitude")


def driving(count: int, **changes: object) -> list[Enriched]:
    return [enriched("V1", number, **changes) for number in range(count)]  # type: ignore[arg-type]


def test_a_band_lies_around_what_was_expected_within_the_plausible_range() -> None:
    found = series(enriched("V1", expected={"speed": 10.0}, band={"speed": 25.0})).signals["speed"]
    assert found.lowest.tolist() == [0.0]
    assert found.highest.tolist() == [35.0]


def test_only_targets_have_a_band_and_positions_are_no_signals() -> None:
    found = series(*driving(3)).signals
    assert np.isnan(found["speed_limit"].lowest).all()
    assert "latitude" not in found
    assert np.isfinite(found["fuel"].lowest).all()


def test_there_is_no_severity_without_a_threshold() -> None:
    assert np.isnan(series(enriched("V1", threshold=None)).severity).all()


def test_anomalies_that_follow_each_other_are_one_stretch_with_all_signals_that_stood_out() -> None:
    events = driving(60)
    events[10] = enriched("V1", 10, error=5.0, measured={"rpm": 9_000.0})
    events[13] = enriched("V1", 13, error=5.0, measured={"fuel": 3.0})
    events[40] = enriched("V1", 40, error=5.0, measured={"fuel": 3.0})
    first, second = stretches_of(series(*events), MINUTE)
    assert (first.start, first.end) == (microseconds(events[10].ts), microseconds(events[14].ts))
    assert first.signals == {"rpm", "fuel"}
    assert second.signals == {"fuel"}


def test_a_stretch_does_not_reach_across_a_pause_and_is_wide_enough_to_be_seen() -> None:
    events = [enriched("V1", 0, error=5.0), enriched("V1", 3_600)]
    (stretch,) = stretches_of(series(*events), 3_600 * SECOND)
    assert stretch.end - stretch.start == 30 * SECOND
    (stretch,) = stretches_of(series(enriched("V1", error=5.0)), 24 * 3_600 * SECOND)
    assert stretch.end - stretch.start == 216 * SECOND


def test_during_an_anomaly_nothing_is_said_of_signals_that_do_not_stand_out() -> None:
    events = driving(30)
    events[10] = enriched("V1", 10, error=5.0, measured={"rpm": 9_000.0})
    found = series(*events)
    stretches = stretches_of(found, MINUTE)
    assert np.flatnonzero(unexplained(found, "speed", stretches)).tolist() == [10]
    assert not unexplained(found, "rpm", stretches).any()


def test_a_line_is_interrupted_where_nothing_came() -> None:
    before = series(*driving(3), enriched("V1", 500))
    after = with_pauses(before)
    assert len(after) == 5
    assert np.isnan(after.signals["speed"].values).tolist() == [False, False, False, True, False]
    assert (np.diff(after.times) > 0).all()
    assert not np.isnan(before.signals["speed"].values).any(), "the original stays as it is"


def test_events_that_are_known_twice_are_drawn_once() -> None:
    events = driving(6)
    both = merged(series(*events[:4]), series(*events[2:]))
    assert both.times.tolist() == [microseconds(event.ts) for event in events]
    assert both.signals["rpm"].values.tolist() == [2_400.0] * 6
    assert merged(series(), series(*events)).times.tolist() == both.times.tolist()


def test_a_wide_band_does_not_flatten_the_values() -> None:
    events = [
        enriched("V1", number, measured={"speed": 50.0 + number}, band={"speed": 200.0})
        for number in range(11)
    ]
    axis = axis_of(series(*events).signals["speed"], SETTINGS.signals["speed"])
    assert axis.high - axis.low <= 30.0


def test_an_alarm_limit_is_always_in_the_picture_and_not_at_its_end() -> None:
    axis = axis_of(series(*driving(5)).signals["engine_temperature"], SETTINGS.signals["engine_temperature"])
    assert axis.low <= 90.0
    assert axis.high > 115.0


def test_noise_of_a_vehicle_that_stands_is_not_drawn_as_large_as_driving() -> None:
    events = [enriched("V1", number, measured={"speed": 0.01 * (number % 2)}, band={}) for number in range(9)]
    axis = axis_of(series(*events).signals["speed"], SETTINGS.signals["speed"])
    assert axis.low == 0.0
    assert axis.high >= 2.0


def test_what_is_not_plausible_is_still_drawn() -> None:
    found = series(enriched("V1", measured={"speed": -40.0}), enriched("V1", 1)).signals["speed"]
    assert axis_of(found, SETTINGS.signals["speed"]).low <= -40.0


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_an_axis_holds_its_range_in_a_few_round_steps(one: float, other: float) -> None:
    low, high = sorted((one, other))
    axis = nice(low, high)
    assert axis.low <= low + 1e-3 * axis.step
    assert axis.high >= high - 1e-3 * axis.step
    assert 1 <= round((axis.high - axis.low) / axis.step) <= 6


@pytest.mark.parametrize("span", SPANS)
def test_a_window_around_a_moment_holds_it_in_the_middle(span: windows.SpanName) -> None:
    at = NOON - timedelta(days=3)
    window = window_around(at, span, NOON)
    assert window.length == SPANS[span]
    assert abs((at - window.start) - (window.end - at)) <= timedelta(seconds=2)


def test_a_window_around_a_recent_moment_ends_now() -> None:
    window = window_around(NOON - timedelta(minutes=1), "1h", NOON)
    assert window.contains(NOON)
    assert window.end - NOON <= timedelta(seconds=1)


def test_a_window_holds_a_moment_in_the_future() -> None:
    at = NOON + timedelta(days=1)
    assert window_around(at, "5min", NOON).contains(at)


def test_the_latest_event_is_within_a_live_window() -> None:
    assert window_until(NOON + timedelta(milliseconds=900), "5min").contains(NOON + timedelta(seconds=0.9))


def test_a_span_that_there_is_not_is_the_default() -> None:
    assert span_named("6h") == "6h"
    assert span_named("7 weeks") == span_named(None) == windows.DEFAULT_SPAN


def test_a_long_window_is_not_drawn_from_events() -> None:
    assert window_until(NOON, "1h").has_events
    assert not window_until(NOON, "6h").has_events


def test_a_part_of_a_series_is_what_lies_between_two_times() -> None:
    start = microseconds(START)
    part = series(*driving(10)).between(start + 2 * SECOND, start + 5 * SECOND)
    assert part.times.tolist() == [start + number * SECOND for number in (2, 3, 4)]
    assert Window(START, START + timedelta(minutes=5)).step == timedelta(seconds=1)
