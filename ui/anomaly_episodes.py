"""Runs of anomalies: a fault lasts many events, and a person wants to read of it once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from dataflows.events import Enriched

MAX_EPISODES = 200


@dataclass(frozen=True, slots=True)
class AnomalyEpisode:
    """Anomalous events of one vehicle with no long gap between them.

    Attributes:
        started_at: arrival of the first, seconds since the epoch.
        ended_at: arrival of the last so far.
        events: how many.
        worst: the one of the highest severity.
    """

    started_at: float
    ended_at: float
    events: int
    worst: Enriched


class EpisodeLog:
    """The last `MAX_EPISODES` episodes.

    Args:
        gap: seconds without an anomaly that end an episode.
    """

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._episodes: OrderedDict[tuple[str, int], AnomalyEpisode] = OrderedDict()
        self._current: dict[str, int] = {}
        self._begun = 0

    def add(self, event: Enriched, seen_at: float) -> None:
        """Take an anomalous event that arrived at `seen_at`, seconds since the epoch."""
        key = (event.vehicle_id, self._current.get(event.vehicle_id, -1))
        episode = self._episodes.get(key)
        if episode is not None and seen_at - episode.ended_at <= self._gap:
            self._episodes[key] = replace(
                episode,
                ended_at=max(seen_at, episode.ended_at),
                events=episode.events + 1,
                worst=max(episode.worst, event, key=lambda candidate: candidate.severity),
            )
            return
        self._begun += 1
        self._current[event.vehicle_id] = self._begun
        self._episodes[event.vehicle_id, self._begun] = AnomalyEpisode(seen_at, seen_at, 1, event)
        if len(self._episodes) > MAX_EPISODES:
            (vehicle_id, number), _ = self._episodes.popitem(last=False)
            if self._current[vehicle_id] == number:
                del self._current[vehicle_id]

    def latest_first(self) -> tuple[AnomalyEpisode, ...]:
        """The episodes, the one that began last first."""
        return tuple(sorted(self._episodes.values(), key=lambda episode: -episode.started_at))
