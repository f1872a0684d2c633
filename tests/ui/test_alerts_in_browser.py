"""The page *Alerts* in a real Chromium, with a real broker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from dataflows.events import Alert
from scripts.brokers.process import Broker
from scripts.browser import reported_errors, running_chromium
from tests.support.alert_viewer import DEADLINE, Server, alert_viewer
from tests.support.enriched_events import START
from tests.support.mqtt_clients import Inbox
from tests.support.needs import need
from tests.support.page_process import page
from tests.support.paths import REPOSITORY
from tests.support.shown_alerts import alert

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SENTENCE = "Engine temperature is too high: 131 °C, expected 92.3 °C"
PICKED = '.alerts .row[aria-selected="true"] .vehicle'
OF_STREAMLIT = re.compile(r"_stcore/(health|host-config)|Failed to load resource.*404")
"""Streamlit's own look for its server below the path of a page, which is not there."""

ONLY_LOOKS = f"""
import streamlit as st
import ui.viewer
from ui.server import ROUTES

ui.viewer.Viewer.may_act = property(lambda viewer: False)
app = st.App({str(REPOSITORY / "ui" / "script.py")!r}, routes=ROUTES)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    need("chromium")
    with running_chromium() as running:
        yield running


@contextmanager
def serving(browser: Browser, broker: Broker, app: str = "ui") -> Iterator[Server]:
    mqtt, topic = broker.settings(), f"test/{uuid4().hex[:12]}"
    with page(mqtt, topic, app=app) as address, Inbox(mqtt, f"{topic}/alert-actions") as actions:
        yield Server(browser, address, mqtt, topic, actions)


@pytest.fixture(scope="module")
def server(browser: Browser, broker: Broker) -> Iterator[Server]:
    """A page that the tests share, each with vehicles of its own: an alert is remembered by its id."""
    with serving(browser, broker) as running:
        yield running


def hot(name: str, count: int = 4) -> list[Alert]:
    """A group; the last one is the most urgent."""
    summary = f"{SENTENCE}; seen once in about 40,000 events"
    return [alert(f"{name}-{number}", number, summary=summary) for number in range(count)]


def different(vehicle: str, number: int, **changes: object) -> Alert:
    """An alert that is in no group."""
    return alert(vehicle, number, subject=f"signal {vehicle}", **changes)


def test_an_alert_is_acknowledged_with_one_click(server: Server) -> None:
    first = different("one-1", 1, severity="critical", summary=SENTENCE)
    with alert_viewer(server, first, different("one-2", 2)) as kim:
        kim.opens()
        row = kim.row("one-1")
        expect(row).to_contain_text(SENTENCE)
        expect(row).to_contain_text("critical")
        row.get_by_role("button", name="Acknowledge").click()
        (action,) = kim.actions(1)
        assert (action.action, action.by, action.alert_id) == ("acknowledge", "Kim", first.alert_id)
        expect(row).to_contain_text("acknowledge sent", timeout=DEADLINE)
        kim.shows(replace(first, revision=2, acknowledged_by="Kim", acknowledged_at=first.opened_at))
        expect(row).to_contain_text("acknowledged by Kim", timeout=DEADLINE)
        expect(row.get_by_role("button", name="Acknowledge")).to_have_count(0)
        assert [each for each in reported_errors(kim.page) if not OF_STREAMLIT.search(each)] == []


def test_a_group_is_muted_with_a_reason_and_an_end(server: Server) -> None:
    group = hot("group")
    with alert_viewer(server, *group, different("alone", 9)) as kim:
        kim.opens()
        kim.row("4 vehicles").get_by_role("checkbox").check()
        bar = kim.page.locator('[class*="_bulk_bar"]').first
        expect(bar).to_contain_text("4 alerts", timeout=DEADLINE)
        bar.get_by_role("button", name="Mute").click()
        form = kim.page.get_by_test_id("stPopoverBody")
        form.get_by_text("8 h", exact=True).click()
        form.get_by_label("Reason").fill("heat wave")
        form.get_by_label("Reason").press("Enter")
        before = datetime.now(UTC)
        form.get_by_role("button", name="Mute").click()
        actions = kim.actions(4)
        assert {action.alert_id for action in actions} == {each.alert_id for each in group}
        assert {(action.action, action.text) for action in actions} == {("mute", "heat wave")}
        ends = [action.until for action in actions if action.until is not None]
        assert all(abs(end - before - timedelta(hours=8)) < timedelta(minutes=2) for end in ends)
        assert len(ends) == 4
        expect(kim.page.locator(".alerts .row.picked")).to_have_count(0, timeout=DEADLINE)
        expect(bar).to_have_count(0, timeout=DEADLINE)


def test_filters_survive_a_reload(server: Server) -> None:
    shown = [different("f-1", 1, severity="minor"), different("f-2", 2), different("g-3", 3, kind="limit")]
    with alert_viewer(server, *shown) as kim:
        kim.opens()
        kim.reads("g-3", "f-2", "f-1")
        kim.page.get_by_label("Severity").select_option("major")
        kim.reads("g-3", "f-2")
        kim.page.get_by_placeholder("Find a vehicle").fill("F-")
        kim.reads("f-2")
        kim.page.get_by_role("radio", name="all").check(force=True)
        expect(kim.page).to_have_url(re.compile(r"state=all"), timeout=DEADLINE)
        kim.page.reload()
        kim.reads("f-2")
        expect(kim.page.get_by_placeholder("Find a vehicle")).to_have_value("F-")
        expect(kim.page.get_by_label("Severity")).to_have_value("major")
        kim.page.get_by_role("button", name="Reset").click()
        kim.reads("g-3", "f-2", "f-1")


def test_rows_stay_under_the_pointer_until_it_leaves(server: Server) -> None:
    with alert_viewer(server, different("h-1", 1), different("h-2", 2)) as kim:
        kim.opens()
        kim.row("h-1").hover()
        kim.shows(
            different("h-9", 9, severity="critical"), different("h-1", 1, revision=2, severity="critical")
        )
        expect(kim.page.locator(".alerts .news")).to_have_text("1 new above – show", timeout=DEADLINE)
        expect(kim.row("h-1")).to_contain_text("critical")
        kim.reads("h-2", "h-1")
        kim.page.mouse.move(5, 5)
        kim.reads("h-9", "h-1", "h-2")


def test_a_selection_stays_with_its_alert_when_others_come_and_go(server: Server) -> None:
    last = different("s-3", 3)
    with alert_viewer(server, different("s-1", 1), different("s-2", 2), last) as kim:
        kim.opens()
        kim.row("s-2").get_by_role("checkbox").check()
        kim.page.mouse.move(5, 5)
        cleared_at = last.opened_at + timedelta(minutes=1)
        kim.shows(different("s-9", 9), replace(last, revision=2, state="cleared", cleared_at=cleared_at))
        kim.page.get_by_role("button", name="1 new above").click(timeout=DEADLINE)
        kim.reads("s-9", "s-2", "s-1")
        expect(kim.row("s-2").get_by_role("checkbox")).to_be_checked()
        kim.page.get_by_test_id("stBaseButton-primary").click(timeout=DEADLINE)
        (action,) = kim.actions(1)
        assert action.alert_id == different("s-2", 2).alert_id


def test_another_filter_shows_other_rows_at_once_and_selects_nothing(server: Server) -> None:
    cleared_at = START + timedelta(minutes=1)
    over = different("o-2", 2, state="cleared", cleared_at=cleared_at)
    with alert_viewer(server, different("o-1", 1), over) as kim:
        kim.opens()
        kim.row("o-1").get_by_role("checkbox").check()
        kim.row("o-1").locator(".says").click()
        kim.page.get_by_role("radio", name="cleared").check(force=True)
        kim.reads("o-2")
        expect(kim.page.locator(PICKED)).to_have_count(0)


def test_the_list_can_be_used_without_a_mouse(server: Server) -> None:
    group = hot("key")
    with alert_viewer(server, *group, different("key-9", 99)) as kim:
        kim.opens()
        keys = kim.page.keyboard
        kim.rows.first.focus()
        for key in ("ArrowDown", "ArrowRight", "ArrowDown", "Space", "Shift+ArrowDown"):
            keys.press(key)
        kim.reads("key-9", "4 vehicles", "key-3", "key-2", "key-1", "key-0")
        expect(kim.page.locator(PICKED)).to_have_text(["key-3", "key-2"])
        expect(kim.row("key-2")).to_be_focused()
        keys.press("Enter")
        expect(kim.page.locator(".alerts .detail .steps")).to_contain_text("opened: major", timeout=DEADLINE)
        keys.press("Escape")
        expect(kim.page.locator(".alerts .detail")).to_have_count(0)
        keys.press("Escape")
        expect(kim.page.locator(".alerts .row.picked")).to_have_count(0)
        keys.press("ArrowLeft")
        expect(kim.row("4 vehicles")).to_be_focused()
        keys.press("ArrowLeft")
        kim.reads("key-9", "4 vehicles")


def test_a_range_of_rows_is_selected_with_the_shift_key(server: Server) -> None:
    with alert_viewer(server, *(different(f"r-{number}", number) for number in range(5))) as kim:
        kim.opens()
        kim.row("r-3").get_by_role("checkbox").click()
        kim.row("r-1").get_by_role("checkbox").click(modifiers=["Shift"])
        picked = kim.page.locator(PICKED)
        expect(picked).to_have_text(["r-3", "r-2", "r-1"])
        kim.page.get_by_label("Select all alerts that are shown").click()
        expect(picked).to_have_count(5)


def test_details_lead_to_the_vehicle_at_that_time(server: Server) -> None:
    shown = different("d-1", 1)
    with alert_viewer(server, shown) as kim:
        kim.opens()
        kim.row("d-1").locator(".says").click()
        kim.page.get_by_role("button", name="Show d-1 at").click(timeout=DEADLINE)
        expect(kim.page).to_have_url(re.compile(r"/vehicle\?.*vehicle=d-1"), timeout=DEADLINE)
        assert "at=2026-01-01T12" in kim.page.url


def test_hostile_alerts_are_text(server: Server) -> None:
    evil = "<img src=x onerror=document.title='owned'>"
    with alert_viewer(server, alert("evil", summary=evil, subject=evil)) as kim:
        kim.opens()
        expect(kim.row("evil")).to_contain_text(evil)
        kim.row("evil").locator(".says").click()
        expect(kim.page.locator(".alerts .detail .facts")).to_contain_text(evil, timeout=DEADLINE)
        expect(kim.page.locator(".alerts img")).to_have_count(0)
        assert kim.page.title() != "owned"


def test_whoever_only_looks_gets_no_buttons_and_a_reason(
    browser: Browser, broker: Broker, tmp_path: Path
) -> None:
    app = tmp_path / "app.py"
    app.write_text(ONLY_LOOKS, encoding="utf-8")
    with serving(browser, broker, str(app)) as running, alert_viewer(running, *hot("look")) as kim:
        kim.opens()
        kim.sees("You can look at alerts")
        expect(kim.page.locator(".alerts").get_by_role("checkbox")).to_have_count(0)
        expect(kim.page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_on_a_phone_every_word_is_there_without_scrolling_sideways(server: Server) -> None:
    with alert_viewer(server, *hot("phone"), width=390, height=844) as kim:
        kim.opens()
        kim.row("4 vehicles").locator(".says").click()
        expect(kim.row("phone-2")).to_contain_text(SENTENCE)
        cut = """rows => rows.flatMap(row => [...row.querySelectorAll("*")])
            .filter(each => each.offsetParent && each.scrollWidth > each.clientWidth + 1 && each.clientWidth)
            .map(each => each.textContent)"""
        assert kim.rows.evaluate_all(cut) == []
        assert kim.page.evaluate("document.documentElement.scrollWidth") <= 390
        kim.row("phone-2").get_by_role("checkbox").check()
        bar = kim.page.locator('[class*="_bulk_bar"]').first
        expect(bar).to_be_in_viewport(timeout=DEADLINE)


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_on_the_page_is_hard_to_read_or_to_reach(server: Server, dark: bool) -> None:
    """By the rules of axe-core for the list and the filters, which are ours alone."""
    name = "dark" if dark else "light"
    muted = {"muted_until": datetime.now(UTC) + timedelta(hours=1), "mute_reason": "in repair"}
    bad, quiet = different(f"{name}-7", 70, severity="critical"), different(f"{name}-8", 80, **muted)
    with alert_viewer(server, *hot(name), bad, quiet, dark=dark) as kim:
        kim.opens()
        kim.row(f"{name}-7").locator(".says").click()
        kim.page.get_by_role("button", name=f"Show {name}-7 at").wait_for(timeout=DEADLINE)
        for key in ("alerts", "alert_filters"):
            found = Axe().run(kim.page, context=f".st-key-{key}").response
            assert [(rule["id"], rule["nodes"]) for rule in found["violations"]] == []
            targets = [node["target"][0] for rule in found["passes"] for node in rule["nodes"]]
            assert any(isinstance(target, list) for target in targets), "it looks below shadow roots"
