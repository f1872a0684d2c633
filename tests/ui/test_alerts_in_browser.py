"""The alerts of the page in a real Chromium, with a real broker, on a wide and on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import paho.mqtt.publish
import pytest
from playwright.sync_api import Locator, Page, expect
from ui.alerts.alert_list import ROW_HEIGHT

from config.broker_settings import MqttSettings
from dataflows.events import Alert, AlertAction
from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.mqtt_clients import Inbox, publish
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page
from tests.support.shown_alerts import alert, message, place

LIST = ".st-key-alert_list canvas"
CARDS = ".st-key-alert_cards"
SELECT, VEHICLE = ROW_HEIGHT // 2, 160
"""Pixels from the left of the list to the check boxes, and to the names of the vehicles."""

SENTENCE = "Engine temperature is too high: 131 °C, expected 92.3 °C"
HOT = [
    alert(f"VEH-{number}", number, summary=f"{SENTENCE}; seen once in about 40,000 events")
    for number in range(4)
]
"""A group; the last one is the most urgent."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody with the name Kim who looks at the page."""

    browser: Page
    mqtt: MqttSettings
    topic: str
    actions: Inbox

    def waits_for(self, text: str) -> None:
        body = self.browser.locator("body")
        expect(body).to_contain_text(text, use_inner_text=True, timeout=1000 * PATIENCE)

    def shows(self, *alerts: Alert) -> None:
        """Publish alerts, as the job does."""
        for each in alerts:
            topic = f"{self.topic}/alerts/{place(each)}"
            paho.mqtt.publish.single(topic, message(each), 1, True, self.mqtt.host, self.mqtt.port)

    def clicks(self, selector: str) -> None:
        self.browser.locator(selector).first.click(timeout=1000 * PATIENCE)

    def clicks_in_list(self, row: int, x: int) -> None:
        """Click into a row of the list, which is one picture, `x` pixels from the left."""
        y = (row + 1) * ROW_HEIGHT + ROW_HEIGHT // 2
        # The element that scrolls the list lies above the picture, and takes the clicks.
        self.alert_list.click(position={"x": x, "y": y}, force=True, timeout=1000 * PATIENCE)

    @property
    def alert_list(self) -> Locator:
        """The picture of the list."""
        return self.browser.locator(LIST).first

    def height_of_list(self) -> float:
        box = self.alert_list.bounding_box()
        return 0.0 if box is None else box["height"]

    def action(self, number: int = 1) -> list[AlertAction]:
        """The first actions that were sent."""
        return [msgspec.json.decode(each, type=AlertAction) for each in self.actions.wait_for(number)]


@contextmanager
def viewer(broker: Broker, topic: str, width: int, *alerts: Alert) -> Iterator[Viewer]:
    """The page with some alerts and one vehicle, in a window of a width in pixels."""
    need("chromium")
    mqtt = broker.settings()
    with (
        chromium(width, 1200) as browser,
        page(mqtt, topic) as address,
        Inbox(mqtt, f"{topic}/alert-actions") as inbox,
    ):
        kim = Viewer(browser, mqtt, topic, inbox)
        kim.shows(*alerts)
        browser.goto(f"{address}/?name=Kim")
        kim.waits_for("unacknowledged")
        yield kim


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_dispatcher_selects_an_alert_and_mutes_it(private_broker: Broker, topic: str) -> None:
    first, second = alert("VEH-1", severity="critical"), alert("VEH-2")
    with viewer(private_broker, topic, 1600, first, second) as kim:
        kim.alert_list.wait_for(timeout=1000 * PATIENCE)
        kim.clicks_in_list(1, SELECT)
        kim.waits_for("Selected: VEH-2")
        kim.clicks(".st-key-alert_mute_popover button:enabled")
        kim.waits_for("Reason")
        kim.clicks(".st-key-alert_mute button:enabled")
        (action,) = kim.action()
        assert (action.action, action.by, action.alert_id) == ("mute", "Kim", second.alert_id)
        assert action.text
        kim.waits_for("Select rows")
        kim.shows(msgspec.structs.replace(second, revision=2, muted_until=action.until))
        kim.waits_for("1 muted")
        assert reported_errors(kim.browser) == []


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_dispatcher_opens_a_group_and_acknowledges_one_of_its_alerts(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 1600, *HOT) as kim:
        kim.alert_list.wait_for(timeout=1000 * PATIENCE)
        height = kim.height_of_list()
        kim.clicks_in_list(0, VEHICLE)
        wait_until(lambda: kim.height_of_list() > height, "the rows of the group", PATIENCE)
        kim.clicks_in_list(2, SELECT)
        kim.waits_for("Selected: VEH-2")
        kim.clicks(".st-key-alert_acknowledge button:enabled")
        (action,) = kim.action()
        assert (action.action, action.alert_id) == ("acknowledge", HOT[2].alert_id)
        assert reported_errors(kim.browser) == []


@pytest.mark.long
@pytest.mark.timeout(400)
def test_on_a_phone_every_word_is_there_without_scrolling_sideways(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 390, *HOT) as kim:
        publish(kim.mqtt, [(f"{topic}/enriched/VEH-1", payload("VEH-1"))])
        kim.waits_for("Events per second")
        kim.waits_for(SENTENCE)
        expect(kim.browser.locator(".st-key-alert_list")).to_be_hidden()
        cut = """
            [...document.querySelectorAll('.st-key-figures p, .st-key-alert_cards p')]
                .flatMap(text => [text, text.parentElement])
                .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.textContent)"""
        assert kim.browser.evaluate(cut) == []
        assert kim.browser.evaluate("document.documentElement.scrollWidth") <= 390

        kim.clicks(f"{CARDS} button")
        kim.waits_for("Hide the vehicles")
        kim.clicks(f"{CARDS} label")
        kim.waits_for("Selected: 4 alerts of 4 vehicles")
        kim.clicks(".st-key-alert_acknowledge button:enabled")
        assert {action.alert_id for action in kim.action(4)} == {each.alert_id for each in HOT}
        assert reported_errors(kim.browser) == []
