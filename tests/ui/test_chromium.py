"""The Chromium that tests, screenshots and benchmarks share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, Page

from config.errors import SettingsError
from scripts.browser import chromium, new_page, reported_errors, running_chromium
from tests.support.needs import need


@pytest.fixture
def browser() -> Iterator[Page]:
    need("chromium")
    with chromium(640, 480, dark=True, scale=2.0) as page:
        yield page


def test_a_page_has_the_size_the_colours_and_the_scale_that_were_asked_for(browser: Page) -> None:
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    assert browser.evaluate(f"[innerWidth, innerHeight, devicePixelRatio, {dark}]") == [640, 480, 2, True]


def test_a_page_draws_with_webgl(browser: Page) -> None:
    assert browser.evaluate("document.createElement('canvas').getContext('webgl2') !== null")


def test_a_page_reaches_no_other_machine(browser: Page) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        browser.goto("http://example.com/")


def test_exceptions_and_errors_in_the_console_are_reported(browser: Page) -> None:
    browser.set_content("<script>console.error('written'); console.log('a note'); nothing.at.all</script>")
    assert reported_errors(browser) == ["written", "nothing is not defined"]


def test_pages_of_one_browser_share_no_cookies() -> None:
    need("chromium")
    with running_chromium() as browser:
        first, second = new_page(browser), new_page(browser)
        first.context.add_cookies([{"name": "who", "value": "Kim", "url": "http://127.0.0.1"}])
        assert second.context.cookies() == []


def test_a_missing_chromium_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SettingsError, match="apt-get install chromium"), chromium():
        pass
