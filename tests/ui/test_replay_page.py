"""The page *Replay*, and the other pages of a session that replays a history that a recorder wrote."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from config.settings import load
from dataflows.recordings import JsonLinesWriter
from tests.support.enriched_events import START, enriched, payload
from tests.support.shown_alerts import alert, cleared, message
from tests.support.staged_page import APP, StagedFeed, again, text
from tests.support.stored_history import store
from ui.fleet.page import show_fleet
from ui.live.feed import Feed
from ui.replay.feed import ReplayFeed
from ui.replay.history_recording import HistoryRecording
from ui.viewer import Viewer

SECONDS = 400
EVENTS = [
    *(payload("V1", n, error=2.0 if n % 50 == 0 else 0.5) for n in range(SECONDS)),
    *(payload("V2", n) for n in range(0, 100, 2)),
]
ALERTS = [message(each) for each in (alert("V1", 60), cleared("V1", 60), alert("V2", 200))]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> StagedFeed:
    feed = StagedFeed(load())
    feed.state.record(payload("LIVE"))
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), feed))
    return feed


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a history and files are."""
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", str(tmp_path / "history"))
    monkeypatch.setenv("FLEET__PAGE__RECORDINGS", str(tmp_path / "results"))
    return tmp_path


@pytest.fixture
def history(directory: Path) -> Path:
    place = directory / "history"
    # Some events are there twice, as after a crash.
    store(place, "events", EVENTS[:300], EVENTS[200:])
    store(place, "alerts", ALERTS, topic="fleet/alerts/V")
    return place


def recording(history: Path) -> HistoryRecording:
    return HistoryRecording(history, load(), START - timedelta(hours=1), START + timedelta(hours=1))


def replaying(history: Path, at: float = 0.0) -> AppTest:
    """The first page of a session that replays all of the history, paused `at` seconds after its start."""
    feed = ReplayFeed(load(), recording(history))
    feed.jump(START.timestamp() + at)
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["replay"] = feed
    return again(test)


def replay_page() -> None:
    """A script with the page *Replay* alone."""
    from datetime import UTC

    from config.settings import load
    from tests.support.staged_page import StagedFeed, StagedPublisher
    from ui.actions.action_desk import ActionDesk
    from ui.push.sections import Sections
    from ui.replay.page import show_replay
    from ui.replay.session import current_replay
    from ui.viewer import Viewer

    settings = load()
    feed = current_replay() or StagedFeed(settings)
    desk = ActionDesk(StagedPublisher())
    show_replay(Viewer("", "viewer", UTC, settings, feed, desk, Sections(feed.versions)))


def chosen(**query: str) -> AppTest:
    """The page *Replay*, as a viewer opens it."""
    test = AppTest.from_function(replay_page, default_timeout=60)
    test.query_params.update(query)
    return again(test)


def replay_of(test: AppTest) -> ReplayFeed:
    feed: ReplayFeed = test.session_state["replay"]
    return feed


def test_a_replay_of_a_written_history_shows_what_was_sent(history: Path) -> None:
    feed = ReplayFeed(load(), recording(history))
    feed.jump(START.timestamp() + 150.0)
    fleet = feed.state.snapshot()
    assert fleet.events == 151 + 50
    assert fleet.vehicles["V1"].latest == enriched("V1", 150, error=2.0)
    assert fleet.vehicles["V2"].silent(fleet.taken_at, 10.0)
    assert fleet.anomalies_last_hour == 4
    assert [each.vehicle_id for each in feed.alerts.snapshot().alerts] == ["V1"]
    assert feed.state.history("V1")[-20:] == [
        enriched("V1", n, error=2.0 if n % 50 == 0 else 0.5) for n in range(131, 151)
    ]


def test_a_recording_has_only_the_minutes_of_which_events_are_kept(history: Path) -> None:
    kept = recording(history)
    assert (kept.start, kept.end) == (_microseconds(0), _microseconds(420))


@pytest.fixture
def viewers(monkeypatch: pytest.MonkeyPatch) -> list[Viewer]:
    """Whom the page *Fleet* was drawn for, the last one last."""
    drawn: list[Viewer] = []

    def noting(viewer: Viewer) -> None:
        drawn.append(viewer)
        show_fleet(viewer)

    monkeypatch.setattr("ui.page.show_fleet", noting)
    return drawn


def vehicles_of(viewer: Viewer) -> list[str]:
    """Ids of the vehicles that the pages of a viewer show."""
    return sorted(viewer.feed.state.snapshot().vehicles)


def test_the_other_pages_show_the_replay_and_say_so(
    history: Path, live: StagedFeed, viewers: list[Viewer]
) -> None:
    test = replaying(history, at=150.0)
    assert "Replay of 01 Jan 12:02:30 UTC** :gray[paused]" in text(test)
    assert vehicles_of(viewers[-1]) == ["V1", "V2"]
    assert "Live]" not in text(test)
    assert not test.warning


def test_back_to_live_shows_the_stream_again(history: Path, live: StagedFeed, viewers: list[Viewer]) -> None:
    test = replaying(history)
    test.button(key="bar_live").click()
    again(test)
    assert "Replay of" not in text(test)
    assert vehicles_of(viewers[-1]) == ["LIVE"]


def test_of_a_replay_nothing_can_be_acted_on(history: Path, live: StagedFeed, viewers: list[Viewer]) -> None:
    replaying(history)
    assert [(viewer.may_act, viewer.may_command) for viewer in viewers] == [(False, False)]


def test_a_replay_is_paused_and_played_from_any_page(history: Path, live: StagedFeed) -> None:
    test = replaying(history)
    assert test.button(key="bar_pause").label == "Play"
    test.button(key="bar_pause").click()
    assert not replay_of(again(test)).clock.is_paused
    test.button(key="bar_pause").click()
    assert replay_of(again(test)).clock.is_paused


def test_the_last_hour_that_is_kept_is_proposed_and_replayed(history: Path) -> None:
    test = chosen()
    test.button(key="replay_start").click()
    feed = replay_of(again(test))
    assert (feed.clock.start, feed.clock.is_paused) == (START.timestamp(), False)
    table = next(table.value for table in test.dataframe if "At" in table.value.columns)
    assert table["Vehicle"].tolist() == ["V1", "V2"]
    assert table["At"].tolist() == ["01 Jan 12:01:00 UTC", "01 Jan 12:03:20 UTC"]


def test_an_address_replays_a_part_of_the_history(history: Path) -> None:
    test = chosen(**{"from": "2026-01-01T12:01:00Z", "to": "2026-01-01T12:03:00Z"})
    clock = replay_of(test).clock
    assert (clock.start, clock.end) == (START.timestamp() + 60.0, START.timestamp() + 180.0)


def test_a_time_that_ends_before_it_begins_is_refused(history: Path) -> None:
    test = chosen()
    test.session_state["replay_to"] = test.session_state["replay_from"] - timedelta(hours=1)
    (warning,) = again(test).warning
    assert warning.value == "The end is not after the beginning."
    assert test.button(key="replay_start").disabled


def test_without_events_the_page_says_how_to_keep_some(directory: Path) -> None:
    (info,) = chosen().info
    assert "python -m bytewax.run dataflows.record" in info.value


def test_a_step_goes_a_minute_and_alerts_are_jumped_to(history: Path) -> None:
    test = chosen(**{"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T12:07:00Z"})
    feed = replay_of(test)
    feed.pause()
    feed.jump(feed.clock.start)
    again(test)
    for key, expected in (("on", 60.0), ("after", 170.0), ("back", 110.0), ("before", 30.0)):
        test.button(key=f"replay_{key}").click()
        again(test)
        assert feed.clock.at - feed.clock.start == expected, key


def test_the_speed_can_be_chosen(history: Path) -> None:
    test = chosen(**{"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T12:07:00Z"})
    test.segmented_control(key="replay_speed").set_value(60)
    again(test)
    assert replay_of(test).clock.speed == 60


def test_a_file_of_scored_events_is_replayed_in_the_order_of_their_times(directory: Path) -> None:
    with JsonLinesWriter(directory / "results" / "monday" / "enriched.jsonl.gz") as writer:
        writer.write([*reversed(EVENTS), b"not an event", *EVENTS[:10]])
    with JsonLinesWriter(directory / "results" / "monday" / "alerts.jsonl") as writer:
        writer.write(ALERTS)
    test = chosen(replay_kind="File")
    assert test.selectbox(key="replay_file").options == ["monday/enriched.jsonl.gz (0.0 MB)"]
    test.button(key="replay_start_file").click()
    feed = replay_of(again(test))
    feed.jump(START.timestamp() + 250.0)
    fleet = feed.state.snapshot()
    assert fleet.events == 251 + 50
    assert fleet.vehicles["V1"].latest == enriched("V1", 250, error=2.0)
    assert fleet.vehicles["V2"].latest == enriched("V2", 98)
    assert {each.vehicle_id: each.state for each in feed.alerts.snapshot().alerts} == {
        "V1": "cleared",
        "V2": "open",
    }


def test_a_file_of_raw_telemetry_comes_with_the_command_that_scores_it(directory: Path) -> None:
    path = directory / "results" / "raw data.jsonl"
    with JsonLinesWriter(path) as writer:
        writer.write([b'{"vehicle_id": "V1", "ts": "2026-01-01T12:00:00Z", "speed": 50}'])
    test = chosen(replay_kind="File")
    assert test.button(key="replay_start_file").disabled
    assert "never scored" in test.info[0].value
    assert f"FLEET__RECORDING__INPUT='{path}'" in test.code[0].value
    assert test.code[0].value.endswith("python -m bytewax.run dataflows.fleet")


def test_only_files_of_the_directory_are_offered(directory: Path) -> None:
    outside = directory / "secret.jsonl"
    with JsonLinesWriter(outside) as writer:
        writer.write(EVENTS[:3])
    (directory / "results").mkdir()
    (directory / "results" / "link.jsonl").symlink_to(outside)
    assert "No files are in" in chosen(replay_kind="File", replay_file="../secret.jsonl").info[0].value


def test_a_feed_is_live_unless_it_replays(history: Path) -> None:
    assert Feed.is_live
    assert not ReplayFeed(load(), recording(history)).is_live


def _microseconds(second: int) -> int:
    return round(START.timestamp() + second) * 1_000_000
