"""The page is pushed: browsers hear of changes, and draw only the sections that show them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from streamlit.testing.v1 import AppTest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from tests.support.enriched_events import payload
from tests.support.mqtt_clients import publish
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page

QUIET = 2.0
"""Seconds without a message after which a browser has been told everything; the clock ticks every five."""


@contextmanager
def told(address: str) -> Iterator[Connection]:
    with connect(f"{address.replace('http', 'ws')}/changes") as socket:
        yield socket


def test_a_browser_is_told_that_an_event_has_come(private_broker: Broker, topic: str) -> None:
    mqtt = private_broker.settings()
    with page(mqtt, topic) as address, told(address) as socket:
        hear_nothing_more(socket)
        publish(mqtt, [(f"{topic}/enriched/VEH-1", payload("VEH-1"))])
        assert socket.recv(timeout=PATIENCE) == ""


def test_a_browser_is_told_whatever_others_do(private_broker: Broker, topic: str) -> None:
    mqtt = private_broker.settings()
    with page(mqtt, topic) as address, told(address) as socket:
        for _ in range(3):
            with told(address):
                pass
        hear_nothing_more(socket)
        publish(mqtt, [(f"{topic}/enriched/VEH-1", payload("VEH-1"))])
        assert socket.recv(timeout=PATIENCE) == ""


def hear_nothing_more(socket: Connection) -> None:
    """Wait until the subscriber of the page has connected, and no change is left to tell."""
    while True:
        try:
            socket.recv(timeout=QUIET)
        except TimeoutError:
            return


def sectioned() -> None:
    """A page with two sections, whose versions the test sets in the state of the session."""
    import streamlit as st

    from ui.push.sections import Sections

    versions = st.session_state.versions
    sections = Sections(lambda: dict(versions))
    sections.section("alerts", lambda: None, ("alerts",))
    sections.section("map", lambda: None, ("fleet",), every=3600.0)
    sections.section("both", lambda: None, ("fleet", "alerts"))
    sections.section("asked", lambda: None, lambda: ("connection",))
    st.session_state.behind_at_first = sections.behind()
    versions.update(st.session_state.pop("change", {}))
    st.session_state.behind = sections.behind()


@pytest.mark.parametrize(
    ("change", "behind"),
    [
        ({}, []),
        ({"alerts": 2}, ["alerts", "both"]),
        ({"fleet": 2}, ["both"]),
        ({"connection": 2}, ["asked"]),
    ],
)
def test_a_section_is_behind_when_something_that_it_shows_has_changed(
    change: dict[str, int], behind: list[str]
) -> None:
    """The map waits longer between two drawings than this test lasts."""
    script = AppTest.from_function(sectioned)
    script.session_state.versions = {"alerts": 1, "fleet": 1, "connection": 1}
    script.session_state.change = change
    script.run()
    assert not script.exception
    assert script.session_state.behind_at_first == []
    assert script.session_state.behind == behind


def reported_early() -> None:
    """A page that is being drawn when a report arrives that all of its sections are behind."""
    import streamlit as st

    from ui.push import sections
    from ui.push.versions import Topic

    versions: dict[Topic, int] = {"alerts": 1}
    drawn = sections.Sections(lambda: dict(versions))
    drawn.section("alerts", lambda: None, ("alerts",))
    versions["alerts"] = 2
    assert drawn.behind() == ["alerts"]
    sections._draw_what_is_behind()
    st.markdown("the rest of the page")


def test_a_report_that_comes_while_all_of_a_page_is_drawn_does_not_interrupt_it() -> None:
    """With a click on another page: instead of that page, sections of the one that was left were drawn."""
    script = AppTest.from_function(reported_early).run()
    assert not script.exception
    assert script.markdown[0].value == "the rest of the page"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_browser_draws_what_has_changed_without_asking_for_the_page(
    private_broker: Broker, topic: str
) -> None:
    need("chromium")
    mqtt = private_broker.settings()
    with page(mqtt, topic) as address, chromium() as browser:
        requests: list[str] = []
        browser.goto(address)
        browser.get_by_text("no events yet", exact=True).wait_for(timeout=PATIENCE * 1000)
        browser.on("request", lambda request: requests.append(request.url))
        publish(mqtt, [(f"{topic}/enriched/VEH-77", payload("VEH-77"))])
        browser.get_by_text("Live").wait_for(timeout=PATIENCE * 1000)
        assert [url for url in requests if url.rstrip("/") == address] == []
        assert reported_errors(browser) == []


def test_a_message_about_a_change_says_nothing_of_it(private_broker: Broker, topic: str) -> None:
    """Whoever may not see the page learns nothing from the WebSocket beside it."""
    mqtt = private_broker.settings()
    with page(mqtt, topic) as address, told(address) as socket:
        publish(mqtt, [(f"{topic}/enriched/VEH-1", msgspec.json.encode({"not": "an event"}))])
        assert socket.recv(timeout=PATIENCE) == ""
