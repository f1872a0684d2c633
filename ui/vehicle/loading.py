"""What is known of a vehicle in a window: the events that the page has received, and the history."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from config.errors import HistoryError
from config.settings import Settings
from dataflows.clock import microseconds
from dataflows.events import Enriched
from ui.formatting import markdown
from ui.live.feed import Feed
from ui.vehicle import past
from ui.vehicle.series import Series, SignalSeries, merged, series_of
from ui.vehicle.window import Window

SHARED = 32
"""Vehicles whose events are kept as arrays for all viewers, about 0.3 MB each."""

ANSWER_EVERY = timedelta(seconds=30)
"""The history is asked in whole steps of this: while a live window moves, the answer stays the same."""

LONGEST_WITHOUT_SUMMARIES = timedelta(hours=6)
"""A longer window is only drawn from summaries: a day of events of each viewer would fill the memory."""


NOTHING = "Nothing is kept of this time. The recorder keeps what comes while it runs."


@dataclass(frozen=True, slots=True)
class Recent:
    """The events of a vehicle that the page has received and still keeps.

    Attributes:
        events: by event time.
        series: the same as arrays.
    """

    events: tuple[Enriched, ...]
    series: Series

    def event_at(self, at: datetime) -> Enriched | None:
        """The last event up to a moment, if it is not older than `past.REACH`."""
        place = bisect_right(self.events, at, key=lambda event: event.ts)
        if not place or at - self.events[place - 1].ts > past.REACH:
            return None
        return self.events[place - 1]

    @property
    def last_anomaly(self) -> Enriched | None:
        """The last event that was flagged."""
        return next((event for event in reversed(self.events) if event.is_anomaly), None)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A window of a vehicle.

    Attributes:
        series: what is known.
        note: Markdown: what is not, and why; empty if all is.
    """

    series: Series
    note: str = ""


def recent_of(feed: Feed, vehicle: str, settings: Settings) -> Recent:
    """What the page has received of a vehicle; viewers of the same vehicle share it."""
    known = _Known(feed, settings)
    return _recent(known, vehicle, feed.state.version_of(vehicle))


def load(vehicle: str, window: Window, recent: Recent, settings: Settings) -> Loaded:
    """A window of a vehicle, from what the page has received and from the history.

    Args:
        vehicle: its id.
        window: which time.
        recent: what the page has received of it.
        settings: all of them.
    """
    start, end = microseconds(window.start), microseconds(window.end)
    received = recent.series.between(start, end + 1)
    if window.has_events and len(recent.series) and recent.series.times[0] <= start:
        return Loaded(received)
    directory = settings.history.directory
    if directory is None:
        return Loaded(received, _without_history(window))
    try:
        return _with_history(directory, vehicle, window, received)
    except HistoryError as error:
        return Loaded(received, f"The history cannot be read: {markdown(str(error), 300)}")


def event_at(vehicle: str, at: datetime, recent: Recent, settings: Settings) -> Enriched | None:
    """How a vehicle was at a moment; ``None`` if nothing is known of it."""
    event = recent.event_at(at)
    if event is not None or settings.history.directory is None:
        return event
    try:
        return past.event_at(settings.history.directory, vehicle, at)
    except HistoryError:
        return None  # `load` says so


def _with_history(directory: Path | str, vehicle: str, window: Window, received: Series) -> Loaded:
    asked = Window(_floor(window.start), _floor(window.end + ANSWER_EVERY))
    start, end = microseconds(window.start), microseconds(window.end)
    if not window.has_events:
        kept = past.summaries_between(directory, vehicle, asked.start, asked.end)
        if len(kept):
            later = received.between(int(kept.times[-1]) + 60_000_000, end + 1)
            return Loaded(merged(kept, _as_points(later)).between(start, end + 1))
        if window.length > LONGEST_WITHOUT_SUMMARIES:
            return Loaded(
                received, "Nothing is kept of this time. The recorder keeps what comes while it runs."
            )
    kept = past.events_between(directory, vehicle, asked.start, asked.end)
    found = merged(kept, received).between(start, end + 1)
    if len(found) or not window.has_events:
        return Loaded(found)
    kept = past.summaries_between(directory, vehicle, asked.start, asked.end).between(start, end + 1)
    note = "The events of this time are no longer kept: these are the summaries of its minutes."
    return Loaded(kept, note if len(kept) else "")


def _without_history(window: Window) -> str:
    longer = "" if window.has_events else " A longer time needs the summaries of the history."
    return (
        "No history is kept here, since `history.directory` is empty in the settings: only the events that "
        f"this page has received lately are known.{longer}"
    )


def _as_points(events: Series) -> Series:
    """Events beside summaries: each is its own least and largest value."""
    signals = {
        name: SignalSeries(signal.values, signal.values, signal.values, np.zeros(len(events), np.bool_))
        for name, signal in events.signals.items()
    }
    return replace(events, signals=signals, is_summary=True)


def _floor(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.timestamp() % ANSWER_EVERY.total_seconds())


@dataclass(frozen=True, eq=False, slots=True)
class _Known:
    feed: Feed
    settings: Settings

    def __hash__(self) -> int:
        return hash(id(self.feed))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.feed is other.feed


@lru_cache(maxsize=SHARED)
def _recent(known: _Known, vehicle: str, _version: int) -> Recent:
    events = tuple(known.feed.state.history(vehicle))
    page = known.settings.page
    return Recent(events, series_of(events, known.settings.signals, page.latitude, page.longitude))
