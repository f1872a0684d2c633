"""The screenshots of the documentation, taken from a running demo: ``python -m scripts.screenshot``.

Each page is saved in the light and in the dark theme and as a phone shows it. The demo's simulator has a
fixed seed, so what is on them differs only by how long the demo has been running.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect
from rich.console import Console
from rich.progress import track

from config.errors import SettingsError, exit_on_error
from scripts.browser import new_page, running_chromium

TIME_FOR_EVENTS = 60.0
"""Seconds within which the page must show events."""

TIME_FOR_HISTORY = 120.0
"""Seconds in which charts and alerts fill."""

TIME_TO_DRAW = 8.0
"""Seconds that a page takes, without a graphics processor."""

PAGES = {
    "fleet": "",
    "vehicle": "vehicle",
    "alerts": "alerts",
    "history": "history",
    "pipeline": "pipeline",
    "replay": "replay",
}
"""Name of the picture → path of the page. The last, since a replay is on all pages once it has begun."""

EXAMPLES = """examples:
  make demo                                        in another terminal, then
  python -m scripts.screenshot
  python -m scripts.screenshot --url http://localhost:8502 --wait 300
"""


@dataclass(frozen=True, slots=True)
class Screen:
    """What the page is looked at with.

    Attributes:
        suffix: of the names of the files.
        width, height: in CSS pixels.
        dark: whether it prefers dark colours.
    """

    suffix: str
    width: int
    height: int
    dark: bool = False


SCREENS = (
    Screen("", 1500, 1150),
    Screen("-dark", 1500, 1150, dark=True),
    Screen("-phone", 390, 844),
)


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1, after one line, if the page does not answer or shows no events.
    """
    options = _parser().parse_args()
    with exit_on_error("screenshot"), running_chromium() as browser:
        options.out.mkdir(parents=True, exist_ok=True)
        _wait(browser, options.url, options.wait)
        shots = [(screen, name) for screen in SCREENS for name in PAGES]
        for screen, file in track(
            taken(browser, options.url, options.out),
            "screenshots",
            len(shots),
            console=Console(stderr=True),
        ):
            print(f"{file} ({screen.width} x {screen.height})")


def taken(browser: Browser, url: str, directory: Path) -> Iterator[tuple[Screen, Path]]:
    """Save each page on each screen, and yield what was saved.

    Args:
        browser: that they are opened in.
        url: of the page.
        directory: to write to.
    """
    for screen in SCREENS:
        page = new_page(browser, screen.width, screen.height, dark=screen.dark)
        try:
            for name, path in PAGES.items():
                _open(page, f"{url}/{path}?name=Kim")
                if name == "replay":
                    _start_replay(page)
                page.wait_for_timeout(1000 * TIME_TO_DRAW)
                file = directory / f"{name}{screen.suffix}.png"
                page.screenshot(path=file)
                yield screen, file
        finally:
            page.close()


def _start_replay(page: Page) -> None:
    """Replay what the page proposes; it may have no history to replay, which is a picture too."""
    button = page.get_by_role("main").get_by_role("button", name="Replay", exact=True)
    with suppress(Error):
        button.click(timeout=1000 * TIME_TO_DRAW)


def _wait(browser: Browser, url: str, seconds: float) -> None:
    page = new_page(browser)
    _open(page, url)
    try:
        expect(page.locator("body")).to_contain_text(
            "last event", use_inner_text=True, timeout=1000 * TIME_FOR_EVENTS
        )
    except AssertionError:
        raise SettingsError(
            f"expected events on the page at {url}, saw none within {TIME_FOR_EVENTS:g} s; "
            "start the demo: make demo"
        ) from None
    page.wait_for_timeout(1000 * seconds)
    page.close()


def _open(page: Page, address: str) -> None:
    try:
        page.goto(address)
    except Error as error:
        reason = error.message.splitlines()[0]
        raise SettingsError(f"expected the page at {address}, got {reason}; start it: make demo") from None
    with suppress(AssertionError):
        expect(page.locator(".stMainBlockContainer")).to_be_visible(timeout=1000 * TIME_FOR_EVENTS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.screenshot",
        description="Save screenshots of every page of a running demo: light, dark and on a phone.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", default="http://localhost:8501", help="address of the page (default: %(default)s)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("docs", "images"),
        help="directory to write to (default: %(default)s)",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=TIME_FOR_HISTORY,
        help="seconds to let charts and alerts fill (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
