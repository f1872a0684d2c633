"""Somebody who looks after a fleet in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from scripts.browser import new_page, reported_errors
from tests.support.page_process import PATIENCE

DEADLINE = PATIENCE * 1000.0
"""Milliseconds."""

OF_STREAMLIT = re.compile(r"Failed to load resource.*404")
"""Streamlit looks for its server below the address of a page first, where it is not."""


class Dispatcher:
    """One browser window that shares nothing with others.

    Attributes:
        page: what it shows.
        name: of the person.
    """

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.page = page
        self.name = name
        self._address = address
        page.set_default_timeout(DEADLINE)

    def opens(self, path: str = "/") -> None:
        """Load a page, by the path in its address, and wait for its title."""
        separator = "&" if "?" in path else "?"
        self.page.goto(f"{self._address}{path}{separator}name={self.name}")
        self.page.get_by_role("heading", level=1).wait_for()

    def row(self, vehicle: str, words: str) -> Locator:
        """The row of an alert, in any list of alerts."""
        return self.page.locator(".alerts .row").filter(has_text=vehicle).filter(has_text=words)

    def sees(self, words: str | re.Pattern[str]) -> None:
        """Wait for words on the page."""
        expect(self.page.locator("body")).to_contain_text(words, use_inner_text=True, timeout=DEADLINE)

    def is_at(self, address: str) -> None:
        """Wait until an address, a regular expression, is that of the page."""
        expect(self.page).to_have_url(re.compile(address), timeout=DEADLINE)

    def looks_at(self, vehicle: str) -> None:
        """Wait until the page is that of a vehicle."""
        self.is_at(f"/vehicle\\?.*vehicle={vehicle}")
        expect(self.page.get_by_role("heading", level=1)).to_have_text(vehicle, timeout=DEADLINE)

    @property
    def width(self) -> int:
        """Of all that the page shows, in CSS pixels; more than the window's if it scrolls sideways."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth")
        return width


@contextmanager
def dispatcher(
    browser: Browser,
    address: str,
    name: str = "Kim",
    width: int = 1600,
    height: int = 1000,
    dark: bool = False,
) -> Iterator[Dispatcher]:
    """A window for somebody, closed at the end, of a size in pixels, light or dark.

    Raises:
        AssertionError: at the end: something went wrong in the window's JavaScript, or in loading it.
    """
    page = new_page(browser, width, height, dark=dark)
    try:
        yield Dispatcher(page, address, name)
        assert [each for each in reported_errors(page) if not OF_STREAMLIT.search(each)] == []
    finally:
        page.close()
