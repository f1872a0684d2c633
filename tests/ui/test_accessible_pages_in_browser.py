"""Every page, light and dark, by the rules of axe-core: everybody can read it and reach what is on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from scripts.brokers.process import Broker
from tests.support.dispatcher import DEADLINE, Dispatcher, dispatcher
from tests.support.working_fleet import WorkingFleet, working_fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FAILED = "VEH-0005"

PAGES = {
    "/": ".vehicles .row",
    f"/vehicle?vehicle={FAILED}": ".st-key-vehicle_charts canvas",
    "/alerts": ".alerts .row",
    "/history": "[data-testid=stDataFrame], canvas",
    "/replay": "[data-testid=stButton]",
    "/pipeline": "[data-testid=stMetric]",
}
"""Path of each page → what is there once the page shows something."""

WORTH_MENDING = ("serious", "critical")
"""Impacts of findings."""


@pytest.fixture(scope="module")
def fleet(own_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkingFleet]:
    """The system with alerts of each look: open, acknowledged and muted."""
    with working_fleet(own_broker, "read", tmp_path_factory.mktemp("read")) as running:
        running.fails(FAILED, "battery_failure")
        running.fails("VEH-0002", "missing_sensor", "engine_temperature")
        running.alert(FAILED, "limit")
        running.alert("VEH-0002", "missing")
        yield running


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_on_a_page_is_hard_to_read_or_to_reach(
    path: str, dark: bool, fleet: WorkingFleet, browser: Browser
) -> None:
    with dispatcher(browser, fleet.address, dark=dark) as kim:
        kim.opens(path)
        expect(kim.page.locator(PAGES[path]).first).to_be_visible(timeout=DEADLINE)
        assert findings(kim) == []


def findings(viewer: Dispatcher) -> list[str]:
    """The rules that are broken, each with the elements that break it."""
    found = Axe().run(viewer.page).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in WORTH_MENDING
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_in_what_opens_over_a_page_is_hard_to_read_or_to_reach(
    dark: bool, fleet: WorkingFleet, browser: Browser
) -> None:
    """The form of a mute, and the dialog of a command: Streamlit puts them beside the page."""
    with dispatcher(browser, fleet.address, dark=dark) as kim:
        kim.opens("/alerts")
        kim.row(FAILED, "Battery voltage").get_by_role("checkbox").check()
        kim.page.locator('[class*="_bulk_bar"]').first.get_by_role("button", name="Mute").click()
        kim.page.get_by_test_id("stPopoverBody").get_by_label("Reason").wait_for()
        assert findings(kim) == []
        kim.opens(f"/vehicle?vehicle={FAILED}")
        kim.page.get_by_role("button", name="Stop").click()
        kim.page.get_by_role("button", name=f"Send to {FAILED}").wait_for()
        assert findings(kim) == []
