"""The page *Alerts* as a dispatcher sees it, and what it sends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from config.settings import Settings, load
from dataflows.events import Alert, AlertSignal, Comment
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared, message, place
from tests.support.staged_alerts import (
    Stage,
    column,
    filter_data,
    list_data,
    opens_detail,
    selects,
    vehicles,
)
from tests.support.staged_page import again, text, without_escapes
from tests.support.stored_history import store
from ui.alerts.acting import TROUBLE_FOR
from ui.alerts.list import ROWS_AT_ONCE
from ui.live.alert_state import AlertState
from ui.live.feed import Connection

HOSTILE = "<img src=x onerror=alert(1)>:red[**b**] [x](http://evil.example) @@=f(1)"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def different(number: int, make: Callable[..., Alert] = alert, **changes: Any) -> Alert:
    """An alert of a vehicle and a signal of its own, which is in no group."""
    return make(f"VEH-{abs(number)}", number, subject=f"signal {abs(number)}", **changes)


def press(page: AppTest, name: str) -> AppTest:
    page.button(key=f"alerts_{name}").click()
    return again(page)


def choose(page: AppTest, name: str, value: object) -> AppTest:
    """Choose one of some radio buttons."""
    page.radio(key=f"alerts_{name}").set_value(value)
    return again(page)


def buttons(page: AppTest) -> set[str]:
    return {str(button.key).removeprefix("alerts_") for button in page.button}


def trouble(page: AppTest) -> list[str]:
    return [without_escapes(element.value) for element in page.error]


def of_history(directory: Path | None) -> Settings:
    base = load()
    return base.model_copy(update={"history": base.history.model_copy(update={"directory": directory})})


def test_without_alerts_the_page_says_so(stage: Stage) -> None:
    page = stage.opens()
    assert "No alerts" in text(page)
    assert "Nothing is open" in text(page)


@pytest.mark.parametrize("away", [True, False])
def test_a_page_that_cannot_know_does_not_say_that_nothing_is_open(away: bool, stage: Stage) -> None:
    if away:
        stage.feed.stage = Connection("lost", "Keep alive timeout", stage.feed.now)
    else:
        stage.feed.trouble = "Not authorized on subscribing to fleet/alerts/#"
    page = stage.opens()
    assert "No alerts are known here" in text(page)
    assert "Nothing is open" not in text(page)


def test_refused_alerts_are_explained(stage: Stage) -> None:
    stage.feed.trouble = "Not authorized on subscribing to fleet/alerts/#"
    (warning,) = [without_escapes(element.value) for element in stage.opens().warning]
    assert "Not authorized on subscribing to fleet/alerts/#" in warning
    assert "permission to read `fleet/alerts`" in warning


def test_alerts_of_a_broker_that_is_away_are_said_to_be_old(stage: Stage) -> None:
    stage.feed.show(alert())
    stage.feed.stage = Connection("lost", "Keep alive timeout", START.timestamp())
    page = stage.opens()
    (warning,) = [without_escapes(element.value) for element in page.warning]
    assert "MQTT broker at 127.0.0.1:1883 is away: Keep alive timeout" in warning
    assert "so at 2026-01-01 12:00:00" in warning
    assert vehicles(page) == ["VEH-1"]


def test_dropped_and_unreadable_alerts_are_counted(stage: Stage) -> None:
    stage.feed.alerts = AlertState(clock=lambda: stage.feed.now, max_alerts=1)
    stage.feed.alerts.record("x", b"no alert")
    stage.feed.show(alert("VEH-1"), alert("VEH-2"))
    shown = text(stage.opens())
    assert "1 dropped: too many to keep" in shown
    assert "1 unreadable" in shown


def test_open_alerts_are_listed_the_most_urgent_first(stage: Stage) -> None:
    stage.feed.show(
        different(1, severity="minor"), different(2, severity="critical"), different(3, cleared), different(4)
    )
    assert vehicles(stage.opens()) == ["VEH-2", "VEH-4", "VEH-1"]


def test_filters_of_the_address_are_in_force(stage: Stage) -> None:
    stage.feed.show(different(1), different(2, severity="critical"), different(3, cleared))
    page = stage.opens(state="all", severity="major", vehicle="veh-")
    assert vehicles(page) == ["VEH-2", "VEH-1", "VEH-3"]
    assert filter_data(page)["chosen"]["state"] == "all"
    assert vehicles(stage.opens(state="cleared")) == ["VEH-3"]


def test_where_no_alert_passes_the_filters_they_can_be_reset(stage: Stage) -> None:
    stage.feed.show(alert())
    page = stage.opens(severity="critical", vehicle="truck")
    assert "No alert matches. There is 1 in all." in text(page).replace("**", "").replace(":gray[", "")
    page.button(key="alert_filters_reset").click()
    again(page)
    assert vehicles(page) == ["VEH-1"]
    assert "vehicle" not in page.query_params


def test_where_all_alerts_have_cleared_nothing_is_said_to_be_missing(stage: Stage) -> None:
    stage.feed.show(cleared())
    page = stage.opens()
    assert "Nothing is open" in text(page)
    assert "No alert matches" not in text(page)


def test_more_rows_are_sent_when_the_viewer_asks_for_them(stage: Stage) -> None:
    stage.feed.show(*(different(number) for number in range(ROWS_AT_ONCE + 5)))
    data = list_data(stage.opens())
    assert len(data["rows"]) == ROWS_AT_ONCE
    assert data["more"] == 5


@pytest.mark.parametrize(("role", "name"), [("viewer", "Kim"), ("dispatcher", "")])
def test_whoever_may_not_act_or_has_no_name_gets_no_controls(role: Any, name: str) -> None:
    stage = Stage(name=name, role=role)
    stage.feed.show(alert())
    page = selects(stage.opens(), [alert()])
    assert list_data(page)["acts"] is False
    assert buttons(page) == set()
    assert ("role *dispatcher*" if role == "viewer" else "Enter your name") in text(page)


def test_nothing_can_be_done_while_nothing_is_selected(stage: Stage) -> None:
    stage.feed.show(alert())
    assert buttons(stage.opens()) == set()


def test_selected_alerts_are_acknowledged_and_then_selected_no_longer(stage: Stage) -> None:
    first, second = different(1), different(2, acknowledged_by="Robin")
    stage.feed.show(first, second, different(3))
    page = selects(stage.opens(), [first, second])
    assert "2 alerts" in text(page)
    assert page.button(key="alerts_acknowledge").label == "Acknowledge 1"
    before = list_data(page)["rounds"]
    press(page, "acknowledge")
    assert [(each.action, each.by, each.alert_id) for each in stage.published] == [
        ("acknowledge", "Kim", first.alert_id)
    ]
    assert column(page, "state") == ["open", "open · acknowledge sent", "acknowledged by Robin"]
    assert list_data(page)["rounds"] == before + 1
    assert buttons(page) == set()


def test_an_action_that_nobody_answers_is_remarkable(stage: Stage) -> None:
    stage.feed.show(alert())
    page = press(selects(stage.opens(), [alert()]), "useful")
    stage.feed.now += 120.0
    assert column(again(page), "state") == ["open · useful sent 2 min ago, no answer"]
    stage.feed.show(alert(revision=2, useful=True))
    assert column(again(page), "state") == ["open · useful"]


def test_a_mute_has_a_reason_an_end_and_a_scope(stage: Stage) -> None:
    stage.feed.show(alert())
    page = selects(stage.opens(), [alert()])
    choose(page, "mute_end", "8 h")
    choose(page, "mute_scope", "vehicles")
    page.text_input(key="alerts_mute_text").input("towed")
    now = stage.feed.now
    press(page, "mute_send")
    (action,) = stage.published
    assert (action.action, action.vehicle_id, action.alert_id, action.text) == ("mute", "VEH-1", "", "towed")
    assert action.until is not None
    assert action.until.timestamp() == now + 8 * 3600.0


def test_a_mute_can_end_at_a_time_which_has_to_be_in_the_future(stage: Stage) -> None:
    stage.feed.show(alert())
    page = choose(selects(stage.opens(), [alert()]), "mute_end", "at a time")
    end = (START + timedelta(hours=30)).replace(tzinfo=None)
    page.datetime_input(key="alerts_mute_at").set_value(end - timedelta(hours=40))
    press(page, "mute_send")
    assert trouble(page) == ["Nothing was sent: the end of the mute is not in the future."]
    page.datetime_input(key="alerts_mute_at").set_value(end)
    press(page, "mute_send")
    assert [action.until for action in stage.published] == [START + timedelta(hours=30)]


@pytest.mark.parametrize(("name", "what"), [("mute", "reason"), ("comment", "comment")])
def test_a_mute_or_a_comment_needs_a_text(name: str, what: str, stage: Stage) -> None:
    stage.feed.show(alert())
    page = selects(stage.opens(), [alert()])
    page.text_input(key=f"alerts_{name}_text").input(" ")
    press(page, f"{name}_send")
    assert stage.published == []
    assert trouble(page) == [f"Nothing was sent: the {what} is empty."]
    page.text_input(key=f"alerts_{name}_text").input("driver called")
    press(page, f"{name}_send")
    assert [action.text for action in stage.published] == ["driver called"]
    assert trouble(page) == []


def test_only_muted_alerts_can_be_unmuted(stage: Stage) -> None:
    muted = alert("VEH-2", muted_until=START + timedelta(hours=1), mute_reason="in repair")
    stage.feed.show(alert(), muted)
    page = selects(stage.opens(), [alert()])
    assert "unmute_send" not in buttons(page)
    page = choose(selects(page, [alert(), muted]), "unmute_scope", "vehicles")
    press(page, "unmute_send")
    assert [(action.action, action.vehicle_id) for action in stage.published] == [("unmute", "VEH-2")]


@pytest.mark.parametrize("opinion", ["useful", "noise"])
def test_an_alert_can_be_called_useful_or_noise(opinion: str, stage: Stage) -> None:
    stage.feed.show(cleared())
    press(selects(stage.opens(state="cleared"), [cleared()]), opinion)
    assert [action.action for action in stage.published] == [opinion]


def test_a_refused_action_is_an_error_in_words_and_leaves_the_selection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.feed.show(alert())
    stage.publisher.reason = "Not authorized"
    page = press(selects(stage.opens(), [alert()]), "acknowledge")
    (words,) = trouble(page)
    assert "Not sent: acknowledge. MQTT broker at 127.0.0.1:1883: Not authorized." in words
    assert "may write to `fleet/alert-actions`" in words
    assert column(page, "state") == ["open"]
    assert "acknowledge" in buttons(page)
    monkeypatch.setattr("ui.alerts.acting.TROUBLE_FOR", -TROUBLE_FOR)
    assert trouble(again(page)) == [], "after a while it is old news"


def test_a_comment_that_was_not_delivered_is_still_in_its_field(stage: Stage) -> None:
    stage.feed.show(alert())
    stage.publisher.reason = "no answer"
    page = selects(stage.opens(), [alert()])
    page.text_input(key="alerts_comment_text").input("driver called")
    press(page, "comment_send")
    assert page.text_input(key="alerts_comment_text").value == "driver called"


def test_what_is_selected_is_acted_on_as_far_as_it_is_still_there(stage: Stage) -> None:
    first, second = different(1), different(2)
    stage.feed.show(first, second)
    page = selects(stage.opens(), [first, second])
    stage.feed.alerts.record(place(first), b"")
    stage.feed.now += 1.0
    press(again(page), "acknowledge")
    assert [action.alert_id for action in stage.published] == [second.alert_id]


def test_details_of_an_alert_have_its_signals_times_and_people(stage: Stage) -> None:
    shown = alert(
        signals=(
            AlertSignal(name="engine_temperature", actual=131.0, typical=90.0, share=0.8),
            AlertSignal(name="unheard of", actual=None, typical=None, share=0.2),
        ),
        acknowledged_by="Robin",
        acknowledged_at=START + timedelta(seconds=20),
        comments=(Comment(by="Kim", at=START + timedelta(seconds=30), text="driver called"),),
        openings=2,
    )
    stage.feed.show(shown)
    page = stage.opens()
    assert list_data(page)["detail"] is None
    detail = list_data(opens_detail(page, shown))["detail"]
    assert [(each["name"], each["actual"], each["typical"]) for each in detail["signals"]] == [
        ("engine temperature", "131 °C", "90 °C"),
        ("unheard of", "missing", ""),
    ]
    facts = dict(detail["facts"])
    assert facts["Acknowledged"] == "Robin, 2026-01-01 12:00:20"
    assert facts["Opened"] == "2026-01-01 12:00:00 (×2)"
    assert facts["Events"] == "12"
    assert [words for _, words, _ in detail["steps"]][-2:] == ["acknowledged by Robin", "Kim: driver called"]
    assert detail["visit"] == "VEH-1 at 2026-01-01 12:00:00"


def test_details_have_every_step_that_the_history_keeps(tmp_path: Path) -> None:
    first = alert(severity="minor")
    second = replace(first, revision=2, severity="major", last_at=START + timedelta(seconds=60))
    store(tmp_path, "alerts", [message(first)])
    for directory, steps in (
        (tmp_path, ["opened: minor", "worse: minor → major"]),
        (None, ["opened: major"]),
    ):
        stage = Stage(of_history(directory))
        stage.feed.show(second)
        detail = list_data(opens_detail(stage.opens(), second))["detail"]
        assert [words for _, words, _ in detail["steps"]][1:] == steps
        assert ("there is no history" in detail["note"]) is (directory is None)


def test_alerts_that_cleared_long_ago_come_from_the_history(tmp_path: Path) -> None:
    old, new = cleared("VEH-1"), cleared("VEH-2")
    store(tmp_path, "alerts", [message(old)])
    stage = Stage(of_history(tmp_path))
    stage.feed.show(new)
    assert vehicles(stage.opens(state="cleared", since="1h")) == ["VEH-2", "VEH-1"]
    page = stage.opens(state="cleared")
    assert vehicles(page) == ["VEH-2"]
    assert "are listed if you choose a time" in text(page)


def test_what_is_listed_can_be_downloaded(stage: Stage) -> None:
    stage.feed.show(different(1), different(2), different(3, cleared))
    page = stage.opens()
    assert "Download all 2 as" in text(page)
    assert {button.key for button in page.download_button} == {
        "alert_download_csv",
        "alert_download_json",
    }


def test_hostile_alerts_are_shown_and_never_interpreted() -> None:
    stage = Stage(name=HOSTILE)
    hostile = alert(
        HOSTILE,
        subject=HOSTILE,
        summary=HOSTILE,
        signals=(AlertSignal(name=HOSTILE, actual=1.0, typical=2.0, share=1.0),),
        acknowledged_by=HOSTILE,
        acknowledged_at=START,
        mute_reason=HOSTILE,
        comments=(Comment(by=HOSTILE, at=START, text=HOSTILE),),
    )
    stage.feed.show(hostile)
    stage.publisher.reason = HOSTILE
    page = press(selects(stage.opens(), [hostile]), "useful")
    elements = (*page.markdown, *page.caption, *page.error, *page.warning)
    options = [option for radio in page.radio for option in radio.options]
    for shown in (*(element.value for element in elements), *options):
        assert not re.search(r"(?<!\\)[<>]", shown), shown
        assert not re.search(r"(?<!\\)\]\(", shown), shown
        assert "://" not in shown
    assert not [element for element in elements if getattr(element, "allow_html", False)]
    assert options
    assert stage.published[0].by == HOSTILE
