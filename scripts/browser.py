"""A headless Chromium that reaches one host and nothing else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from config.errors import FleetError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVER = "chromedriver"

_FLAGS = (
    "--headless=new",
    # Containers seldom allow the sandbox, and the page is our own.
    "--no-sandbox",
    # /dev/shm of a container is too small for a large picture.
    "--disable-dev-shm-usage",
    # The map needs WebGL, also on a machine without a graphics card.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
)


class BrowserError(FleetError):
    """The browser is not installed or does not start, or the page is not what was expected of it."""


def missing_programs() -> list[str]:
    """Names of the programs that are needed and not installed."""
    missing = [] if _browser() else [BROWSERS[0]]
    return missing if shutil.which(DRIVER) else [*missing, DRIVER]


@contextmanager
def chromium(host: str, width: int, height: int) -> Iterator[WebDriver]:
    """Run Chromium with a profile of its own, which is removed at the end.

    The console is kept in the log ``browser``, the events of the network in the log ``performance``.

    Args:
        host: name or address; every other one is unknown to the browser.
        width: of the page in pixels.
        height: likewise.

    Raises:
        BrowserError: Chromium or its driver is missing or does not start.
    """
    missing = missing_programs()
    if missing:
        raise BrowserError(
            f"expected {BROWSERS[0]} and {DRIVER} on the PATH, missing: {', '.join(missing)}; "
            "install them, on Debian with `apt-get install chromium chromium-driver`"
        )
    # Chromium may still write into it while it ends.
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = Options()
        options.binary_location = _browser() or BROWSERS[0]
        for flag in _FLAGS:
            options.add_argument(flag)
        options.add_argument(f"--user-data-dir={profile}")
        options.add_argument(f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        try:
            # With a path Selenium looks for no driver, and downloads none.
            driver = WebDriver(options, Service(executable_path=shutil.which(DRIVER)))
        except WebDriverException as error:
            reason = (error.msg or type(error).__name__).splitlines()[0]
            raise BrowserError(f"{options.binary_location} does not start: {reason}") from None
        try:
            set_size(driver, width, height)
            yield driver
        finally:
            driver.quit()


def set_size(driver: WebDriver, width: int, height: int) -> None:
    """Give the page itself, not the window around it, a size in pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def set_dark(driver: WebDriver, dark: bool) -> None:
    """Let the system prefer the dark theme, or the light one."""
    feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)
