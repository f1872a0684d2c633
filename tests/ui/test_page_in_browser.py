"""The page in a real Chromium, with a real broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from config.broker_settings import MqttSettings
from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.mqtt_clients import publish
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page
from ui import palette

HOSTILE = "<img src=x onerror=document.title='broken'>"
MAP = ".st-key-fleet_map .stage"


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
        expect(browser.locator(".vehicles .note").first).to_contain_text(
            "engine_temperature", timeout=1000 * PATIENCE
        )

        assert browser.evaluate("window.loadedOnce")
        assert browser.title() != "broken"
        assert reported_errors(browser) == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_map_stays_where_the_viewer_moved_it_and_a_click_chooses_a_vehicle(
    browser: Page, private_broker: Broker, topic: str
) -> None:
    mqtt = private_broker.settings()
    fleet = Fleet(mqtt, topic)
    vehicles = [f"VEH-{number}" for number in range(8)]
    with page(mqtt, topic) as address:
        opened(browser, address)
        fleet.send_until(lambda: counted(browser, "all") == "8", "the vehicles", *vehicles)
        first = settled(browser)

        browser.locator(MAP).scroll_into_view_if_needed()
        box = browser.locator(MAP).bounding_box()
        assert box is not None
        x, y = box["x"] + 30, box["y"] + box["height"] / 2
        browser.mouse.move(x, y)
        browser.mouse.down()
        browser.mouse.move(x + 130, y + 70, steps=10)
        browser.mouse.up()
        wait_until(lambda: ground(browser) != first, "the map follows the hand", PATIENCE)
        moved = settled(browser)

        more = [*vehicles, "VEH-8"]
        fleet.send_until(lambda: counted(browser, "all") == "9", "an update", *more)
        assert settled(browser) == moved

        follow = browser.locator(MAP).get_by_role("button", name="Follow the chosen vehicle")
        assert not follow.is_visible(), "none is chosen"
        browser.mouse.click(*southernmost(browser))
        follow.wait_for(timeout=1000 * PATIENCE)
        browser.locator(MAP).locator(".summary").get_by_text("9 vehicles").wait_for(state="attached")
        assert settled(browser) == moved


def southernmost(browser: Page) -> tuple[float, float]:
    """Where on the page the lowest vehicle without an alert is: above, there are buttons."""
    colour = palette.MAP_TONES["ok"][0]
    x, y = (
        browser.locator(MAP)
        .locator(".surface")
        .evaluate(
            """(canvas, colour) => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const isIt = (at) => colour.every((part, number) => data[at + number] === part);
            let pixel = data.length / 4 - 1;
            while (!isIt(4 * pixel)) pixel -= 1;
            const {left, top} = canvas.getBoundingClientRect();
            return [left + (pixel % canvas.width), top + Math.floor(pixel / canvas.width)];
        }""",
            [int(colour[at : at + 2], 16) for at in (1, 3, 5)],
        )
    )
    return x, y - 3


def ground(browser: Page) -> str:
    """The layer below the vehicles as a picture: it differs whenever the view does."""
    picture: str = browser.locator(MAP).locator("canvas").first.evaluate("canvas => canvas.toDataURL()")
    return picture


def settled(browser: Page) -> str:
    """The ground as soon as it is the same twice."""
    pictures = [ground(browser)]

    def is_still() -> bool:
        pictures.append(ground(browser))
        return pictures[-2] == pictures[-1]

    wait_until(is_still, "a map that stands still", PATIENCE)
    return pictures[-1]
