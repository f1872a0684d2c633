"""Who looks at the page, as the page shows it, and what each role finds there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from config.page_settings import Role
from config.settings import load
from tests.support.logins import Door, added
from tests.support.shown_alerts import alert
from tests.support.staged_page import StagedFeed, StagedPublisher, again, opened, text
from ui.actions.action_desk import ActionDesk
from ui.alerts.acting import perform
from ui.alerts.page import show_alerts
from ui.login.account import NAME
from ui.viewer import Viewer

Open = Callable[[Role], AppTest]


@pytest.fixture
def feed() -> StagedFeed:
    feed = StagedFeed(load())
    feed.show(alert("VEH-1"))
    return feed


@pytest.fixture
def publisher() -> StagedPublisher:
    return StagedPublisher()


@pytest.fixture
def door(tmp_path: Path) -> Door:
    users: list[tuple[str, Role]] = [("viewer-v", "viewer"), ("disp-d", "dispatcher"), ("op-o", "operator")]
    added(tmp_path / "users.json", *users)
    return Door(tmp_path / "users.json", session=3600.0)


@pytest.fixture
def show(feed: StagedFeed, publisher: StagedPublisher, door: Door, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the page as somebody with a role."""
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), feed))
    monkeypatch.setattr("ui.page.shared_desk", lambda: ActionDesk(publisher, lambda: feed.now))
    monkeypatch.setattr("ui.page.shared_access", lambda: door)

    def page(role: Role) -> AppTest:
        name = {"viewer": "viewer-v", "dispatcher": "disp-d", "operator": "op-o"}[role]
        cookies = door.cookies(door.opened(name))
        monkeypatch.setattr("ui.login.account.cookies", lambda: cookies)
        return opened()

    return page


@pytest.mark.parametrize("role", ["viewer", "dispatcher", "operator"])
def test_one_who_is_logged_in_sees_who_and_what_they_are_and_no_field_for_a_name(
    role: Role, show: Open
) -> None:
    page = show(role)
    assert f"{role.capitalize()}, who" in text(page)
    assert "Logged in until" in text(page)
    assert NAME not in {field.key for field in page.text_input}
    assert "No login is set up" not in text(page)


@pytest.fixture
def viewers(monkeypatch: pytest.MonkeyPatch) -> list[Viewer]:
    """Those that the first page was drawn for; it shows the alerts."""
    drawn: list[Viewer] = []

    def first_page(viewer: Viewer) -> None:
        drawn.append(viewer)
        show_alerts(viewer)

    monkeypatch.setattr("ui.page.show_fleet", first_page)
    return drawn


@pytest.mark.parametrize(
    ("role", "name", "may_act", "may_command"),
    [
        ("viewer", "viewer-v", False, False),
        ("dispatcher", "disp-d", True, False),
        ("operator", "op-o", True, True),
    ],
)
def test_a_page_is_drawn_with_the_name_and_the_rights_of_the_login(
    role: Role, name: str, may_act: bool, may_command: bool, show: Open, viewers: list[Viewer]
) -> None:
    show(role)
    assert [(each.name, each.may_act, each.may_command) for each in viewers] == [(name, may_act, may_command)]


@pytest.mark.parametrize(("role", "acts"), [("viewer", False), ("dispatcher", True), ("operator", True)])
def test_a_viewer_finds_nothing_to_act_with_and_is_told_why(
    role: Role, acts: bool, show: Open, viewers: list[Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    lists: list[dict[str, Any]] = []
    monkeypatch.setattr("ui.alerts.list._list", lambda **given: lists.append(given["data"]))
    page = show(role)
    assert [data["acts"] for data in lists] == [acts]
    assert ("the role *dispatcher*" in text(page)) != acts
    assert "Enter your name" not in text(page)


def test_who_may_only_look_sends_nothing_whatever_their_browser_asks_for(
    show: Open, viewers: list[Viewer], publisher: StagedPublisher
) -> None:
    def asked_for(viewer: Viewer) -> None:
        perform(viewer, "acknowledge", viewer.feed.alerts.snapshot().open)

    for role in ("viewer", "dispatcher"):
        show(role)
    for viewer in viewers:
        asked_for(viewer)
    assert [(action.action, action.by) for _, action in publisher.published] == [("acknowledge", "disp-d")]


def test_another_role_counts_with_the_next_drawing(show: Open, door: Door, viewers: list[Viewer]) -> None:
    page = show("dispatcher")
    assert door.users is not None
    added(door.users.path, ("disp-d", "viewer"))
    again(page)
    assert [viewer.may_act for viewer in viewers] == [True, False]


def test_a_page_whose_session_has_ended_says_so_and_shows_nothing_else(show: Open, door: Door) -> None:
    page = show("operator")
    door.now += 3600.0
    again(page)
    (note,) = page.info
    assert "Your session has ended. [Log in](/login) to go on." in note.value
    assert not page.markdown
    assert not page.button


@pytest.mark.parametrize(
    ("is_open", "says"),
    [(False, "this page answers to this machine only"), (True, "whoever can reach this page")],
)
def test_without_a_login_there_is_a_field_for_the_name_and_a_line_that_says_who_can_do_everything(
    is_open: bool, says: str, show: Open, viewers: list[Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Door(None)
    nobody.is_open = is_open
    monkeypatch.setattr("ui.page.shared_access", lambda: nobody)
    page = opened()
    assert any(says in caption.value for caption in page.caption)
    page.text_input(key=NAME).input(" Kim ")
    again(page)
    assert [(viewer.name, viewer.role) for viewer in viewers] == [("", "operator"), ("Kim", "operator")]
