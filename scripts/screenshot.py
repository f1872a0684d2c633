"""The screenshots of the documentation, taken from a running demo: ``python -m scripts.screenshot``."""

from __future__ import annotations

import argparse
import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Error, Page, TimeoutError, expect

from config.errors import SettingsError, exit_on_error
from scripts.browser import chromium
from scripts.waiting import wait_until

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

ANOMALY = re.compile(r"[1-9][\d,]*\s*anomalous now")

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
    with chromium(1600, 1600, dark=dark) as page:
        try:
            page.goto(url)
        except Error as error:
            reason = error.message.splitlines()[0]
            raise SettingsError(f"expected the page at {url}, got {reason}; start it: make demo") from None
        body = page.locator("body")
        try:
            expect(body).to_contain_text("last event", use_inner_text=True, timeout=1000 * TIME_FOR_EVENTS)
        except AssertionError:
            raise SettingsError(
                f"expected events on the page at {url}, saw none within {TIME_FOR_EVENTS:g} s; "
                "start the demo: make demo"
            ) from None
        page.wait_for_timeout(1000 * wait)
        with suppress(AssertionError):
            expect(body).to_contain_text(ANOMALY, use_inner_text=True, timeout=1000 * TIME_FOR_ANOMALY)
        # A reloaded page selects the worst vehicle and shows the history that it has kept.
        page.reload()
        with suppress(AssertionError):
            wait_until(lambda: _shows_map(page), "the map", TIME_FOR_MAP)
        page.wait_for_timeout(1000 * TIME_TO_DRAW)
        page.screenshot(path=file)


def _shows_map(page: Page) -> bool:
    try:
        drawn = page.locator(".st-key-fleet_map canvas").first.screenshot()
    except TimeoutError:
        return False
    with Image.open(BytesIO(drawn)) as picture:
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
