"""Times as microseconds since the epoch and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import EPOCH, SECOND, microseconds, utc

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_the_epoch_is_zero_and_a_second_is_a_million() -> None:
    assert microseconds(EPOCH) == 0
    assert microseconds(datetime(1970, 1, 1, 1, 0, 1, tzinfo=timezone(timedelta(hours=1)))) == SECOND
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES))  # noqa: DTZ001 - has zones
def test_a_time_of_any_zone_comes_back_in_utc_exactly(moment: datetime) -> None:
    back = utc(microseconds(moment))
    assert back == moment
    assert back.tzinfo is UTC
