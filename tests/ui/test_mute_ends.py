"""When a mute ends that a viewer has chosen the end of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ui.alerts.mute_ends import ENDS, End, end_of

BERLIN = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
"""Half past eleven in Berlin, in the night in which the clocks go forward."""


@pytest.mark.parametrize(("end", "minutes"), [("15 min", 15), ("1 h", 60), ("8 h", 480)])
def test_a_mute_lasts_for_what_was_chosen(end: End, minutes: int) -> None:
    assert end_of(end, EVENING.timestamp(), BERLIN) == EVENING + timedelta(minutes=minutes)


def test_tomorrow_is_that_of_the_viewer() -> None:
    assert end_of("tomorrow 06:00", EVENING.timestamp(), BERLIN) == datetime(2026, 3, 29, 4, tzinfo=UTC)
    night = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert end_of("tomorrow 06:00", night.timestamp(), BERLIN) == datetime(2026, 3, 30, 4, tzinfo=UTC)
    assert end_of("tomorrow 06:00", night.timestamp(), UTC) == datetime(2026, 3, 29, 6, tzinfo=UTC)


def test_a_time_that_was_chosen_is_in_the_zone_of_the_viewer() -> None:
    at = datetime(2026, 3, 29, 12)  # noqa: DTZ001 (as a clock on the wall shows it)
    assert end_of("at a time", EVENING.timestamp(), BERLIN, at) == datetime(2026, 3, 29, 10, tzinfo=UTC)


def test_an_end_is_in_the_future_or_there_is_none() -> None:
    past = datetime(2026, 3, 28, 23, 29)  # noqa: DTZ001 (as a clock on the wall shows it)
    assert end_of("at a time", EVENING.timestamp(), BERLIN, past) is None
    assert end_of("at a time", EVENING.timestamp(), BERLIN) is None
    ends = [end_of(end, EVENING.timestamp(), BERLIN) for end in ENDS[:-1]]
    assert all(end is not None and end > EVENING for end in ends)
