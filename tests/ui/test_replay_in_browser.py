"""A replay in a real browser: it is played, set, and followed from page to page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from scripts.brokers.process import Broker
from scripts.browser import chromium, reported_errors
from tests.support.enriched_events import payload
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page
from tests.support.shown_alerts import alert, message
from tests.support.stored_history import store

LONG = PATIENCE * 1000
"""Milliseconds."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_replay_is_set_on_its_strip_and_seen_on_other_pages_until_one_goes_back_to_live(
    private_broker: Broker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("chromium")
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", str(tmp_path))
    store(tmp_path, "events", [payload(f"V{n % 3}", n) for n in range(600)])
    store(tmp_path, "alerts", [message(alert("V1", 300))], topic="fleet/alerts/V")
    with page(private_broker.settings(), topic) as address, chromium() as browser:
        browser.goto(f"{address}/replay?from=2026-01-01T12:00:00Z&to=2026-01-01T12:10:00Z")
        bar = browser.locator(".st-key-replay_bar")
        expect(bar).to_contain_text("Replay of 01 Jan 12:0", timeout=LONG)
        bar.get_by_role("button", name="Pause").click(timeout=LONG)
        expect(bar).to_contain_text("paused", timeout=LONG)

        strip = browser.get_by_role("slider", name="Time of the replay")
        size = strip.bounding_box(timeout=LONG)
        assert size is not None
        strip.click(position={"x": size["width"] / 2, "y": 40}, timeout=LONG)
        expect(bar).to_contain_text("12:05:00", timeout=LONG)
        strip.press("Shift+ArrowLeft")
        expect(bar).to_contain_text("12:00:00", timeout=LONG)
        strip.press("End")
        expect(bar).to_contain_text("12:10:00", timeout=LONG)

        browser.get_by_role("link", name="Fleet").click(timeout=LONG)
        expect(browser.get_by_role("heading", name="Fleet")).to_be_visible(timeout=LONG)
        expect(bar).to_contain_text(re.compile("Replay of 01 Jan 12:10:00"), timeout=LONG)
        bar.get_by_role("button", name="Back to live").click(timeout=LONG)
        expect(bar).to_have_count(0, timeout=LONG)
        expect(browser.get_by_text("no events yet", exact=True)).to_be_visible(timeout=LONG)
        assert [error for error in reported_errors(browser) if "404" not in error] == []
