"""What a replay shows, and that it does not depend on how it got there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import HistoryError
from config.settings import load
from dataflows.clock import SECOND
from dataflows.events import Enriched
from tests.support.enriched_events import START, enriched
from tests.support.replayed import ListedRecording
from tests.support.shown_alerts import alert, cleared
from ui.replay import feed as replay_feed
from ui.replay.feed import ReplayFeed
from ui.replay.recording import Row

LENGTH = 1500
SETTINGS = load()


def events() -> list[Enriched]:
    """Four vehicles: one sends all the time, one now and then, one stops, one begins late."""
    return [
        *(
            enriched("always", second, error=2.0 if second % 97 == 0 else 0.5)
            for second in range(0, LENGTH, 2)
        ),
        *(enriched("seldom", second, error=0.1) for second in range(3, LENGTH, 211)),
        *(enriched("stops", second, error=3.0) for second in range(0, 200, 5)),
        *(enriched("begins", second) for second in range(900, LENGTH, 10)),
    ]


ALERTS = [
    alert("always", 97),
    cleared("always", 97),
    alert("stops", 30, severity="critical"),
    alert("begins", 1000, kind="silent", subject="vehicle"),
]

RECORDING = ListedRecording(events(), ALERTS)


class Timer:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def replay(recording: ListedRecording = RECORDING) -> tuple[ReplayFeed, Timer]:
    timer = Timer()
    return ReplayFeed(SETTINGS, recording, timer), timer


def shown(feed: ReplayFeed) -> dict[str, Any]:
    """All that the pages see of a replay, but for how far back tracks and counts of changes reach."""
    fleet, alerts = feed.state.snapshot(), feed.alerts.snapshot()
    seen = {field.name: getattr(fleet, field.name) for field in fields(fleet)}
    seen["vehicles"] = {
        name: replace(each, track=each.track[-1:], version=0) for name, each in fleet.vehicles.items()
    }
    return seen | {"at": feed.clock.at, "alerts": alerts}


def straight(at: float) -> ReplayFeed:
    """A replay that was never set, and looked at every two seconds."""
    feed, timer = replay()
    feed.clock.speed = 60.0
    feed.play()
    while feed.clock.due() < at:
        timer.now += 1.0
        if feed.clock.due() >= at:
            break
        feed.versions()
    # The last stretch, which no whole number of seconds may fit.
    feed.clock.pause()
    feed._advance(at)
    return feed


MOMENTS = st.floats(0.0, float(LENGTH), allow_nan=False).map(lambda seconds: START.timestamp() + seconds)
DEEDS = st.one_of(
    st.tuples(st.just("jump"), MOMENTS),
    st.tuples(st.just("speed"), st.sampled_from((1.0, 2.0, 5.0, 10.0, 60.0))),
    st.tuples(st.just("wait"), st.floats(0.0, 5.0)),
    st.tuples(st.just("pause"), st.just(0.0)),
    st.tuples(st.just("play"), st.just(0.0)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(DEEDS, max_size=12), MOMENTS)
def test_a_moment_looks_the_same_however_it_got_there(deeds: list[tuple[str, float]], at: float) -> None:
    feed, timer = replay()
    for deed, value in deeds:
        match deed:
            case "jump":
                feed.jump(value)
            case "speed":
                feed.set_speed(value)
            case "wait":
                timer.now += value
                feed.versions()
            case "pause":
                feed.pause()
            case "play":
                feed.play()
    feed.jump(at)
    expected = straight(feed.clock.at)
    assert shown(feed) == shown(expected)
    since = feed.clock.at - 60.0
    for vehicle in feed.state.snapshot().vehicles:
        histories = [
            [e for e in f.state.history(vehicle) if e.ts.timestamp() >= since] for f in (feed, expected)
        ]
        assert histories[0] == histories[1], "the last minute of every vehicle is there"


def test_who_is_silent_is_judged_by_the_time_of_the_replay() -> None:
    feed, _ = replay()
    feed.jump(START.timestamp() + 300.0)
    fleet = feed.state.snapshot()
    assert fleet.taken_at == START.timestamp() + 300.0
    silent = {name: v.silent(fleet.taken_at, 10.0) for name, v in fleet.vehicles.items()}
    assert silent == {"always": False, "seldom": True, "stops": True}


def test_alerts_are_as_they_were() -> None:
    feed, _ = replay()

    def states(second: float) -> dict[str, str]:
        feed.jump(START.timestamp() + second)
        return {alert.vehicle_id: alert.state for alert in feed.alerts.snapshot().alerts}

    assert states(120.0) == {"stops": "open", "always": "open"}
    assert states(200.0) == {"stops": "open", "always": "cleared"}
    assert states(35.0) == {}


def test_a_replay_that_is_paused_or_forgotten_reads_nothing() -> None:
    recording = ListedRecording(events())
    feed, timer = replay(recording)
    read, versions = recording.read, feed.versions()
    timer.now += 10_000.0
    assert feed.versions() == versions
    assert recording.read == read


def test_every_change_is_a_higher_version_also_after_a_jump_backwards() -> None:
    feed, _ = replay()
    seen = feed.versions()
    for at in (1000.0, 20.0, 1000.0, 995.0, 15.0):
        feed.jump(START.timestamp() + at)
        now = feed.versions()
        assert all(now[topic] > seen[topic] for topic in ("fleet", "clock", "replay"))
        seen = now


def test_reading_that_takes_long_holds_the_clock_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_feed, "LOOK_AT_TIMER", 10)
    feed, timer = replay()
    feed.set_speed(60.0)
    feed.play()
    recorded = feed.state.record

    def slow(payload: bytes, *, retained: bool = False) -> None:
        timer.now += 0.05
        recorded(payload, retained=retained)

    monkeypatch.setattr(feed.state, "record", slow)
    timer.now += 1.9
    feed.versions()
    assert 0.0 < feed.clock.at - START.timestamp() < 60.0, "it did not wait for all of the events"
    monkeypatch.undo()
    at = feed.clock.at
    assert feed.state.snapshot().events == straight(at).state.snapshot().events


def test_what_cannot_be_read_pauses_the_replay_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = ListedRecording(events())
    feed, _ = replay(recording)
    feed.play()

    def refused(start: int, end: int) -> Iterator[Row]:
        raise HistoryError("no permission\nto read")

    with monkeypatch.context() as patched:
        patched.setattr(recording, "events", refused)
        feed.jump(START.timestamp() + 1400.0)
        assert (feed.trouble, feed.clock.is_paused) == ("no permission to read", True)
    feed.jump(START.timestamp() + 1400.0)
    assert feed.trouble == ""
    assert feed.state.snapshot().events == straight(feed.clock.at).state.snapshot().events


def test_memory_does_not_grow_with_the_length_of_a_recording() -> None:
    recording = ListedRecording(enriched("V", n, ts=START + timedelta(minutes=n)) for n in range(6000))
    feed, _ = replay(recording)
    feed.set_speed(60.0)
    feed.jump(feed.clock.end - 60.0)
    assert recording.most_at_once <= replay_feed.READ_AHEAD
    assert feed.recording.end / SECOND == feed.clock.end
