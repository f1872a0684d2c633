"""The stretch of time that the page of a vehicle shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

SpanName = Literal["5min", "15min", "1h", "6h", "1d"]
"""As it is in the address of the page."""

SPANS: dict[SpanName, timedelta] = {
    "5min": timedelta(minutes=5),
    "15min": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
}

LABELS: dict[SpanName, str] = {
    "5min": "5 min",
    "15min": "15 min",
    "1h": "1 h",
    "6h": "6 h",
    "1d": "1 day",
}

DEFAULT_SPAN: SpanName = "5min"

LONGEST_WITH_EVENTS = timedelta(hours=1)
"""A longer stretch is drawn from the summaries of minutes: a day of events is sixty times as many rows."""

STEPS = 600
"""Positions of the slider, and redrawings of a live chart while a stretch passes: about one for a pixel."""

SHORTEST_STEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end`, UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start

    @property
    def has_events(self) -> bool:
        """Whether it is short enough to be drawn from events, and not from summaries."""
        return self.length <= LONGEST_WITH_EVENTS

    @property
    def step(self) -> timedelta:
        """The least difference between two moments in it that can be told apart."""
        return step_of(self.length)

    def contains(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment <= self.end

    def shifted(self, by: timedelta) -> Window:
        """The same stretch at another time."""
        return Window(self.start + by, self.end + by)


def span_named(text: str | None) -> SpanName:
    """The span that an address names; `DEFAULT_SPAN` if it names none that there is."""
    return next((name for name in get_args(SpanName) if name == text), DEFAULT_SPAN)


def step_of(length: timedelta) -> timedelta:
    """The least difference between two moments that can be told apart in a stretch, in whole seconds."""
    return max(SHORTEST_STEP, timedelta(seconds=length // STEPS // SHORTEST_STEP))


def window_until(end: datetime, span: SpanName) -> Window:
    """The last stretch before `end`, in whole seconds."""
    end = _whole(end) + SHORTEST_STEP
    return Window(end - SPANS[span], end)


def window_around(at: datetime, span: SpanName, latest: datetime) -> Window:
    """A stretch with `at` in its middle, or before its end if there is nothing after `latest`.

    It begins and ends with whole seconds.

    Args:
        at: the moment that is shown.
        span: how long.
        latest: nothing is known of what is later, unless `at` itself is.
    """
    end = _whole(max(at, min(at + SPANS[span] / 2, latest))) + SHORTEST_STEP
    return Window(end - SPANS[span], end)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
