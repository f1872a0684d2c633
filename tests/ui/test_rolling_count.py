"""Counts over the last seconds."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ui.live.rolling_count import RollingCount

moments = st.lists(st.floats(min_value=0.0, max_value=200.0), max_size=60).map(sorted)


@given(moments, st.floats(min_value=0.0, max_value=100.0))
def test_total_counts_exactly_the_events_of_the_last_buckets(at: list[float], pause: float) -> None:
    count = RollingCount(width=2.0, buckets=10)
    for moment in at:
        count.add(moment)
    now = (at[-1] if at else 0.0) + pause
    newest = math.floor(now / 2.0)
    assert count.total(now) == sum(newest - 10 < math.floor(moment / 2.0) <= newest for moment in at)


@given(moments)
def test_the_order_of_arrival_does_not_matter_within_the_ring(at: list[float]) -> None:
    recent = [moment for moment in at if moment > 185.0]
    forwards, backwards = RollingCount(2.0, 10), RollingCount(2.0, 10)
    for moment in recent:
        forwards.add(moment)
    for moment in reversed(recent):
        backwards.add(moment)
    assert forwards.total(200.0) == backwards.total(200.0) == len(recent)


def test_a_steady_stream_shows_its_rate_from_the_second_second_on() -> None:
    count = RollingCount(width=1.0, buckets=11)
    for number in range(500):
        moment = number / 10
        if moment >= 1.0:
            assert count.per_second(moment) == 10.0
        count.add(moment)


def test_a_stream_that_ended_fades_to_nothing() -> None:
    count = RollingCount(width=1.0, buckets=11)
    for number in range(100):
        count.add(number / 10)
    assert count.per_second(15.0) == 5.0
    assert count.per_second(60.0) == 0.0


def test_nothing_is_counted_before_the_first_event() -> None:
    assert RollingCount(1.0, 11).per_second(100.0) == 0.0
    assert RollingCount(1.0, 11).total(100.0) == 0
