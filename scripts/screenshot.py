"""The screenshots of the documentation, taken from a running demo: ``python -m scripts.screenshot``."""

from __future__ import annotations

import argparse
import re
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image
from selenium.common.exceptions import (
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from config.errors import SettingsError, exit_on_error
from scripts.browser import chromium

TIME_FOR_EVENTS = 60.0
"""Seconds within which the page must show events."""

TIME_FOR_HISTORY = 45.0
"""Seconds in which the charts fill."""

TIME_FOR_ANOMALY = 60.0
"""Seconds to wait for an anomaly; the screenshot is taken even if there is none."""

TIME_FOR_MAP = 120.0
"""Seconds to wait for the map of a reloaded page: it is drawn without a graphics processor."""

TIME_TO_DRAW = 8.0
"""Seconds that the charts of a reloaded page take, and the map after its first picture."""

COLOURS_OF_EMPTY_MAP = 8
"""Most colours where no map is drawn yet."""

EXAMPLES = """examples:
  make demo                                        in another terminal, then
  python -m scripts.screenshot
  python -m scripts.screenshot --url http://localhost:8502 --wait 120
"""


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1, after one line, if the page does not answer or shows no events.
    """
    options = _parser().parse_args()
    with exit_on_error("screenshot"):
        options.out.mkdir(parents=True, exist_ok=True)
        for name, dark in (("page.png", False), ("page-dark.png", True)):
            take(options.url, options.out / name, dark=dark, wait=options.wait)
            print(options.out / name)


def take(url: str, file: Path, *, dark: bool, wait: float) -> None:
    """Open the page, wait until it is live and has history, and save it.

    Raises:
        SettingsError: the page does not answer, or shows no events.
    """
    with chromium(1600, 1600, dark=dark) as browser:
        try:
            browser.get(url)
            WebDriverWait(browser, TIME_FOR_EVENTS).until(
                lambda page: "last event" in page.find_element(By.TAG_NAME, "body").text
            )
        except TimeoutException:
            raise SettingsError(
                f"expected events on the page at {url}, saw none within {TIME_FOR_EVENTS:g} s; "
                "start the demo: make demo"
            ) from None
        except WebDriverException as error:
            reason = (error.msg or type(error).__name__).splitlines()[0]
            raise SettingsError(f"expected the page at {url}, got {reason}; start it: make demo") from None
        time.sleep(wait)
        with suppress(TimeoutException):
            WebDriverWait(browser, TIME_FOR_ANOMALY).until(
                lambda page: re.search(r"Anomalous now\s+[1-9]", page.find_element(By.TAG_NAME, "body").text)
            )
        # A reloaded page selects the worst vehicle and shows the history that it has kept.
        browser.refresh()
        with suppress(TimeoutException):
            WebDriverWait(
                browser, TIME_FOR_MAP, ignored_exceptions=(StaleElementReferenceException, TimeoutException)
            ).until(_shows_map)
        time.sleep(TIME_TO_DRAW)
        browser.save_screenshot(str(file))


def _shows_map(browser: WebDriver) -> bool:
    maps = browser.find_elements(By.CSS_SELECTOR, ".st-key-fleet_map canvas")
    if not maps:
        return False
    with Image.open(BytesIO(maps[0].screenshot_as_png)) as picture:
        colours = picture.convert("RGB").getcolors(picture.width * picture.height)
    return len(colours or ()) > COLOURS_OF_EMPTY_MAP


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.screenshot",
        description="Save screenshots of a running page, light and dark.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", default="http://localhost:8501", help="address of the page (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("docs"), help="directory to write to (default: %(default)s)"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=TIME_FOR_HISTORY,
        help="seconds to let the charts fill (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
