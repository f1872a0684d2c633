"""The time that is looked at: a day, a week, a month of the viewer's zone, or from one moment to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import streamlit as st

from ui import links
from ui.formatting import duration

DAY, WEEK, MONTH, FREE = "Day", "Week", "Month", "From–to"
LENGTHS = {DAY: 1, WEEK: 7, MONTH: 30}
"""Name of a range → days."""

RANGE, UNTIL, FROM, TO = "range", "until", "from", "to"
"""In the address of the page: the range; its last day; or its ends, in UTC."""

_FROM, _TO = "history_from", "history_to"

FIRST = timedelta(hours=3)
"""Of the last day, proposed for a range from one moment to another."""

EVENTS_UP_TO = timedelta(hours=6)
"""Up to which every event of two vehicles is read, and not the summaries of minutes."""

DETAILS_UP_TO = timedelta(hours=26)
"""Up to which every event of one vehicle is read: a day, also one on which clocks are set back."""

LONGEST = timedelta(days=400)
"""For which summaries are kept."""

STEP = timedelta(minutes=1)

MARGIN = timedelta(seconds=30)
"""Beside the first and the last moment, at least."""


@dataclass(frozen=True, slots=True)
class Period:
    """Some time.

    Attributes:
        start, end: in the viewer's zone; the end is exclusive.
    """

    start: datetime
    end: datetime

    @classmethod
    def of_days(cls, last: date, days: int, zone: tzinfo) -> Period:
        """Whole days of a zone, the last one included."""
        ends = last - timedelta(days=days - 1), last + timedelta(days=1)
        start, end = (datetime.combine(day, time(), zone) for day in ends)
        return cls(start, end)

    @property
    def length(self) -> timedelta:
        """From start to end; not on the clock, which may be set forward or back meanwhile."""
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)

    @property
    def first_day(self) -> date:
        """The UTC day on which it begins."""
        return self.start.astimezone(UTC).date()

    @property
    def last_day(self) -> date:
        """The UTC day on which it ends."""
        return (self.end.astimezone(UTC) - timedelta(microseconds=1)).date()

    @property
    def is_one_day(self) -> bool:
        """Whether it is a single day of the viewer's zone."""
        return self.start.time() == time() and self.end == self.start + timedelta(days=1)

    def around(self, first: datetime, last: datetime) -> Period:
        """The part in which there is something, from the first to the last moment, and a little more."""
        zone, margin = self.start.tzinfo, (last - first) / 50 + MARGIN
        start, end = ((at.astimezone(zone)) for at in (first - margin, last + margin))
        return Period(max(self.start, start), min(self.end, end))

    @property
    def words(self) -> str:
        """``on 20 Nov 2026``, ``from 14 Nov 2026 to 20 Nov 2026``, or with times of day."""
        last = self.end - timedelta(days=1)
        if self.is_one_day:
            return f"on {self.start:%d %b %Y}"
        if self.start.time() == self.end.time() == time():
            return f"from {self.start:%d %b %Y} to {last:%d %b %Y}"
        return f"from {self.start:%d %b %Y %H:%M} to {self.end:%d %b %Y %H:%M}"

    @property
    def stem(self) -> str:
        """For the name of a file: ``2026-11-20`` or ``2026-11-20T0800 2026-11-20T1030``."""
        if self.is_one_day:
            return f"{self.start:%Y-%m-%d}"
        return f"{self.start:%Y-%m-%dT%H%M} {self.end:%Y-%m-%dT%H%M}"


def show_period(zone: tzinfo, latest_day: Callable[[], date | None]) -> Period | None:
    """Draw the choice of the time; returns it, or ``None`` if what was chosen is none, which is said.

    Args:
        zone: of the viewer.
        latest_day: the last day of which anything is kept; called if the viewer has not chosen one.
    """
    today = datetime.now(zone).date()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.segmented_control(
        "Range", [*LENGTHS, FREE], default=DAY, required=True, key=RANGE, bind="query-params"
    )
    if name == FREE:
        with row:
            return _show_free(zone, latest_day)
    first = today
    if UNTIL not in st.query_params:
        first = latest_day() or today
    label = "Day" if name == DAY else "Last day"
    last = row.date_input(
        f"{label}, {datetime.now(zone):%Z}", first, max_value=today, key=UNTIL, bind="query-params", width=220
    )
    assert isinstance(last, date)
    return Period.of_days(last, LENGTHS[name or DAY], zone)


def _show_free(zone: tzinfo, latest_day: Callable[[], date | None]) -> Period | None:
    asked = tuple(links.time_in(st.query_params.get(name)) for name in (FROM, TO))
    if _FROM not in st.session_state or _TO not in st.session_state:
        start, end = asked
        if start is None or end is None:
            end = Period.of_days(latest_day() or datetime.now(zone).date(), 1, zone).end
            end = min(end, datetime.now(zone).replace(second=0, microsecond=0) + STEP)
            start = end - FIRST
        st.session_state[_FROM], st.session_state[_TO] = (
            moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end)
        )
    zone_name = f"{datetime.now(zone):%Z}"
    first = st.datetime_input(f"From, {zone_name}", key=_FROM, step=STEP, format="YYYY-MM-DD", width=220)
    last = st.datetime_input(f"To, {zone_name}", key=_TO, step=STEP, format="YYYY-MM-DD", width=220)
    if first is None or last is None or last <= first or last - first > LONGEST:
        st.warning(
            f"Choose an end after the beginning, and at most {duration(LONGEST.total_seconds())} later."
        )
        return None
    period = Period(first.replace(tzinfo=zone), last.replace(tzinfo=zone))
    for key, moment in ((FROM, period.start), (TO, period.end)):
        text = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if st.query_params.get(key) != text:
            st.query_params[key] = text
    return period
