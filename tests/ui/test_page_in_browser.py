"""The page in a real Chromium, with a real broker."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from config.broker_settings import MqttSettings
from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.mqtt_clients import publish
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page

HOSTILE = "<img src=x onerror=document.title='broken'>"
MAP = ".st-key-fleet_map .stage"

NOTICEABLE = 40
"""Difference between two pixels, 0–255, that is more than a redrawn edge."""


@pytest.fixture
def browser() -> Iterator[Page]:
    need("chromium")
    with chromium(1600, 1200) as running:
        yield running


class Fleet:
    """Publishes events of vehicles that stand still, one after the other."""

    def __init__(self, mqtt: MqttSettings, topic: str) -> None:
        self._mqtt, self._topic = mqtt, topic
        self._number = int(time.time()) % 100_000

    def send(self, *vehicles: str, error: float = 0.5) -> None:
        self._number += 1
        messages = [
            (
                f"{self._topic}/enriched/{place}",
                payload(
                    vehicle,
                    self._number,
                    error=error,
                    measured={"engine_temperature": 131.0} if error > 1 else None,
                    position=(48.13 + place / 500, 11.57 + place / 300),
                ),
            )
            for place, vehicle in enumerate(vehicles)
        ]
        publish(self._mqtt, messages)

    def send_until(
        self, condition: Callable[[], object], what: str, *vehicles: str, error: float = 0.5
    ) -> None:
        """Send until the page shows it: what is sent before it subscribes is lost."""

        def sent_and_shown() -> object:
            self.send(*vehicles, error=error)
            return condition()

        wait_until(sent_and_shown, what, PATIENCE)


def counted(browser: Page, name: str) -> str:
    """A number in the strip at the top of the page; empty if it is not there."""
    count = browser.locator(f"[data-name={name}] .count")
    return count.inner_text() if count.count() else ""


def errors_in(browser: Page) -> str:
    """What the list of vehicles says of their errors."""
    return " ".join(browser.locator(".vehicles .error").all_inner_texts())


def opened(browser: Page, address: str) -> None:
    """Load the page, and wait for its header."""
    browser.goto(address)
    waits_for(browser, "MQTT broker")


def waits_for(browser: Page, text: str) -> None:
    body = browser.locator("body")
    expect(body).to_contain_text(text, use_inner_text=True, timeout=1000 * PATIENCE)


@pytest.mark.timeout(400)
@pytest.mark.long
def test_the_page_updates_without_reloading_and_runs_no_foreign_script(
    browser: Page, private_broker: Broker, topic: str
) -> None:
    mqtt = private_broker.settings()
    fleet = Fleet(mqtt, topic)
    with page(mqtt, topic) as address:
        opened(browser, address)
        browser.evaluate("window.loadedOnce = true")

        fleet.send_until(lambda: counted(browser, "all") == "2", "two vehicles", "VEH-1", "VEH-2")
        fleet.send_until(
            lambda: counted(browser, "all") == counted(browser, "anomalous") == "3",
            "a third vehicle, and all anomalous",
            *("VEH-1", "VEH-2", HOSTILE),
            error=3.0,
        )
        expect(browser.locator(".vehicles .note").first).to_contain_text("engine_temperature")

        assert browser.evaluate("window.loadedOnce")
        assert browser.title() != "broken"
        assert reported_errors(browser) == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_map_stays_where_the_viewer_moved_it(browser: Page, private_broker: Broker, topic: str) -> None:
    mqtt = private_broker.settings()
    fleet = Fleet(mqtt, topic)
    vehicles = [f"VEH-{number}" for number in range(8)]
    with page(mqtt, topic) as address:
        opened(browser, address)
        fleet.send_until(lambda: counted(browser, "all") == "8", "the vehicles", *vehicles)
        canvas = browser.locator(MAP).locator("canvas.surface")
        canvas.wait_for(timeout=1000 * PATIENCE)
        first = settled(browser)

        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        browser.mouse.move(x, y)
        browser.mouse.down()
        browser.mouse.move(x + 130, y + 70, steps=10)
        browser.mouse.up()
        browser.mouse.move(x + 730, y + 70)
        wait_until(lambda: difference(first, picture(browser)) > 0.002, "the map follows the hand", PATIENCE)
        moved = settled(browser)

        for error in (0.6, 0.7):
            updated = f"{error:g} ×"
            fleet.send_until(
                lambda text=updated: text in errors_in(browser),  # type: ignore[misc]
                "an update",
                *vehicles,
                error=error,
            )
        # Redrawn markers may change a few pixels; a map that jumped back would match the first picture.
        now = settled(browser)
        assert difference(moved, now) < difference(first, now) / 2


def picture(browser: Page) -> Image.Image:
    drawn = browser.locator(MAP).first.screenshot(timeout=1000 * PATIENCE)
    return Image.open(io.BytesIO(drawn)).convert("L")


def settled(browser: Page) -> Image.Image:
    """The map as soon as two consecutive pictures of it are the same."""
    pictures = [picture(browser)]

    def is_still() -> bool:
        pictures.append(picture(browser))
        return difference(*pictures[-2:]) == 0.0

    wait_until(is_still, "a map that stands still", PATIENCE)
    return pictures[-1]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Share of the pixels that differ noticeably."""
    histogram = ImageChops.difference(one, other).histogram()
    return sum(histogram[NOTICEABLE:]) / sum(histogram)
