"""A dispatcher's day with everything that is real: broker, simulator, dataflow, recorder, page and Chromium.

The system runs once for all of the file; each test is a step of the day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from dataflows.events import Alert
from scripts.brokers.process import Broker
from tests.support.alerting_job import decoded
from tests.support.dispatcher import DEADLINE, dispatcher
from tests.support.mqtt_clients import Inbox
from tests.support.working_fleet import WorkingFleet, working_fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WEAK, BLIND, EMPTY, LATER, HEALTHY = "VEH-0005", "VEH-0002", "VEH-0003", "VEH-0001", "VEH-0006"
"""Vehicles with a fault each, one that gets its fault after the broker's crash, and one without."""

TOO_LOW = "Battery voltage"
IS_MISSING = "is missing, though this vehicle usually sends it"
REASON = "a new sensor is ordered"


@pytest.fixture(scope="module")
def fleet(own_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkingFleet]:
    """The system, in which three vehicles have failed."""
    with working_fleet(own_broker, "day", tmp_path_factory.mktemp("day")) as running:
        running.fails(WEAK, "battery_failure")
        running.fails(BLIND, "missing_sensor", "engine_temperature")
        running.fails(EMPTY, "missing_sensor", "fuel")
        yield running


def test_an_injected_fault_is_an_alert_in_words_that_leads_to_its_vehicle(
    fleet: WorkingFleet, browser: Browser
) -> None:
    with dispatcher(browser, fleet.address) as kim:
        kim.opens()
        row = kim.row(WEAK, TOO_LOW)
        expect(row).to_contain_text("below its limit of 11.5 V", timeout=DEADLINE)
        expect(row.locator(".badge")).to_have_text(re.compile("^(major|critical)$"))
        row.locator(".says").click()
        kim.page.get_by_role("button", name=f"Show {WEAK} at").click()
        kim.looks_at(WEAK)
        kim.is_at("at=20")
        expect(kim.page.get_by_role("button", name="Back to live")).to_be_visible(timeout=DEADLINE)


def test_what_a_dispatcher_acknowledges_is_on_the_topic_and_on_the_page(
    fleet: WorkingFleet, browser: Browser
) -> None:
    with dispatcher(browser, fleet.address) as kim:
        kim.opens("/alerts")
        row = kim.row(WEAK, TOO_LOW)
        row.get_by_role("button", name="Acknowledge").click()
        acknowledged = fleet.alert(WEAK, "limit", "is acknowledged", lambda alert: alert.acknowledged_by)
        assert acknowledged.acknowledged_by == "Kim"
        assert acknowledged.alert_id in {alert.alert_id for alert in kept(fleet) if alert.acknowledged_by}
        expect(row).to_contain_text("acknowledged by Kim", timeout=DEADLINE)
        expect(row.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_a_mute_with_a_reason_and_an_end_is_on_the_topic_and_on_the_page(
    fleet: WorkingFleet, browser: Browser
) -> None:
    with dispatcher(browser, fleet.address) as kim:
        kim.opens("/alerts")
        row = kim.row(BLIND, IS_MISSING)
        row.get_by_role("checkbox").check()
        kim.page.locator('[class*="_bulk_bar"]').first.get_by_role("button", name="Mute").click()
        form = kim.page.get_by_test_id("stPopoverBody")
        form.get_by_text("8 h", exact=True).click()
        form.get_by_label("Reason").fill(REASON)
        form.get_by_label("Reason").press("Enter")
        asked = datetime.now(UTC)
        form.get_by_role("button", name="Mute").click()
        muted = fleet.alert(BLIND, "missing", "is muted", lambda alert: alert.muted_until)
        assert muted.mute_reason == REASON
        assert muted.muted_until is not None
        assert abs(muted.muted_until - asked - timedelta(hours=8)) < timedelta(minutes=5)
        expect(row).to_contain_text(re.compile(f"muted until .*: {REASON}"), timeout=DEADLINE)


def test_a_vehicle_is_found_by_a_part_of_its_id_and_opened(fleet: WorkingFleet, browser: Browser) -> None:
    with dispatcher(browser, fleet.address) as kim:
        kim.opens()
        search = kim.page.locator(".vehicles .search")
        search.fill(HEALTHY[-2:])
        expect(kim.page.locator(".vehicles .row")).to_have_count(1, timeout=DEADLINE)
        search.press("Enter")
        kim.looks_at(HEALTHY)
        kim.sees("no open alert")


def test_a_link_that_was_sent_shows_somebody_else_the_same_moment(
    fleet: WorkingFleet, browser: Browser
) -> None:
    at = fleet.alert(WEAK, "limit").opened_at.replace(microsecond=0) + timedelta(seconds=5)
    with dispatcher(browser, fleet.address) as kim:
        kim.opens(f"/vehicle?vehicle={WEAK}&at={at:%Y-%m-%dT%H:%M:%SZ}")
        kim.page.get_by_role("button", name="Link").click()
        sent = kim.page.get_by_test_id("stPopoverBody").get_by_test_id("stCode").last.inner_text().strip()
    with dispatcher(browser, fleet.address, "Lee") as lee:
        lee.page.goto(sent)
        lee.looks_at(WEAK)
        # Between the digits are characters that have no width and keep them on one line.
        lee.sees(re.compile(f"at {at:%H}\\W*{at:%M}\\W*{at:%S}"))
        lee.sees(TOO_LOW)
        expect(lee.page.get_by_role("button", name="Back to live")).to_be_visible(timeout=DEADLINE)


def test_what_one_dispatcher_acknowledges_another_one_sees(fleet: WorkingFleet, browser: Browser) -> None:
    with (
        dispatcher(browser, fleet.address) as kim,
        dispatcher(browser, fleet.address, "Lee") as lee,
    ):
        for each in (kim, lee):
            each.opens("/alerts")
            expect(each.row(EMPTY, IS_MISSING)).to_contain_text("open", timeout=DEADLINE)
        kim.row(EMPTY, IS_MISSING).get_by_role("button", name="Acknowledge").click()
        expect(lee.row(EMPTY, IS_MISSING)).to_contain_text("acknowledged by Kim", timeout=DEADLINE)
        expect(lee.row(EMPTY, IS_MISSING).get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_on_a_phone_the_alerts_come_first_and_no_page_scrolls_sideways(
    fleet: WorkingFleet, browser: Browser
) -> None:
    with dispatcher(browser, fleet.address, width=390, height=844) as kim:
        kim.opens()
        row, canvas = kim.row(WEAK, TOO_LOW), kim.page.locator(".st-key-fleet_map canvas").first
        expect(row).to_be_in_viewport(timeout=DEADLINE)
        canvas.wait_for()
        alert, view = row.bounding_box(), canvas.bounding_box()
        vehicles = kim.page.locator(".vehicles .row").first.bounding_box()
        assert alert is not None
        assert view is not None
        assert vehicles is not None
        assert alert["y"] + alert["height"] <= view["y"] < vehicles["y"]
        assert kim.width <= 390
        for path in ("/alerts", f"/vehicle?vehicle={WEAK}", "/replay", "/history", "/pipeline"):
            kim.opens(path)
            kim.page.wait_for_load_state("networkidle")
            assert kim.width <= 390, path


def test_the_page_says_that_the_broker_has_gone_and_goes_on_by_itself_when_it_is_back(
    fleet: WorkingFleet, browser: Browser
) -> None:
    with dispatcher(browser, fleet.address) as kim:
        kim.opens()
        kim.sees("Live")
        kim.page.evaluate("window.loadedOnce = true")
        fleet.broker.kill()
        kim.sees("Disconnected")
        kim.sees(
            re.compile("The connection to the MQTT broker at .* was lost|Cannot reach the MQTT broker at")
        )
        kim.sees("The page keeps retrying")
        fleet.broker.start()
        kim.sees("Live")
        expect(kim.page.get_by_text("The page keeps retrying")).to_have_count(0, timeout=DEADLINE)
        # What comes now has gone all the way: to the vehicle, through the job, to the page.
        fleet.fails(LATER, "battery_failure")
        expect(kim.row(LATER, TOO_LOW)).to_contain_text("below its limit of 11.5 V", timeout=DEADLINE)
        assert kim.page.evaluate("window.loadedOnce"), "nobody has loaded the page again"


def kept(fleet: WorkingFleet) -> list[Alert]:
    """The alerts that the broker gives to somebody who comes now."""
    with Inbox(fleet.mqtt, f"{fleet.topic}/alerts/#") as newcomer:
        newcomer.wait_for(1)
        return decoded(payload for _, payload in newcomer.messages)
