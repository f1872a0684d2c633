"""The same events in the same order give the same rollups, however batched and wherever the job stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dataflows.rollup import shard_runs
from tests.support.rollup_streams import Summaries, rollup_settings, stream, summed

ROWS = 700
SETTINGS = rollup_settings(vehicles=5)
streams = st.tuples(st.integers(0, 100_000), st.just(ROWS), st.sampled_from([2, 4, 9]))
"""Arguments of `stream`."""
cuts = st.lists(st.integers(0, ROWS), max_size=12).map(sorted)
few = hypothesis_settings(max_examples=10)


@pytest.fixture(autouse=True)
def _evict_often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_runs, "EVICT_EVERY", 64)
        yield


def said(summaries: Summaries) -> tuple[list[bytes], list[str]]:
    """All messages and late events; those of several vehicles in any order."""
    return sorted(summaries.payloads()), summaries.late


@given(streams, cuts, st.booleans())
@few
def test_it_matters_neither_how_events_are_batched_nor_where_the_job_stops_and_resumes(
    arguments: tuple[int, int, int], where: list[int], restart: bool
) -> None:
    scored = stream(*arguments, set_back=True)
    assert said(summed(SETTINGS, scored, where, restart=restart)) == said(summed(SETTINGS, scored))


def test_one_event_at_a_time_gives_the_same() -> None:
    scored = stream(3, ROWS, 9, set_back=True)
    each = list(range(1, ROWS))
    assert said(summed(SETTINGS, scored, each, restart=True)) == said(summed(SETTINGS, scored))


@given(streams, cuts)
@few
def test_every_event_is_in_one_rollup_or_late_once(arguments: tuple[int, int, int], where: list[int]) -> None:
    scored = stream(*arguments, set_back=True)
    summaries = summed(SETTINGS, scored, where)
    rollups = summaries.rollups()
    assert sum(rollup.events for rollup in rollups) + len(summaries.late) == ROWS
    assert len(set(summaries.late)) == len(summaries.late)
    assert not [it for it, times in Counter(rollup.rollup_id for rollup in rollups).items() if times > 1]
    late = set(summaries.late)
    in_rollups = Counter(
        vehicle
        for vehicle, event in zip(scored.telemetry.vehicle_ids, scored.telemetry.event_ids, strict=True)
        if event not in late
    )
    found: Counter[str] = Counter()
    for rollup in rollups:
        found[rollup.vehicle_id] += rollup.events
        assert rollup.start <= rollup.first_at <= rollup.last_at < rollup.end
    assert found == in_rollups


@given(streams)
@few
def test_windows_of_a_vehicle_close_in_their_order(arguments: tuple[int, int, int]) -> None:
    """So the retained message is about the newest one."""
    summaries = summed(rollup_settings(), stream(*arguments), range(50, ROWS, 50))
    for vehicle in {vehicle for vehicle, _ in summaries.closed}:
        order = [(run.part, run.start) for name, run in summaries.closed if name == vehicle]
        assert order == sorted(order)
