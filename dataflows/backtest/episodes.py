"""Episodes: flagged rows that a person would count as one alarm, and how they match labelled events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EPISODE_GAP = 10
"""Flagged rows at most this many rows apart belong to one episode."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Rows `start` to `stop` (exclusive) of one vehicle."""

    start: int
    stop: int

    def overlaps(self, other: Episode) -> bool:
        """Whether they have a row in common."""
        return self.start < other.stop and other.start < self.stop


def episodes(flagged: NDArray[np.bool_], gap: int = EPISODE_GAP) -> list[Episode]:
    """Join flagged rows into episodes.

    Args:
        flagged: rows of one vehicle in order, shape (n,).
        gap: flagged rows at most this many rows apart are one episode; 1 joins only neighbours.
    """
    rows = np.flatnonzero(flagged)
    if len(rows) == 0:
        return []
    breaks = np.flatnonzero(np.diff(rows) > gap)
    starts, stops = rows[np.append(0, breaks + 1)], rows[np.append(breaks, len(rows) - 1)] + 1
    return [Episode(start, stop) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Detection:
    """How well flagged rows match labelled ones.

    Attributes:
        events: number of labelled events, which are runs of neighbouring labelled rows.
        found: number of events that an episode overlaps.
        false_episodes: number of episodes that overlap no event.
        normal_rows: number of rows without a label.
    """

    events: int
    found: int
    false_episodes: int
    normal_rows: int

    @property
    def event_recall(self) -> float | None:
        """Share of the events that were found; ``None`` without events."""
        return self.found / self.events if self.events else None

    @property
    def false_episodes_per_1000(self) -> float | None:
        """False episodes per 1,000 normal rows; ``None`` without normal rows."""
        return 1000.0 * self.false_episodes / self.normal_rows if self.normal_rows else None

    def __add__(self, other: Detection) -> Detection:
        return Detection(
            self.events + other.events,
            self.found + other.found,
            self.false_episodes + other.false_episodes,
            self.normal_rows + other.normal_rows,
        )


def detection(flagged: NDArray[np.bool_], label: NDArray[np.bool_]) -> Detection:
    """Compare flagged with labelled rows of one vehicle, both of shape (n,) and in order."""
    events, alarms = episodes(label, gap=1), episodes(flagged)
    found = sum(any(event.overlaps(alarm) for alarm in alarms) for event in events)
    false = sum(not any(alarm.overlaps(event) for event in events) for alarm in alarms)
    return Detection(len(events), found, false, int((~label).sum()))
