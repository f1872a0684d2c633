"""The pictures of the README, taken from a running demo: ``python -m scripts.screenshot``."""

from __future__ import annotations

import argparse
import re
import time
from contextlib import suppress
from pathlib import Path

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from config.errors import SettingsError, exit_on_error
from scripts.browser import chromium

TIME_FOR_EVENTS = 60.0
TIME_FOR_HISTORY = 45.0
TIME_FOR_ANOMALY = 60.0
TIME_TO_DRAW = 8.0
"""Seconds: until the page must show events, for its charts to have something to show, for something to
happen, and for a page opened anew to be drawn."""

EXAMPLES = """examples:
  make demo                                        in another terminal, then
  python -m scripts.screenshot
  python -m scripts.screenshot --url http://localhost:8502 --wait 120
"""


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line if no page answers or no events come.
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
        SettingsError: nothing answers, or no events come.
    """
    with chromium(1600, 1480, dark=dark) as browser:
        try:
            browser.get(url)
            WebDriverWait(browser, TIME_FOR_EVENTS).until(
                lambda page: "last event" in page.find_element(By.TAG_NAME, "body").text
            )
        except TimeoutException:
            raise SettingsError(
                f"expected a page with events at {url}, saw none in {TIME_FOR_EVENTS:g} s"
            ) from None
        except WebDriverException as error:
            reason = (error.msg or type(error).__name__).splitlines()[0]
            raise SettingsError(f"expected the page at {url}, got {reason}; start it: make demo") from None
        time.sleep(wait)
        with suppress(TimeoutException):
            WebDriverWait(browser, TIME_FOR_ANOMALY).until(
                lambda page: re.search(r"Anomalous now\s+[1-9]", page.find_element(By.TAG_NAME, "body").text)
            )
        # Opened anew the page shows the worst vehicle, with the history that it has kept.
        browser.refresh()
        time.sleep(TIME_TO_DRAW)
        browser.save_screenshot(str(file))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.screenshot",
        description="Save pictures of a running page, light and dark.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", default="http://localhost:8501", help="the page (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="directory (%(default)s)")
    parser.add_argument(
        "--wait",
        type=float,
        default=TIME_FOR_HISTORY,
        help="seconds for the charts to fill (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
