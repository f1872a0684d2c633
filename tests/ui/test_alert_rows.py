"""Groups of alerts on the page, in the table and in the cards of a narrow screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Checkbox

from config.settings import load
from dataflows.events import Alert
from tests.support.shown_alerts import alert, cleared, place
from tests.support.staged_page import (
    StagedFeed,
    StagedPublisher,
    again,
    alert_list,
    opened,
    text,
    without_escapes,
)
from ui.actions.action_desk import ActionDesk
from ui.alerts.alert_cards import MAX_CARDS, MAX_MEMBERS, MORE, fitting
from ui.alerts.alert_groups import Line
from ui.alerts.alert_list import clicked_group

ShowPage = Callable[[], AppTest]

HOT = [alert(f"VEH-{number}", number, summary=f"it is hot in {number}") for number in range(4)]
"""Four alerts that are a group; the last one is the most urgent."""

LOW = alert("low", subject="fuel", severity="critical", summary="the tank is nearly empty")


@pytest.fixture
def feed() -> StagedFeed:
    feed = StagedFeed(load())
    feed.show(*HOT, LOW)
    return feed


@pytest.fixture
def publisher() -> StagedPublisher:
    return StagedPublisher()


@pytest.fixture
def page(feed: StagedFeed, publisher: StagedPublisher, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page of somebody with a name."""
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), feed))
    desk = ActionDesk(publisher, clock=lambda: feed.now)
    monkeypatch.setattr("ui.page.shared_desk", lambda: desk)
    page = opened()
    page.text_input(key="name").input("Kim")
    return again(page)


def vehicles(page: AppTest) -> list[str]:
    names: list[str] = alert_list(page)["Vehicle"].tolist()
    return names


def select(page: AppTest, *rows: int) -> AppTest:
    page.session_state["alert_list"] = {"selection": {"rows": list(rows)}}
    return again(page)


def box(page: AppTest, words: str) -> Checkbox:
    """The check box of a card that has these words."""
    (found,) = [each for each in page.checkbox if words in without_escapes(each.label)]
    return found


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click()
    return again(page)


def open_or_close(page: AppTest) -> AppTest:
    (key,) = [str(each.key) for each in page.button if str(each.key).endswith("_group")]
    return press(page, key)


def acknowledged(publisher: StagedPublisher) -> list[str]:
    return sorted(vehicle_id for vehicle_id, _ in publisher.published)


def test_a_group_is_one_row_with_the_number_of_vehicles(page: AppTest) -> None:
    shown = alert_list(page)
    assert vehicles(page) == ["low", "▸ 4 vehicles"]
    assert shown["What"].tolist()[1] == "Anomaly of engine temperature · VEH-3: it is hot in 3"
    assert shown["State"].tolist()[1] == "4 open"
    assert shown["Times"].tolist()[1] == 4


def test_a_group_has_the_highest_severity_of_its_alerts(feed: StagedFeed, page: AppTest) -> None:
    feed.show(alert("VEH-0", 0, revision=2, severity="critical", acknowledged_by="Robin"))
    assert alert_list(again(page))["Severity"].tolist() == ["critical", "critical"]


def test_what_is_done_to_a_group_is_done_to_each_of_its_alerts(
    page: AppTest, publisher: StagedPublisher
) -> None:
    select(page, 1)
    assert "Selected: 4 alerts of 4 vehicles" in text(page)
    press(page, "alert_acknowledge")
    assert acknowledged(publisher) == ["VEH-0", "VEH-1", "VEH-2", "VEH-3"]
    assert alert_list(page)["State"].tolist()[1] == "4 open · 4 acknowledge sent"


def test_an_opened_group_shows_its_alerts_and_each_can_be_selected(
    page: AppTest, publisher: StagedPublisher
) -> None:
    open_or_close(page)
    assert vehicles(page) == ["low", "▾ 4 vehicles", "└ VEH-3", "└ VEH-2", "└ VEH-1", "└ VEH-0"]
    press(select(page, 3), "alert_acknowledge")
    assert acknowledged(publisher) == ["VEH-2"]
    assert vehicles(open_or_close(page)) == ["low", "▸ 4 vehicles"]


def test_a_group_with_one_of_its_alerts_is_acted_on_once_for_each_alert(
    page: AppTest, publisher: StagedPublisher
) -> None:
    press(select(open_or_close(page), 1, 2), "alert_acknowledge")
    assert acknowledged(publisher) == ["VEH-0", "VEH-1", "VEH-2", "VEH-3"]


def test_an_alert_that_comes_later_does_not_join_a_group_that_is_selected(
    feed: StagedFeed, page: AppTest, publisher: StagedPublisher
) -> None:
    select(page, 1)
    feed.show(alert("VEH-9", 9))
    again(page)
    assert vehicles(page) == ["VEH-9", "low", "▸ 4 vehicles"]
    feed.alerts.record(place(HOT[3]), b"")
    feed.now += 1.0
    again(page)
    assert vehicles(page) == ["VEH-9", "low", "▸ 3 vehicles"]
    press(page, "alert_acknowledge")
    assert acknowledged(publisher) == ["VEH-0", "VEH-1", "VEH-2"]
    assert vehicles(again(page)) == ["low", "▸ 4 vehicles"], "grouped again"


def test_a_group_stays_open_when_its_alerts_come_and_go(feed: StagedFeed, page: AppTest) -> None:
    open_or_close(page)
    feed.show(cleared("VEH-0", 0), alert("VEH-9", 9))
    assert vehicles(again(page))[:3] == ["low", "▾ 4 vehicles", "└ VEH-9"]


def test_a_card_has_the_whole_sentence_and_selects_its_alert(
    page: AppTest, publisher: StagedPublisher
) -> None:
    words = without_escapes(box(page, "low").label)
    assert "critical" in words
    assert "the tank is nearly empty" in words
    box(page, "low").check()
    again(page)
    assert "Selected: low, fuel" in text(page)
    press(page, "alert_acknowledge")
    assert acknowledged(publisher) == ["low"]
    assert not any(each.value for each in page.checkbox), "nothing is selected any more"


def test_the_card_of_a_group_selects_all_of_its_alerts_and_keeps_them(
    feed: StagedFeed, page: AppTest, publisher: StagedPublisher
) -> None:
    box(page, "4 vehicles").check()
    again(page)
    feed.alerts.record(place(HOT[3]), b"")
    feed.show(alert("VEH-9", 9))
    again(page)
    assert box(page, "3 vehicles").value, "the alert that gave the card its key is gone"
    press(page, "alert_acknowledge")
    assert acknowledged(publisher) == ["VEH-0", "VEH-1", "VEH-2"]


def test_a_card_that_is_selected_is_not_pushed_out_by_newer_alerts(feed: StagedFeed, page: AppTest) -> None:
    box(page, "low").check()
    again(page)
    feed.show(*(alert(f"new {number}", subject=f"signal {number}") for number in range(MAX_CARDS + 3)))
    again(page)
    assert box(page, "low").value
    assert len(page.checkbox) == MAX_CARDS + 1
    assert page.button(key=MORE).label == "Show 4 more"
    box(page, "low").uncheck()
    assert "Select rows" in text(again(page))


def test_all_cards_are_shown_when_the_viewer_asks_for_them(feed: StagedFeed, page: AppTest) -> None:
    assert MORE not in [each.key for each in page.button]
    feed.show(*(alert(f"new {number}", subject=f"signal {number}") for number in range(MAX_CARDS + 3)))
    assert len(again(page).checkbox) == MAX_CARDS
    assert len(press(page, MORE).checkbox) == MAX_CARDS + 5
    assert page.button(key=MORE).label == "Show fewer"
    assert len(press(page, MORE).checkbox) == MAX_CARDS


def test_there_are_cards_for_some_rows_and_for_some_alerts_of_each_of_their_groups() -> None:
    single, member = Line((LOW,)), Line((HOT[0],), is_member=True)
    lines = [Line(tuple(HOT), is_opened=True), *[member] * (MAX_MEMBERS + 2), *[single] * MAX_CARDS, member]
    shown = [line for line, fits in zip(lines, fitting(lines), strict=True) if fits]
    assert shown == [lines[0], *[member] * MAX_MEMBERS, *[single] * (MAX_CARDS - 1)]


def test_a_click_opens_the_group_that_was_shown_in_the_row_or_one_that_looks_alike() -> None:
    def group(subject: str) -> Line:
        return Line(tuple(alert(f"VEH-{number}", subject=subject) for number in range(3)))

    first, second, single = group("speed"), group("fuel"), Line((LOW,))
    lines = [first, single, second]
    assert clicked_group(lines, 2, "▸ 3 vehicles") is second
    assert clicked_group(lines, 1, "▸ 3 vehicles") is first, "the order has changed since"
    assert clicked_group(lines, 7, "▸ 3 vehicles") is first
    assert clicked_group(lines, 0, "▸ 4 vehicles") is None
    assert clicked_group(lines, 1, "low") is None


def test_cards_of_muted_and_cleared_alerts_are_grey(feed: StagedFeed, page: AppTest) -> None:
    def badge(shown: Alert) -> str:
        feed.show(shown)
        return box(again(page), shown.vehicle_id).label.partition("-badge")[0]

    assert badge(alert("over", subject="rpm", severity="major")) == ":orange"
    assert badge(cleared("over", subject="rpm", severity="major")) == ":gray"
