"""The page of a vehicle in a real Chromium, with a real broker."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import msgspec
import pytest
from playwright.sync_api import Page, expect

from dataflows.events import Command, CommandAnswer
from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from scripts.waiting import wait_until
from tests.support.enriched_events import START, payload
from tests.support.mqtt_clients import Inbox, publish
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page

MILLISECONDS = 1000.0 * PATIENCE


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_charts_are_drawn_the_slider_leads_to_the_past_and_a_command_is_answered(
    private_broker: Broker, topic: str
) -> None:
    need("chromium")
    mqtt = private_broker.settings()
    first = int(time.time() - START.timestamp()) - 300

    def send(number: int) -> None:
        publish(mqtt, [(f"{topic}/enriched/V1", payload("V1", first + number))])

    with page(mqtt, topic) as address, chromium() as browser:
        browser.set_default_timeout(MILLISECONDS)
        browser.goto(f"{address}/vehicle?vehicle=V1")
        browser.get_by_text("Nothing has come from a vehicle").wait_for()
        for number in range(60):
            send(number)
        charts = browser.locator(".st-key-vehicle_charts canvas").first
        charts.wait_for()
        charts.evaluate("element => { element.isTheSame = true }")
        commanded(browser, private_broker, topic)
        send(61)
        assert charts.evaluate("element => element.isTheSame"), "updated, not rebuilt"

        browser.locator(".st-key-vehicle_back input[type=range]").press("ArrowLeft")
        browser.locator(".st-key-vehicle_moment").wait_for()
        browser.get_by_role("button", name="Back to live").click()
        expect(browser).to_have_url(re.compile(r"vehicle=V1$"), timeout=MILLISECONDS)
        # Streamlit asks below the address of a page first, where nothing answers.
        errors = [error for error in reported_errors(browser) if "404" not in error]
        assert errors == []


def commanded(browser: Page, broker: Broker, topic: str) -> None:
    """Send a command from the page, and answer it."""
    mqtt = broker.settings()
    with Inbox(mqtt, f"{topic}/command/+") as inbox:
        browser.get_by_role("button", name="Stop").click()
        browser.get_by_role("button", name="Send to V1").click()
        wait_until(lambda: inbox.messages, "the command", PATIENCE)
    command = msgspec.json.decode(inbox.messages[0][1], type=Command)
    assert (command.name, command.by) == ("stop", "page")
    browser.get_by_role("dialog").wait_for(state="detached")
    answer = CommandAnswer(
        command_id=command.id, name="stop", vehicle_id="V1", status="done", answered_at=datetime.now(UTC)
    )
    publish(mqtt, [(f"{topic}/command/ack", msgspec.json.encode(answer))])
    browser.get_by_text("done", exact=True).first.wait_for()
