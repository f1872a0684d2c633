"""Quiet hours by the clocks of a time zone, also on the days on which they are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import SECOND, microseconds, utc
from dataflows.notification.quiet_hours import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = 60 * SECOND
minutes = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))
moments = st.integers(*(microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (2025, 2027)))
zones = st.sampled_from([BERLIN, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kolkata")])


def at(day: int, clock: str, *, month: int = 1, fold: int = 0) -> int:
    local = datetime.combine(date(2026, month, day), time.fromisoformat(clock), BERLIN)
    return microseconds(local.replace(fold=fold))


@pytest.mark.parametrize(
    ("begin", "end", "inside", "outside"),
    [
        ("22:00", "06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("12:00", "13:30", ["12:00", "13:29"], ["11:59", "13:30", "00:00"]),
    ],
)
def test_they_begin_inclusively_and_end_exclusively(
    begin: str, end: str, inside: list[str], outside: list[str]
) -> None:
    quiet = QuietHours(time.fromisoformat(begin), time.fromisoformat(end), BERLIN)
    assert all(quiet.contain(at(5, clock)) for clock in inside)
    assert not any(quiet.contain(at(5, clock)) for clock in outside)


def test_they_end_on_the_next_morning() -> None:
    quiet = QuietHours(time(22), time(6), BERLIN)
    assert quiet.end_after(at(5, "23:00")) == at(6, "06:00")
    assert quiet.end_after(at(6, "03:00")) == at(6, "06:00")


@given(st.builds(QuietHours, minutes, minutes, zones).filter(lambda quiet: quiet.begin != quiet.end), moments)
def test_at_their_end_they_are_over_and_it_is_no_more_than_two_days_away(quiet: QuietHours, now: int) -> None:
    end = quiet.end_after(now)
    assert not quiet.contain(end)
    assert now < end <= now + 50 * 60 * MINUTE


def test_where_clocks_are_set_back_they_end_twice() -> None:
    """On 25 October 2026, 02:00 to 03:00 comes twice in Berlin."""
    quiet = QuietHours(time(1), time(2, 30), BERLIN)
    first, second = (at(25, "02:30", month=10, fold=fold) for fold in (0, 1))
    assert quiet.end_after(first - MINUTE) == first
    again = at(25, "02:10", month=10, fold=1)
    assert quiet.contain(again)
    assert quiet.end_after(again) == second


def test_an_end_that_clocks_skip_is_an_hour_late_at_most() -> None:
    """On 29 March 2026, 02:00 to 03:00 does not come in Berlin."""
    quiet = QuietHours(time(1), time(2, 30), BERLIN)
    end = quiet.end_after(at(29, "01:30", month=3))
    assert utc(end) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
