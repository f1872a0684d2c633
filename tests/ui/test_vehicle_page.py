"""The page of a vehicle, live and in the past, with a fleet that the test records."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from config.errors import HistoryError
from config.settings import load
from dataflows.events import Alert
from tests.support.enriched_events import START, payload
from tests.support.history_job import rollup
from tests.support.shown_alerts import alert, message
from tests.support.staged_page import StagedFeed, again, text, without_escapes
from tests.support.stored_history import store
from ui.map.view import MapRoute
from ui.vehicle import past

HOSTILE = "<img src=x onerror=alert(1)>:red[**b**] [x](http://evil.example)|a"
LONG_AGO = START - timedelta(days=2)


def page() -> None:
    """The script that is tested."""
    from datetime import UTC

    import streamlit as st

    import ui.shared
    from tests.support.staged_page import StagedPublisher
    from ui.actions.action_desk import ActionDesk
    from ui.push.sections import Sections
    from ui.vehicle.page import show_vehicle
    from ui.viewer import Viewer

    settings, feed = ui.shared.shared_feed()
    role = st.session_state.get("role", "viewer")
    desk = ActionDesk(StagedPublisher())
    show_vehicle(Viewer("Kim", role, UTC, settings, feed, desk, Sections(feed.versions)))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", str(tmp_path / "history"))
    return tmp_path / "history"


@pytest.fixture
def feed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> StagedFeed:
    staged = StagedFeed(load())
    monkeypatch.setattr("ui.shared.shared_feed", lambda: (load(), staged))
    for question in (past.events_between, past.summaries_between, past.event_at, past.alerts_between):
        question.clear()
    return staged


def shown(role: str = "viewer", **query: str) -> AppTest:
    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["role"] = role
    for name, value in query.items():
        test.query_params[name] = value
    return again(test)


def record(feed: StagedFeed, vehicle: str, count: int, **changes: Any) -> None:
    """Events of a vehicle, one a second; the clock goes on with them."""
    for number in range(count):
        feed.state.record(payload(vehicle, number, **changes))
    feed.now = (START + timedelta(seconds=count)).timestamp()


def behind(test: AppTest) -> list[str]:
    """Sections that would be drawn again, if the least time between two drawings had passed."""
    sections = test.session_state["push_sections"]
    for drawn in sections._drawn.values():
        drawn.at -= 3_600.0
    found: list[str] = sections.behind()
    return [name for name in found if name.startswith("vehicle")]


def chart(test: AppTest, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(test.get("echarts_chart")[place].proto.spec)
    return found


def times(test: AppTest) -> list[float]:
    found: list[float] = chart(test)["dataset"][0]["source"]["t"]
    return [moment / 1000 for moment in found]


def notes(test: AppTest) -> str:
    return without_escapes("\n".join(each.value for each in (*test.info, *test.warning, *test.caption)))


def test_before_the_first_event_it_says_how_to_get_some(feed: StagedFeed) -> None:
    assert "No events yet on `fleet/enriched`" in notes(shown())


def test_without_a_vehicle_in_the_address_the_worst_one_is_shown_and_put_there(feed: StagedFeed) -> None:
    feed.state.record(payload("calm"))
    feed.state.record(payload("worst", error=7.0, measured={"engine_temperature": 131.0}))
    test = shown()
    assert test.title[0].value == "worst"
    assert test.query_params["vehicle"] == "worst"
    assert "Why: engine_temperature 131 °C, expected 90 °C." in text(test).replace("**", "")


def test_a_link_shows_the_vehicle_that_it_names(feed: StagedFeed) -> None:
    feed.state.record(payload("other", error=7.0))
    feed.state.record(payload("V7"))
    test = shown(vehicle="V7")
    assert test.title[0].value == "V7"
    assert "Nothing stands out" in text(test)
    assert "no open alert" in text(test)


def test_beside_an_open_alert_only_the_last_event_is_called_ok(feed: StagedFeed) -> None:
    feed.state.record(payload("V1"))
    assert ":green-badge[ok" in text(shown(vehicle="V1"))

    feed.alerts.record("a", message(alert("V1", severity="critical", summary="brakes are hot")))

    said = text(shown(vehicle="V1"))
    assert ":gray-badge[last event ok] :red-badge[critical alert: " in said
    assert ":green-badge" not in said


def test_an_unknown_vehicle_is_said_to_be_unknown_with_what_to_do(feed: StagedFeed) -> None:
    feed.state.record(payload("V1"))
    test = shown("operator", vehicle="V9")
    assert "Nothing has come from a vehicle **V9**" in notes(test)
    assert "Choose another one above" in notes(test)
    assert not test.get("echarts_chart")
    assert not [button for button in test.button if "Stop" in button.label]


def test_an_unknown_vehicle_that_the_history_knows_can_be_shown_then(
    feed: StagedFeed, directory: Path
) -> None:
    feed.state.record(payload("V1"))
    store(directory, "rollups", [msgspec.json.encode(rollup("V9"))], topic="fleet/rollups/V9")
    test = shown(vehicle="V9")
    assert "The history knows it" in text(test)
    assert test.button(key="vehicle_then").label == "Show it then"


def test_another_vehicle_can_be_chosen_and_is_in_the_address(feed: StagedFeed) -> None:
    for vehicle in ("V1", "V2"):
        feed.state.record(payload(vehicle))
    test = shown(vehicle="V1")
    test.selectbox(key="vehicle_box").select("V2")
    again(test)
    assert test.title[0].value == "V2"
    assert test.query_params["vehicle"] == "V2"


def test_the_worst_open_alert_is_at_the_top_and_all_of_the_vehicle_are_listed(
    feed: StagedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Alert] = []
    monkeypatch.setattr("ui.vehicle.alerts.show_alert_list", lambda _, alerts, **_more: listed.extend(alerts))
    feed.state.record(payload("V1"))
    feed.alerts.record("a", message(alert("V1", severity="critical", summary="brakes are hot")))
    feed.alerts.record("b", message(alert("V1", 1, severity="minor", subject="fuel", summary="fuel is low")))
    feed.alerts.record("c", message(alert("V2", summary="of another vehicle")))
    said = text(shown(vehicle="V1"))
    assert "critical alert: brakes are hot" in said
    assert [each.summary for each in listed] == ["brakes are hot", "fuel is low"]


def test_while_it_warms_up_it_says_that_nothing_is_judged(feed: StagedFeed) -> None:
    feed.state.record(payload("V1", threshold=None))
    assert "It is not judged yet" in text(shown(vehicle="V1"))


def test_a_silent_vehicle_says_since_when_and_its_values_are_marked_as_old(feed: StagedFeed) -> None:
    feed.state.record(payload("V1"))
    since = datetime.fromtimestamp(feed.now, UTC)
    feed.now += 300.0
    said = text(shown(vehicle="V1"))
    assert f"It has been silent since {since:%Y-%m-%d %H:%M:%S}" in said
    assert "Last values** :orange-badge[old" in said


def test_values_stand_beside_what_was_expected_and_what_is_wrong(feed: StagedFeed) -> None:
    feed.state.record(
        payload("V1", error=6.0, measured={"engine_temperature": 131.0, "fuel": None}, implausible=("rpm",))
    )
    said = text(shown(vehicle="V1"))
    assert re.search(r"engine temperature.*131.*67\.5 to 112.*at most 115.*above its limit 115", said)
    assert re.search(r"fuel.*missing", said)
    assert re.search(r"rpm.*not plausible", said)
    (speed,) = [line for line in said.splitlines() if line.startswith("| speed |")]
    assert "45" not in speed, "what is expected of the others is not known during an anomaly"


def test_live_charts_follow_the_vehicle(feed: StagedFeed) -> None:
    record(feed, "V1", 20)
    test = shown(vehicle="V1")
    assert len(times(test)) == 20
    feed.state.record(payload("V1", 20))
    feed.now += 1.0
    again(test)
    assert times(test)[-1] == (START + timedelta(seconds=20)).timestamp()


def test_what_shows_a_vehicle_is_not_drawn_again_for_events_of_others(feed: StagedFeed) -> None:
    record(feed, "V1", 3)
    record(feed, "V2", 3)
    test = shown(vehicle="V1")
    before = behind(test)
    feed.state.record(payload("V2", 3))
    others = behind(test)
    feed.state.record(payload("V1", 3))
    own = behind(test)
    assert before == []
    assert "vehicle_charts" not in others
    assert {"vehicle_head", "vehicle_charts", "vehicle_map", "vehicle_values"} <= set(own)


def test_the_past_is_never_drawn_again_by_itself(feed: StagedFeed) -> None:
    record(feed, "V1", 30)
    test = shown("operator", vehicle="V1", at=(START + timedelta(seconds=9)).isoformat())
    record(feed, "V1", 60)
    assert behind(test) == []


def test_moving_the_slider_shows_the_past_in_the_same_window(feed: StagedFeed) -> None:
    record(feed, "V1", 120)
    test = shown(vehicle="V1")
    window = chart(test)["xAxis"][0]
    test.slider(key="vehicle_back").set_value(-1.0)
    again(test)
    at = START + timedelta(seconds=119 - 60)
    assert test.query_params["at"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    assert chart(test)["xAxis"][0]["min"] == window["min"]
    assert f"{at:%H:%M:%S}" in text(test)
    test.button(key="vehicle_live").click()
    again(test)
    assert "at" not in test.query_params
    assert test.button(key="vehicle_live").disabled


def test_the_arrows_move_the_window_by_half_of_its_length(feed: StagedFeed) -> None:
    record(feed, "V1", 120)
    test = shown(vehicle="V1")
    assert test.button(key="vehicle_later").disabled
    before = chart(test)["xAxis"][0]["min"]
    test.button(key="vehicle_earlier").click()
    again(test)
    at = START + timedelta(seconds=119 - 150)
    assert test.query_params["at"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    test.button(key="vehicle_later").click()
    assert chart(again(test))["xAxis"][0]["min"] == before


def test_the_moment_is_the_same_in_head_values_charts_and_map(
    feed: StagedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[MapRoute] = []
    monkeypatch.setattr("ui.vehicle.shown.show_map", lambda *_, route, **_more: drawn.append(route))
    for number in range(60):
        measured = {"speed": 10.0 + number}
        feed.state.record(payload("V1", number, measured=measured, position=(48.0 + number / 1000, 11.5)))
    feed.now += 60.0
    at = START + timedelta(seconds=30)
    test = shown(vehicle="V1", at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    assert "| speed | 40 " in text(test).replace("**", "")
    marks = chart(test)["series"][0]["markLine"]["data"]
    assert [mark["xAxis"] for mark in marks if "xAxis" in mark] == [at.timestamp() * 1000]
    (route,) = drawn
    assert route.points[route.at or 0] == (48.03, 11.5)
    assert route.points[-1] == (48.059, 11.5), "all of the window"


def test_a_link_to_the_past_reads_the_history(feed: StagedFeed, directory: Path) -> None:
    feed.state.record(payload("V1", 86_400))
    feed.now += 86_400.0
    store(directory, "events", [payload("V1", number) for number in range(200)])
    at = START + timedelta(seconds=100)
    test = shown(vehicle="V1", at=at.isoformat(), span="15min")
    assert times(test)[0] == START.timestamp()
    assert len(times(test)) == 200
    assert f"at {at:%Y-%m-%d %H:%M:%S}" in text(test)
    assert test.button(key="vehicle_live").label == "Back to live"


def test_a_vehicle_that_only_the_history_knows_is_shown_in_the_past(
    feed: StagedFeed, directory: Path
) -> None:
    feed.state.record(payload("V1"))
    store(directory, "events", [payload("gone", number, error=3.0) for number in range(50)])
    test = shown(vehicle="gone", at=(START + timedelta(seconds=20)).isoformat())
    assert "anomaly, severity 75 of 100" in text(test)
    assert "Why:" in text(test).replace("**", "")


def test_a_day_is_drawn_from_summaries_with_their_extremes(feed: StagedFeed, directory: Path) -> None:
    feed.state.record(payload("V1"))
    one = rollup("V1")
    store(directory, "rollups", [msgspec.json.encode(one)], topic="fleet/rollups/V1")
    test = shown(vehicle="V1", at=one.start.isoformat(), span="1d")
    assert "least to largest" in text(test)
    assert one.start.timestamp() in times(test)


def test_without_events_of_that_time_the_summaries_are_shown_with_a_note(
    feed: StagedFeed, directory: Path
) -> None:
    feed.state.record(payload("V2"))
    feed.now += 86_400.0
    one = rollup("V1")
    store(directory, "rollups", [msgspec.json.encode(one)], topic="fleet/rollups/V1")
    test = shown(vehicle="V1", at=(one.start + timedelta(minutes=1)).isoformat(), span="15min")
    assert "no longer kept: these are the summaries" in notes(test)


def test_nothing_known_of_a_time_is_said(feed: StagedFeed) -> None:
    feed.state.record(payload("V1"))
    test = shown(vehicle="V1", at=LONG_AGO.isoformat())
    assert "Nothing is known of this vehicle in this time" in notes(test)
    assert "nothing known" in text(test)


def test_without_a_history_it_says_so(feed: StagedFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", "")
    record(feed, "V1", 30)
    assert "`history.directory` is empty" in notes(shown(vehicle="V1"))


def test_a_history_that_cannot_be_read_is_one_line_and_the_page_stays(
    feed: StagedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise HistoryError("no permission\nto read")

    monkeypatch.setattr("ui.vehicle.past.events_between", refused)
    record(feed, "V1", 30)
    test = shown(vehicle="V1")
    assert "The history cannot be read: no permission" in notes(test)
    assert len(times(test)) == 30


@pytest.mark.parametrize("at", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", ""])
def test_a_time_that_cannot_be_shown_is_live(at: str, feed: StagedFeed) -> None:
    record(feed, "V1", 3)
    assert shown(vehicle="V1", at=at).button(key="vehicle_live").disabled


def test_names_that_hold_markup_are_shown_as_they_are(feed: StagedFeed) -> None:
    feed.state.record(payload(HOSTILE, error=5.0))
    feed.alerts.record("a", message(alert(HOSTILE, summary=HOSTILE)))
    test = shown("operator", vehicle=HOSTILE)
    for element in (*test.markdown, *test.title, *test.caption, *test.info, *test.warning):
        assert not re.search(r"(?<!\\)[<>]", element.value)
        assert "](http" not in element.value
        assert "://evil" not in element.value


def test_the_address_that_can_be_sent_names_vehicle_and_moment(feed: StagedFeed) -> None:
    record(feed, "a b&c", 5)
    live, moment = (element.value for element in shown(vehicle="a b&c").code)
    assert live.endswith("?vehicle=a+b%26c")
    assert moment.endswith("?vehicle=a+b%26c&at=2026-01-01T12%3A00%3A04Z")
