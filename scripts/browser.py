"""A headless Chromium that renders WebGL in software and can connect only to this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from config.errors import SettingsError

FLAGS = (
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
"""Besides those of Playwright, which turn off first runs, updates and background connections.

Only WebGL itself passes through the software that plays a graphics processor. If all of the page did, drawing
it would take three times the processor time: 8.9 s instead of 2.8 s for 150 tables beside a WebGL canvas.
"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """The installed Chromium for the duration of the context, without a page.

    Playwright runs an event loop in this thread meanwhile: use it where no other loop runs.

    Raises:
        SettingsError: Chromium is not installed.
    """
    program = shutil.which("chromium")
    if program is None:
        raise SettingsError("expected chromium on the PATH, found none; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def new_page(
    browser: Browser, width: int = 1600, height: int = 1200, *, dark: bool = False, scale: float = 1.0
) -> Page:
    """An empty page that shares neither cookies nor storage with others.

    Args:
        browser: that the page is opened in.
        width, height: of the viewport, in CSS pixels.
        dark: whether the page sees a preference for dark colours.
        scale: device pixels per CSS pixel.
    """
    return browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        device_scale_factor=scale,
    )


@contextmanager
def chromium(
    width: int = 1600, height: int = 1200, *, dark: bool = False, scale: float = 1.0
) -> Iterator[Page]:
    """A page in a Chromium of its own, for the duration of the context; arguments as of `new_page`.

    Raises:
        SettingsError: Chromium is not installed.
    """
    with running_chromium() as browser:
        yield new_page(browser, width, height, dark=dark, scale=scale)


def reported_errors(page: Page) -> list[str]:
    """What went wrong since the page was loaded: uncaught exceptions, and errors in the console.

    Chromium also writes there what it failed to load, or what the page's security policy forbids.
    """
    written = [message.text for message in page.console_messages() if message.type == "error"]
    return [*written, *(str(error) for error in page.page_errors())]
