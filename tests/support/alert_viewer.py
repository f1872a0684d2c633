"""Somebody who looks at the page *Alerts* in a real Chromium, beside a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from playwright.sync_api import Browser, Locator, Page, expect

from config.broker_settings import MqttSettings
from dataflows.events import Alert, AlertAction
from scripts.browser import new_page
from tests.support.mqtt_clients import Inbox, publish
from tests.support.page_process import PATIENCE
from tests.support.shown_alerts import message, place

DEADLINE = PATIENCE * 1000.0
"""Milliseconds."""


class Server(NamedTuple):
    """A running page.

    Attributes:
        browser: to open it in.
        address: of the page.
        mqtt: its broker.
        topic: start of its topics.
        actions: what has been sent.
    """

    browser: Browser
    address: str
    mqtt: MqttSettings
    topic: str
    actions: Inbox


class AlertViewer:
    """One browser window with the page *Alerts*, and the alerts that are shown there."""

    def __init__(self, server: Server, page: Page) -> None:
        self.server = server
        self.page = page
        self.places: set[str] = set()
        self.seen = len(server.actions.messages)

    def shows(self, *alerts: Alert) -> None:
        """Publish alerts, as the job does."""
        topics = [f"{self.server.topic}/alerts/{place(each)}" for each in alerts]
        self.places.update(topics)
        publish(self.server.mqtt, list(zip(topics, map(message, alerts), strict=True)), retain=True)

    def opens(self, query: str = "name=Kim") -> None:
        """Open the page, as from a bookmark, and wait for the list."""
        self.page.goto(f"{self.server.address}/alerts?{query}")
        self.rows.first.wait_for(timeout=DEADLINE)

    @property
    def rows(self) -> Locator:
        """The rows of the list."""
        return self.page.locator(".alerts .row")

    def row(self, words: str) -> Locator:
        """The row that has these words."""
        return self.rows.filter(has_text=words)

    def sees(self, words: str) -> None:
        """Wait for words on the page."""
        expect(self.page.locator("body")).to_contain_text(words, use_inner_text=True, timeout=DEADLINE)

    def reads(self, *vehicles: str) -> None:
        """Wait until these are the vehicles of the rows, in this order."""
        expect(self.page.locator(".alerts .row .vehicle")).to_have_text(list(vehicles), timeout=DEADLINE)

    def actions(self, count: int) -> list[AlertAction]:
        """The first actions that were sent since the window was opened."""
        payloads = self.server.actions.wait_for(self.seen + count)[self.seen :]
        return [msgspec.json.decode(each, type=AlertAction) for each in payloads]

    def takes_back(self) -> None:
        """Remove all alerts, as the job does some time after they have cleared."""
        publish(self.server.mqtt, [(topic, b"") for topic in self.places], retain=True)


@contextmanager
def alert_viewer(
    server: Server, *alerts: Alert, width: int = 1600, height: int = 1000, dark: bool = False
) -> Iterator[AlertViewer]:
    """The page with some alerts, in a window of a size in pixels, light or dark."""
    page = new_page(server.browser, width, height, dark=dark)
    viewer = AlertViewer(server, page)
    viewer.shows(*alerts)
    try:
        yield viewer
    finally:
        viewer.takes_back()
        page.close()
