"""Episodes: what a person counts as one alarm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.backtest.episodes import Detection, Episode, detection, episodes

flags = st.lists(st.booleans(), max_size=80).map(lambda values: np.array(values, bool))


def rows(*flagged: int, length: int = 50) -> np.ndarray:
    return np.isin(np.arange(length), flagged)


def test_rows_at_most_ten_apart_are_one_episode() -> None:
    assert episodes(rows(3, 13)) == [Episode(3, 14)]


def test_rows_more_than_ten_apart_are_two_episodes() -> None:
    assert episodes(rows(3, 14)) == [Episode(3, 4), Episode(14, 15)]


def test_nothing_flagged_is_no_episode() -> None:
    assert episodes(rows()) == []


def test_labels_are_events_only_where_they_are_neighbours() -> None:
    result = detection(flagged=rows(), label=rows(3, 4, 6))
    assert (result.events, result.found, result.normal_rows) == (2, 0, 47)


def test_an_event_that_an_episode_overlaps_is_found_and_the_episode_is_not_false() -> None:
    result = detection(flagged=rows(5, 12, 40), label=rows(8, 9))
    assert result == Detection(events=1, found=1, false_episodes=1, normal_rows=48)
    assert result.event_recall == 1.0
    assert result.false_episodes_per_1000 == pytest.approx(1000 / 48)


def test_without_events_there_is_no_recall() -> None:
    assert detection(rows(1), rows()).event_recall is None


@given(flags)
def test_episodes_cover_exactly_what_is_flagged_up_to_the_gaps(flagged: np.ndarray) -> None:
    found = episodes(flagged)
    for episode in found:
        assert flagged[episode.start]
        assert flagged[episode.stop - 1]
    assert sum(flagged[episode.start : episode.stop].sum() for episode in found) == flagged.sum()
    for left, right in itertools.pairwise(found):
        assert right.start - (left.stop - 1) > 10
