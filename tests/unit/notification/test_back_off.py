"""Exponential back-off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from dataflows.clock import SECOND
from dataflows.notification.back_off import BackOff


def back_off(first: float, longest: float) -> BackOff:
    changes = {"retry_first": first, "retry_longest": longest}
    return BackOff(load().notify.model_copy(update=changes))


def test_it_doubles_up_to_the_longest_and_begins_again_after_a_success() -> None:
    waiting = back_off(2.0, 15.0)
    assert [waiting.failed(0) for _ in range(5)] == [2.0, 4.0, 8.0, 15.0, 15.0]
    assert waiting.failures == 5
    waiting.succeeded()
    assert waiting.earliest(7) == 7
    assert waiting.failed(0) == 2.0


def test_nothing_is_tried_until_it_is_over() -> None:
    waiting = back_off(2.0, 15.0)
    waiting.failed(10 * SECOND)
    assert waiting.earliest(11 * SECOND) == 12 * SECOND
    assert waiting.earliest(13 * SECOND) == 13 * SECOND


@given(st.floats(0.1, 100), st.floats(0.1, 1000), st.integers(1, 2000))
def test_it_never_waits_longer_than_the_longest_however_often_it_fails(
    first: float, longest: float, times: int
) -> None:
    waiting = back_off(first, longest)
    seconds = [waiting.failed(0) for _ in range(times)]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= max(first, longest)


def test_a_clock_that_is_set_back_does_not_prolong_it() -> None:
    waiting = back_off(2.0, 15.0)
    waiting.failed(10_000 * SECOND)
    assert waiting.earliest(0) == 15 * SECOND
