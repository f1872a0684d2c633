"""Columns of datetimes become microseconds exactly, whatever their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.clock import microseconds
from dataflows.decode.columns import EARLIEST, LATEST, timestamps_of_datetimes
from dataflows.decode.faults import Faults

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30)), timezone(timedelta(hours=14))])
IN_RANGE = st.datetimes(
    EARLIEST.replace(tzinfo=None) + timedelta(days=1),
    LATEST.replace(tzinfo=None) - timedelta(days=1),
    timezones=ZONES,
)
WHOLE_SECONDS = IN_RANGE.map(lambda time: time.replace(microsecond=0))


@given(st.lists(IN_RANGE | WHOLE_SECONDS, max_size=40))
@example([EARLIEST, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)])
@example([datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC), datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)])
@example([datetime(2026, 1, 1, tzinfo=UTC)] * 70_000)
def test_times_are_exact_to_the_microsecond(times: list[datetime]) -> None:
    faults = Faults()
    assert timestamps_of_datetimes(times, "the time", faults).tolist() == list(map(microseconds, times))
    assert not faults


def test_missing_times_and_those_out_of_range_are_faults_and_leave_the_others_alone() -> None:
    good = datetime(2026, 1, 1, tzinfo=UTC)
    faults = Faults()
    found = timestamps_of_datetimes([None, good, LATEST, datetime(1, 1, 1, tzinfo=UTC)], "the time", faults)
    assert found[1] == microseconds(good)
    assert [position for position, _ in faults.in_order()] == [0, 2, 3]
