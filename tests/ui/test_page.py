"""The page as a viewer sees it, with a fleet that the test records."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from config.settings import load
from tests.support.enriched_events import payload
from tests.support.map_messages import has_map, settings_of_map, texts_on_map
from tests.support.shown_alerts import alert
from tests.support.staged_page import NOW, StagedFeed, again, fleet_table, opened, shown_in, text
from ui.fleet.vehicle_list import ROWS
from ui.live.feed import Connection
from ui.live.fleet_state import FleetState

HOSTILE = "<img src=x onerror=alert(1)>:red[**b**] [x](http://evil.example) @@=f(1)"

ShowPage = Callable[[], AppTest]


@pytest.fixture
def feed() -> StagedFeed:
    return StagedFeed(load())


@pytest.fixture
def show(feed: StagedFeed, monkeypatch: pytest.MonkeyPatch) -> ShowPage:
    """Opens the page, which must not show an exception."""
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), feed))
    return opened


def table(page: AppTest) -> Any:
    return fleet_table(page)


def test_the_worst_vehicles_come_first_and_silent_ones_last(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("silent", error=9.0))
    feed.now += 30.0
    for name, error in (("calm", 0.2), ("worst", 8.0), ("uneasy", 0.9), ("bad", 3.0)):
        feed.state.record(payload(name, error=error))
    feed.state.record(payload("recovering", error=0.5, smoothed=4.0))
    page = show()
    assert table(page)["Vehicle"].tolist() == ["worst", "bad", "recovering", "uneasy", "calm", "silent"]
    assert table(page)["State"].tolist()[-1] == "silent 30 s"


def test_missing_and_implausible_signals_are_described(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1", measured={"fuel": None}, status="partial"))
    feed.state.record(payload("VEH-2", measured={"rpm": 12_000.0}, implausible=("rpm",)))
    descriptions = table(show()).set_index("Vehicle")["What stands out"].to_dict()
    assert descriptions == {
        "VEH-1": "missing fuel",
        "VEH-2": "implausible: rpm 12,000 1/min, plausible 0 to 9,000",
    }


def test_before_the_first_event_the_page_says_how_to_get_events(show: ShowPage) -> None:
    page = show()
    (hint,) = [element.value for element in page.info]
    assert "No events yet on `fleet/enriched/+`" in hint
    assert "python -m bytewax.run dataflows.fleet" in hint
    assert "no events yet" in text(page)
    assert not page.dataframe
    assert not page.error


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (
            Connection("unreachable", "Connection refused", NOW),
            "Cannot reach the MQTT broker at 127.0.0.1:1883",
        ),
        (Connection("refused", "Not authorized", NOW), "refused this page: Not authorized. Check username"),
        (Connection("lost", "Keep alive timeout", NOW), "was lost: Keep alive timeout"),
    ],
)
def test_a_broken_connection_is_reported_with_its_reason_while_the_fleet_stays_on_the_page(
    connection: Connection, expected: str, feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1"))
    feed.stage = connection
    page = show()
    (trouble,) = [element.value.replace("\\", "").replace("\u2060", "") for element in page.error]
    assert expected in trouble
    assert "Disconnected" in text(page)
    assert table(page)["Vehicle"].tolist() == ["VEH-1"]


def test_the_page_says_what_to_do_about_an_unreachable_broker(feed: StagedFeed, show: ShowPage) -> None:
    feed.stage = Connection("unreachable", "Connection refused", NOW)
    assert "Start it, or set its address in `[mqtt]`" in show().error[0].value


def test_the_page_says_for_how_long_the_stream_has_been_silent(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1"))
    assert "Live" in text(show())
    feed.now += 42.0
    assert "Stream silent" in text(show())
    assert "last event 42 s ago" in text(show())


def test_a_page_opened_after_the_job_has_died_says_since_when_nothing_came_and_where_to_look(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1"), retained=True)
    scored_at = feed.now
    feed.now += 3 * 3600.0
    page = show()
    (warning,) = [element.value for element in page.warning]
    assert f"{datetime.fromtimestamp(scored_at, UTC):%H:%M:%S}**, for 3 h" in warning
    assert "Nothing has come on `fleet/enriched/+` since" in warning
    assert "the last line of its output" in warning
    assert "`fleet/dead-letter`" in warning
    assert not page.info


def test_invalid_settings_are_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__MQTT__PORT", "nonsense")
    page = opened()
    (trouble,) = [element.value.replace("\\", "") for element in page.error]
    assert "Invalid settings" in trouble
    assert "mqtt.port" in trouble


def test_a_base_map_that_cannot_be_read_is_reported_and_the_map_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load()
    changed = {"base_map": tmp_path / "nowhere.geojson"}
    settings = settings.model_copy(update={"page": settings.page.model_copy(update=changed)})
    feed = StagedFeed(settings)
    feed.state.record(payload("VEH-1"))
    monkeypatch.setattr("ui.page.shared_feed", lambda: (settings, feed))
    page = opened()
    assert "cannot read" in page.warning[0].value
    assert settings_of_map(page)["base"] is None


def test_without_a_position_in_the_catalogue_there_is_a_note_instead_of_a_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load()
    settings = settings.model_copy(update={"page": settings.page.model_copy(update={"latitude": "north"})})
    feed = StagedFeed(settings)
    feed.state.record(payload("VEH-1"))
    monkeypatch.setattr("ui.page.shared_feed", lambda: (settings, feed))
    page = opened()
    assert not has_map(page)
    assert "`north`" in page.info[0].value


def test_what_is_wrong_with_messages_is_said_and_nothing_if_nothing_is(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1"))
    assert "dead letter" not in text(show())
    assert "unreadable" not in text(show())
    feed.state.record(b"nonsense")
    feed.state.record_dead_letter(b"{}")
    feed.now += 1.0
    assert "1 dead letter: see Pipeline" in text(show())
    assert "1 unreadable here" in text(show())


def test_vehicles_that_are_no_longer_kept_are_said(feed: StagedFeed, show: ShowPage) -> None:
    feed.state = FleetState(load().page, clock=lambda: feed.now, max_vehicles=2)
    for number in range(5):
        feed.state.record(payload(f"VEH-{number}"))
    assert "3 silent vehicles dropped" in text(show())


def test_a_fleet_that_is_warming_up_says_what_it_waits_for(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1", threshold=None))
    feed.state.record(payload("VEH-2", threshold=None))
    (hint,) = [element.value for element in show().info]
    assert hint.startswith("All 2 vehicles are warming up: the detector learns")
    feed.now += 1.0
    feed.state.record(payload("VEH-2", 1))
    assert not show().info


def test_the_map_shows_every_vehicle_with_a_position_and_marks_none_until_one_is_chosen(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1", error=5.0, measured={"engine_temperature": 131.0}))
    feed.state.record(payload("VEH-2"))
    feed.state.record(payload("VEH-3", position=None))
    page = show()
    settings, lines = settings_of_map(page), texts_on_map(page)
    assert settings["chosen"] is None
    assert settings["base"] is None
    assert sorted(lines) == ["VEH-1", "VEH-2"]
    assert lines["VEH-1"] == [
        "anomalous: engine_temperature 131 °C, expected 90 °C",
        "severity 83 · speed 60 km/h",
    ]
    assert "Click a vehicle" in text(page)


def test_a_chosen_vehicle_is_marked_everywhere_and_described(feed: StagedFeed, show: ShowPage) -> None:
    for name in ("VEH-1", "VEH-2"):
        feed.state.record(payload(name))
    feed.show(alert("VEH-1", severity="major", summary="it is empty"))
    page = show()
    page.session_state.chosen = "VEH-1"
    again(page)
    assert settings_of_map(page)["chosen"] == "VEH-1"
    for component in ("fleet_vehicle_list", "fleet_swim_lanes", "fleet_alert_list"):
        assert shown_in(page, component)["chosen"] == "VEH-1"
    assert "**VEH-1** :orange-badge[major] it is empty" in text(page)
    assert page.button(key="fleet_chosen_open")


def test_a_chosen_vehicle_that_is_no_longer_known_is_not_chosen(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1"))
    page = show()
    page.session_state.chosen = "VEH-9"
    again(page)
    assert settings_of_map(page)["chosen"] is None
    assert "Click a vehicle" in text(page)


def test_an_address_shows_only_what_it_asks_for(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("silent"))
    feed.now += 30.0
    feed.state.record(payload("calm"))
    feed.state.record(payload("burning"))
    feed.show(alert("burning"), alert("silent", kind="silent", subject="vehicle"))
    page = show()
    assert sorted(fleet_table(page)["Vehicle"]) == ["burning", "calm", "silent"]
    page.query_params["show"] = "silent"
    again(page)
    assert fleet_table(page)["Vehicle"].tolist() == ["silent"]
    assert list(texts_on_map(page)) == ["silent"]
    assert [row["id"] for row in shown_in(page, "fleet_swim_lanes")["rows"]] == ["silent"]
    assert shown_in(page, "fleet_alert_list")["alerts"]["vehicle"] == ["silent"]
    chosen = [
        each["name"]
        for group in shown_in(page, "fleet_filters")["groups"]
        for each in group["choices"]
        if each["chosen"]
    ]
    assert chosen == ["silent"]


def test_an_address_that_asks_for_nonsense_shows_everything(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1"))
    page = show()
    page.query_params["show"] = "<script>"
    again(page)
    assert fleet_table(page)["Vehicle"].tolist() == ["VEH-1"]


def test_a_choice_without_alerts_says_so(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("calm"))
    feed.show(alert("burning"))
    page = show()
    page.query_params["show"] = "ok"
    assert "there is no open alert; in all 1 alert is open" in text(again(page))


def test_a_large_fleet_is_sent_page_by_page(feed: StagedFeed, show: ShowPage) -> None:
    for number in range(ROWS + 5):
        feed.state.record(payload(f"VEH-{number:03}"))
    shown = shown_in(show(), "fleet_vehicle_list")
    assert len(shown["rows"]) == ROWS
    assert (shown["first"], shown["total"], shown["pages"]) == (1, ROWS + 5, 2)


def test_the_lanes_show_how_bad_a_vehicle_was_when(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1", 0, error=9.0))
    feed.state.record(payload("VEH-2", 0, error=1.0 / 3.0))
    feed.now += 300.0
    feed.state.record(payload("VEH-1", 300, error=1.0 / 9.0))
    shown = shown_in(show(), "fleet_swim_lanes")
    assert [(row["id"], row["cells"][-2:]) for row in shown["rows"]] == [
        ("VEH-1", [91, 11]),
        ("VEH-2", [26, 0]),
    ]
    assert shown["overall"][-2:] == [[2, 0, 0, 0, 1], [1, 0, 0, 0, 0]]
    assert shown["start"] + shown["width"] * (len(shown["overall"]) - 1) == NOW + 300.0


def test_a_hostile_vehicle_id_is_shown_and_never_interpreted(feed: StagedFeed, show: ShowPage) -> None:
    for name in (HOSTILE, "@@#a.b"):
        feed.state.record(payload(name, error=5.0, contributions={HOSTILE: 1.0}, expected={HOSTILE: 1.0}))
    page = show()
    page.session_state.chosen = HOSTILE
    again(page)
    for element in (*page.markdown, *page.caption, *page.info):
        assert not re.search(r"(?<!\\)[<>]", element.value)
        assert "](" not in element.value
        assert "://" not in element.value
        assert not element.allow_html
    # As they are: the browser shows them as text, and sends them back when they are clicked.
    assert sorted(texts_on_map(page)) == sorted([HOSTILE, "@@#a.b"])
    assert {row["id"] for row in shown_in(page, "fleet_vehicle_list")["rows"]} == {HOSTILE, "@@#a.b"}
