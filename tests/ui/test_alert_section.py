"""The alerts on the page as a dispatcher sees them, and what the buttons send."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from config.settings import load
from dataflows.events import Alert, AlertAction, AlertSignal, Comment
from tests.support.enriched_events import START, payload
from tests.support.shown_alerts import alert, cleared
from tests.support.staged_page import (
    StagedFeed,
    StagedPublisher,
    again,
    alert_list,
    fleet_table,
    opened,
    text,
    without_escapes,
)
from ui.actions.action_desk import ActionDesk
from ui.alerts.alert_actions import FIRST_TEXT, MUTE_FOR
from ui.alerts.alert_list import MAX_CLEARED, MAX_ROWS
from ui.live.alert_state import AlertState
from ui.live.feed import Connection

ShowPage = Callable[[], AppTest]
HOSTILE = "<img src=x onerror=alert(1)>:red[**b**] [x](http://evil.example) @@=f(1)"
BUTTONS = {"acknowledge", "useful", "noise", "mute", "comment"}


@pytest.fixture
def feed() -> StagedFeed:
    return StagedFeed(load())


@pytest.fixture
def publisher() -> StagedPublisher:
    return StagedPublisher()


@pytest.fixture
def show(feed: StagedFeed, publisher: StagedPublisher, monkeypatch: pytest.MonkeyPatch) -> ShowPage:
    """Opens the page, which must not show an exception."""
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), feed))
    desk = ActionDesk(publisher, clock=lambda: feed.now)
    monkeypatch.setattr("ui.page.shared_desk", lambda: desk)
    return opened


def column(page: AppTest, name: str) -> list[object]:
    values: list[object] = alert_list(page)[name].tolist()
    return values


def select(page: AppTest, *rows: int) -> AppTest:
    """Select rows of the list, as a click in the browser does."""
    page.session_state["alert_list"] = {"selection": {"rows": list(rows)}}
    return again(page)


def different(number: int, make: Callable[..., Alert] = alert, **changes: Any) -> Alert:
    """An alert of a vehicle and a signal of its own, which is in no group."""
    return make(f"VEH-{abs(number)}", number, subject=f"signal {abs(number)}", **changes)


def with_name(page: AppTest, name: str = "Kim") -> AppTest:
    page.text_input(key="name").input(name)
    return again(page)


def usable(page: AppTest) -> set[str]:
    return {name for name in BUTTONS if not page.button(key=f"alert_{name}").disabled}


def press(page: AppTest, action: str) -> AppTest:
    page.button(key=f"alert_{action}").click()
    return again(page)


def field(page: AppTest, action: str) -> TextInput:
    """The field with the text of a comment, or the reason of a mute."""
    (found,) = [each for each in page.text_input if str(each.key).startswith(f"alert_{action}_text")]
    return found


def test_without_alerts_the_page_says_so(feed: StagedFeed, show: ShowPage) -> None:
    page = show()
    assert "No alerts" in text(page)
    assert "Nothing is open" in text(page)
    assert not page.dataframe


@pytest.mark.parametrize("away", [True, False])
def test_a_page_that_cannot_know_does_not_say_that_nothing_is_open(
    away: bool, feed: StagedFeed, show: ShowPage
) -> None:
    if away:
        feed.stage = Connection("lost", "Keep alive timeout", feed.now)
    else:
        feed.trouble = "Not authorized on subscribing to fleet/alerts/#"
    page = show()
    assert "No alerts are known here" in text(page)
    assert "Nothing is open" not in text(page)


def test_refused_alerts_are_explained_while_the_rest_of_the_page_works(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.trouble = "Not authorized on subscribing to fleet/alerts/#"
    feed.state.record(payload("VEH-1"))
    page = show()
    (warning,) = [without_escapes(element.value) for element in page.warning]
    assert "gets no alerts: Not authorized on subscribing to fleet/alerts/#" in warning
    assert "permission to read `fleet/alerts`" in warning
    assert fleet_table(page)["Vehicle"].tolist() == ["VEH-1"]


def test_the_list_has_the_most_urgent_alerts_first_and_the_cleared_ones_last(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.show(
        cleared("over", summary="was hot"),
        alert("muted", muted_until=START + timedelta(hours=1), mute_reason="in repair", severity="critical"),
        alert("known", acknowledged_by="Robin", severity="critical"),
        alert("mild", severity="warning", openings=3, subject="fuel"),
        alert("bad", severity="critical", useful=True),
        alert("", kind="silent", subject="fleet", severity="major", summary="nobody sends anything"),
    )
    page = show()
    assert column(page, "Vehicle") == ["bad", "whole fleet", "mild", "known", "muted", "over"]
    assert column(page, "Severity") == ["critical", "major", "warning", "critical", "critical", "major"]
    assert column(page, "State") == [
        "open · useful",
        "open",
        "open",
        "acknowledged by Robin",
        "muted until 2026-01-01 13:00:00: in repair",
        "cleared 2026-01-01 12:01:00",
    ]
    assert column(page, "Times") == [1, 1, 3, 1, 1, 1]
    assert column(page, "Lasted")[-1] == "65 s"
    assert column(page, "What")[1] == "nobody sends anything"
    assert "3 unacknowledged" in text(page)
    assert "5 open" in text(page)
    assert "1 muted" in text(page)


def test_the_figures_and_the_vehicle_show_the_open_alerts(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1"))
    feed.state.record(payload("VEH-2"))
    feed.show(
        alert("VEH-1", severity="minor", summary="it is warm"),
        alert("VEH-1", subject="fuel", severity="major", summary="it is empty", acknowledged_by="Robin"),
        cleared("VEH-2"),
    )
    page = show()
    figures = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert figures["Open alerts"] == ("2", "1 unacknowledged")
    table = fleet_table(page)
    assert dict(zip(table["Vehicle"], table["Alert"], strict=True)) == {"VEH-1": "major", "VEH-2": ""}
    page.selectbox[0].select("VEH-1")
    assert "major alert] it is empty" in text(again(page))


def test_a_long_list_is_cut_and_says_so(feed: StagedFeed, show: ShowPage) -> None:
    feed.show(*(different(number) for number in range(MAX_ROWS + 5)), cleared("over"))
    page = show()
    assert len(column(page, "Vehicle")) == MAX_ROWS
    assert "5 open alerts that are less urgent are not listed." in [c.value for c in page.caption]


def test_only_the_last_cleared_alerts_are_listed(feed: StagedFeed, show: ShowPage) -> None:
    feed.show(*(different(number, cleared) for number in range(MAX_CLEARED + 5)))
    assert column(show(), "Vehicle")[0] == f"VEH-{MAX_CLEARED + 4}"
    assert len(column(show(), "Vehicle")) == MAX_CLEARED


def test_what_the_list_lacks_is_counted_on_the_page(feed: StagedFeed, show: ShowPage) -> None:
    feed.alerts = AlertState(clock=lambda: feed.now, max_alerts=1)
    feed.alerts.record("x", b"nonsense")
    feed.show(alert("VEH-1"), alert("VEH-2"))
    assert "1 unreadable" in text(show())
    assert "1 dropped" in text(show())


def test_the_buttons_need_a_name_and_a_selection(feed: StagedFeed, show: ShowPage) -> None:
    feed.show(alert("VEH-1"), alert("VEH-2"))
    page = show()
    assert usable(page) == set()
    assert "Enter your name" in text(page)
    with_name(page, "  ")
    assert usable(page) == set()
    with_name(page)
    assert usable(page) == set()
    assert "Select rows" in text(page)
    select(page, 0, 1)
    assert usable(page) == BUTTONS
    assert "Selected: 2 alerts of 2 vehicles" in text(page)


def test_acknowledging_sends_an_action_for_each_selected_alert_and_shows_it_until_the_answer(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    shown = [different(-number) for number in range(3)]
    feed.show(*shown)
    page = press(select(with_name(show()), 0, 2), "acknowledge")
    assert publisher.published == [
        (each.vehicle_id, AlertAction(action="acknowledge", by="Kim", alert_id=each.alert_id))
        for each in (shown[0], shown[2])
    ]
    assert column(page, "State") == ["open · acknowledge sent", "open", "open · acknowledge sent"]
    assert usable(page) == set(), "nothing is selected any more"
    feed.show(different(0, revision=2, acknowledged_by="Kim"))
    again(page)
    states = dict(zip(column(page, "Vehicle"), column(page, "State"), strict=True))
    assert states == {
        "VEH-0": "acknowledged by Kim",
        "VEH-1": "open",
        "VEH-2": "open · acknowledge sent",
    }


def test_only_open_alerts_that_nobody_has_acknowledged_can_be_acknowledged(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    feed.show(alert("new"), alert("known", acknowledged_by="Robin"), cleared("over"))
    page = select(with_name(show()), 1, 2)
    assert usable(page) == BUTTONS - {"acknowledge"}
    press(select(page, 0, 1, 2), "acknowledge")
    assert [vehicle_id for vehicle_id, _ in publisher.published] == ["new"]


def test_a_mute_lasts_an_hour_and_has_a_reason(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    feed.show(alert())
    page = select(with_name(show()), 0)
    assert field(page, "mute").value == FIRST_TEXT["mute"]
    press(page, "mute")
    field(select(page, 0), "mute").input("in repair")
    press(page, "mute")
    (_, first), (_, second) = publisher.published
    assert (first.action, first.text, second.text) == ("mute", FIRST_TEXT["mute"], "in repair")
    assert field(page, "mute").value == FIRST_TEXT["mute"], "for the next one"
    assert first.until is not None
    assert first.until.timestamp() == feed.now + MUTE_FOR.total_seconds()


def test_a_mute_can_be_ended(feed: StagedFeed, publisher: StagedPublisher, show: ShowPage) -> None:
    feed.show(alert("VEH-1"), alert("VEH-2", muted_until=START + timedelta(hours=1)))
    page = select(with_name(show()), 0)
    assert not [button for button in page.button if button.key == "alert_unmute"]
    press(select(page, 0, 1), "unmute")
    ((vehicle_id, action),) = publisher.published
    assert (vehicle_id, action.action) == ("VEH-2", "unmute")


def test_a_comment_needs_a_text(feed: StagedFeed, publisher: StagedPublisher, show: ShowPage) -> None:
    feed.show(alert())
    page = press(select(with_name(show()), 0), "comment")
    assert publisher.published == []
    assert "the text is empty" in page.error[0].value
    field(page, "comment").input("driver called")
    page = press(page, "comment")
    ((_, action),) = publisher.published
    assert (action.action, action.by, action.text) == ("comment", "Kim", "driver called")
    assert not page.error


@pytest.mark.parametrize("opinion", ["useful", "noise"])
def test_an_alert_can_be_called_useful_or_noise(
    opinion: str, feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    feed.show(cleared())
    press(select(with_name(show()), 0), opinion)
    assert [action.action for _, action in publisher.published] == [opinion]


def test_a_refused_action_is_an_error_in_words_and_leaves_the_selection(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    feed.show(alert())
    publisher.reason = "Not authorized"
    page = press(select(with_name(show()), 0), "acknowledge")
    (trouble,) = [without_escapes(element.value) for element in page.error]
    assert "Not sent: acknowledge. MQTT broker at 127.0.0.1:1883: Not authorized." in trouble
    assert "may write to `fleet/alert-actions`" in trouble
    assert column(page, "State") == ["open"]
    assert "acknowledge" in usable(page)
    publisher.reason = ""
    assert not press(page, "acknowledge").error


def test_a_comment_that_was_not_delivered_is_still_in_its_field(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    feed.show(alert())
    publisher.reason = "no answer"
    page = select(with_name(show()), 0)
    field(page, "comment").input("driver called")
    assert field(press(page, "comment"), "comment").value == "driver called"
    publisher.reason = ""
    assert field(press(page, "comment"), "comment").value == ""


def test_a_selection_stays_with_its_alert_when_others_come_and_go(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
    feed.show(different(1), different(2), different(3))
    page = select(with_name(show()), 1)
    assert column(page, "Vehicle") == ["VEH-3", "VEH-2", "VEH-1"]
    feed.alerts.record("VEH-3/anomaly/signal 3", b"")
    feed.show(alert("worse", severity="critical"), alert("mild", severity="warning"))
    again(page)
    assert column(page, "Vehicle") == ["worse", "mild", "VEH-2", "VEH-1"], "new ones are above"
    assert page.session_state["alert_list"]["selection"]["rows"] == [2]
    press(page, "acknowledge")
    assert [vehicle_id for vehicle_id, _ in publisher.published] == ["VEH-2"]
    assert column(again(page), "Vehicle") == ["worse", "VEH-2", "VEH-1", "mild"], "sorted again"


def test_a_selected_alert_is_shown_with_its_signals_and_comments(feed: StagedFeed, show: ShowPage) -> None:
    signals = (
        AlertSignal(name="engine_temperature", actual=131.0, typical=90.0, share=0.8),
        AlertSignal(name="unheard of", actual=None, typical=None, share=0.2),
    )
    feed.show(
        alert(
            signals=signals,
            acknowledged_by="Robin",
            acknowledged_at=START,
            comments=(Comment(by="Kim", at=START, text="driver called"),),
        )
    )
    shown = text(select(show(), 0))
    assert "12 events · engine_temperature 131 °C, expected 90 °C · unheard of missing" in shown
    assert "Robin acknowledged it" in shown
    assert "Kim: driver called" in shown


def test_hostile_alerts_are_shown_and_never_interpreted(
    feed: StagedFeed, publisher: StagedPublisher, show: ShowPage
) -> None:
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
    feed.state.record(payload(HOSTILE))
    feed.show(hostile)
    publisher.reason = HOSTILE
    page = press(select(with_name(show(), HOSTILE), 0), "useful")
    elements = (*page.markdown, *page.caption, *page.error, *page.warning)
    for shown in (*(element.value for element in elements), *(box.label for box in page.checkbox)):
        assert not re.search(r"(?<!\\)[<>]", shown), shown
        assert not re.search(r"(?<!\\)\]\(", shown), shown
        assert "://" not in shown
    assert not [element for element in elements if getattr(element, "allow_html", False)]
    assert page.checkbox
    assert publisher.published[0][1].by == HOSTILE
