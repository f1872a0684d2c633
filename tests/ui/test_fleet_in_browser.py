"""The page *Fleet* in a real Chromium: what is clicked in one place is chosen in all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from tests.support.enriched_events import enriched
from tests.support.mqtt_clients import publish
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page
from tests.support.shown_alerts import alert, message, place

VEHICLES = 60
BURNING, QUIET = "VEH-07", "VEH-31"
WAIT = 1000 * PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def _only_who_sent_nothing_for_long_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__PAGE__STALE_AFTER", "1800")


def event(vehicle: str, number: int, at: datetime) -> bytes:
    """An event of now or of the past; `BURNING` is anomalous."""
    error = 5.0 if vehicle == BURNING else 0.3 + number / 1_000
    made = enriched(
        vehicle,
        error=error,
        measured={"engine_temperature": 131.0} if vehicle == BURNING else None,
        position=(48.1 + number / 1_000, 11.5 + number % 7 / 100),
    )
    made = msgspec.structs.replace(made, ts=at, processed_at=at, event_id=f"{vehicle}/{at.timestamp()}")
    return msgspec.json.encode(made)


@contextmanager
def viewer(broker: Broker, topic: str, width: int, height: int = 1000) -> Iterator[Page]:
    """A browser that shows a fleet with one alert and one silent vehicle."""
    need("chromium")
    mqtt = broker.settings()
    now = datetime.now(UTC)
    names = [f"VEH-{number:02}" for number in range(VEHICLES)]
    times: dict[str, Any] = {"opened_at": now, "onset_at": now, "last_at": now}
    burning = alert(BURNING, severity="critical", summary="it burns", **times)
    publish(mqtt, [(f"{topic}/alerts/{place(burning)}", message(burning))], retain=True)
    kept = [
        (f"{topic}/enriched/{name}", event(name, number, now - timedelta(hours=1) * (name == QUIET)))
        for number, name in enumerate(names)
    ]
    publish(mqtt, kept, retain=True)
    with page(mqtt, topic) as address, chromium(width, height) as browser:
        browser.set_default_timeout(WAIT)
        browser.goto(address)
        expect(browser.locator(".vehicles .row").first).to_contain_text(BURNING, timeout=WAIT)
        hour_ago = now - timedelta(minutes=40)
        publish(mqtt, [(f"{topic}/enriched/{BURNING}", event(BURNING, 7, hour_ago))])
        yield browser


def waits_for_page(browser: Page, path: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while path not in browser.url:
        assert time.monotonic() < deadline, f"expected {path} in the address, got {browser.url}"
        browser.wait_for_timeout(100)


def test_a_vehicle_that_is_clicked_is_chosen_everywhere_and_opened_by_another_click(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 1600) as browser:
        row = browser.locator(f".vehicles [data-id={BURNING}]")
        row.locator(".choose").click()
        expect(row).to_have_attribute("data-chosen", "true", timeout=WAIT)
        expect(browser.locator(f".lanes [data-id={BURNING}]")).to_have_attribute("data-chosen", "true")
        chosen = browser.locator(".st-key-fleet_chosen_vehicle")
        expect(chosen).to_contain_text(BURNING, timeout=WAIT)
        expect(chosen).to_contain_text("it burns")
        row.locator(".choose").click()
        waits_for_page(browser, f"vehicle={BURNING}")
        assert reported_errors(browser) == []


def test_a_choice_in_the_strip_is_in_the_address_and_taken_back_by_another_click(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 1600) as browser:
        rows, strip = browser.locator(".vehicles .row"), browser.locator(".strip")
        strip.locator("[data-name=anomalous]").click()
        expect(rows).to_have_count(1, timeout=WAIT)
        expect(browser.locator(".vehicles .what")).to_contain_text("only anomalous now")
        waits_for_page(browser, "show=anomalous")
        browser.reload()
        expect(strip.locator("[data-name=anomalous]")).to_have_attribute("aria-pressed", "true", timeout=WAIT)
        expect(rows).to_have_count(1, timeout=WAIT)
        strip.locator("[data-name=anomalous]").click()
        expect(rows).to_have_count(40, timeout=WAIT)
        assert "show=" not in browser.url
        assert reported_errors(browser) == []


def test_a_vehicle_is_found_by_a_part_of_its_id_and_opened_with_enter(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 1600) as browser:
        rows, search = browser.locator(".vehicles .row"), browser.locator(".vehicles .search")
        browser.locator(".vehicles .turn").last.click()
        expect(browser.locator(".vehicles .range")).to_have_text("41–60 of 60", timeout=WAIT)
        search.fill("h-3")
        expect(rows).to_have_count(10, timeout=WAIT)
        search.press("Escape")
        expect(rows).to_have_count(40, timeout=WAIT)
        search.fill("veh-58")
        search.press("Enter")
        waits_for_page(browser, "vehicle=VEH-58")
        assert reported_errors(browser) == []


def test_a_cell_of_the_lanes_leads_to_the_vehicle_at_that_time_and_is_read_out(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 1600) as browser:
        field = browser.locator(".lanes .field")
        field.focus()
        spoken = browser.locator(".lanes .spoken")
        field.press("ArrowDown")
        expect(spoken).to_contain_text("All vehicles", timeout=WAIT)
        field.press("ArrowDown")
        expect(spoken).to_contain_text(f"{BURNING}, ")
        expect(spoken).to_contain_text("at worst major, severity 83")
        for _ in range(8):
            field.press("ArrowLeft")
        # Lanes are drawn every few seconds; what is read out follows them.
        expect(spoken).to_contain_text("at worst major, severity 83", timeout=WAIT)
        field.press("ArrowLeft")
        expect(spoken).to_contain_text("no data")
        field.press("ArrowRight")
        field.press("Enter")
        waits_for_page(browser, f"vehicle={BURNING}&at=")
        assert reported_errors(browser) == []


def test_on_a_phone_the_strip_takes_two_lines_and_nothing_is_cut_sideways(
    private_broker: Broker, topic: str
) -> None:
    with viewer(private_broker, topic, 390, 844) as browser:
        box = browser.locator(".strip").bounding_box()
        assert box is not None
        assert box["height"] < 90
        for name in ("unacknowledged", "open", "all", "anomalous", "silent", "ok"):
            choice = browser.locator(f".strip [data-name={name}]").bounding_box()
            assert choice is not None
            assert 0 <= choice["x"] <= choice["x"] + choice["width"] <= 390, name
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        alerts = browser.locator(".st-key-fleet_alerts").bounding_box()
        view = browser.locator(".st-key-fleet_view").bounding_box()
        assert alerts is not None
        assert view is not None
        assert alerts["y"] + alerts["height"] <= view["y"], "alerts first, then the map"
