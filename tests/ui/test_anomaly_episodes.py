"""Runs of anomalies."""

from __future__ import annotations

from tests.support.enriched_events import enriched
from ui.anomaly_episodes import MAX_EPISODES, EpisodeLog


def test_anomalies_close_to_each_other_are_one_episode_told_by_the_worst() -> None:
    log = EpisodeLog(gap=10.0)
    for at, error in ((100.0, 2.0), (105.0, 9.0), (115.0, 3.0)):
        log.add(enriched("VEH-1", int(at), error=error), at)
    (episode,) = log.latest_first()
    assert (episode.started_at, episode.ended_at, episode.events) == (100.0, 115.0, 3)
    assert episode.worst.reconstruction_error == 9.0


def test_a_gap_begins_another_episode_and_vehicles_have_their_own() -> None:
    log = EpisodeLog(gap=10.0)
    log.add(enriched("VEH-1", 0, error=2.0), 100.0)
    log.add(enriched("VEH-2", 0, error=2.0), 104.0)
    log.add(enriched("VEH-1", 1, error=2.0), 110.5)
    began = [(episode.worst.vehicle_id, episode.started_at) for episode in log.latest_first()]
    assert began == [("VEH-1", 110.5), ("VEH-2", 104.0), ("VEH-1", 100.0)]


def test_only_the_last_episodes_are_kept() -> None:
    log = EpisodeLog(gap=1.0)
    for number in range(MAX_EPISODES + 50):
        log.add(enriched(f"VEH-{number}", error=2.0), 10.0 * number)
    kept = log.latest_first()
    assert len(kept) == MAX_EPISODES
    assert kept[-1].worst.vehicle_id == "VEH-50"
    log.add(enriched("VEH-0", 1, error=2.0), 1e6)
    assert log.latest_first()[0].worst.vehicle_id == "VEH-0"
