"""The viewers of `benchmarks.page`: pages of one Chromium, each as if of a person of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Browser, CDPSession, Error, Page

from benchmarks.page.acknowledging import Click, click_first
from benchmarks.page.markers import READ_MARKERS, MarkerTimes, watching_script
from benchmarks.page.trace import CATEGORIES, MARK
from config.errors import FleetError
from scripts.browser import new_page

SIZE, SIZE_OF_LIGHT = (1600, 1200), (800, 600)
"""CSS pixels."""

TIME_TO_OPEN = 120.0
"""Seconds within which a page must be loaded and get its first WebSocket message."""

_WITHOUT_WEBGL = """
for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
  const original = prototype.getContext;
  prototype.getContext = function (kind, ...more) {
    return /webgl|webgpu/.test(kind) ? null : original.call(this, kind, ...more);
  };
}
"""


class Viewer:
    """A page that somebody looks at.

    Args:
        browser: that the page is opened in.
        address: of the page.
        run: of the benchmark, see `benchmarks.page.markers`.
        number: of the viewer, from 1 on.
        light: in a small window and without WebGL, so that maps are not drawn; everything else is as ever.

    Attributes:
        number: as given.
        light: as given.

    Raises:
        FleetError: the page does not load, or gets nothing over a WebSocket.
    """

    def __init__(self, browser: Browser, address: str, run: str, number: int, *, light: bool) -> None:
        self.number, self.light = number, light
        self._page: Page = new_page(browser, *(SIZE_OF_LIGHT if light else SIZE))
        self._page.set_default_timeout(1000 * TIME_TO_OPEN)
        self._page.add_init_script(watching_script(run))
        if light:
            self._page.add_init_script(_WITHOUT_WEBGL)
        try:
            with self._page.expect_websocket() as opened:
                self._page.goto(address)
            opened.value.wait_for_event("framereceived")
        except Error as error:
            raise FleetError(
                f"expected the page at {address} to load and to get WebSocket messages within "
                f"{TIME_TO_OPEN:g} s, got {error.message.splitlines()[0]}"
            ) from None
        self._session: CDPSession = self._page.context.new_cdp_session(self._page)

    def pass_time(self, seconds: float) -> None:
        """Return after some seconds, in which what the browser reports is taken in."""
        self._page.wait_for_timeout(1000 * seconds)

    def acknowledge(self) -> Click | None:
        """Click *Acknowledge* of the first alert that has it; ``None`` if the page shows none."""
        return click_first(self._page)

    def mark(self) -> None:
        """Say in a trace that is being recorded which viewer's this page is."""
        self._page.evaluate("(name) => performance.mark(name)", f"{MARK}{self.number}")

    def heap(self) -> int:
        """Bytes of JavaScript objects, with those that the garbage collector has not freed yet."""
        return int(self._session.send("Runtime.getHeapUsage")["usedSize"])

    def live_heap(self) -> int:
        """Bytes of JavaScript objects after a full garbage collection."""
        self._session.send("HeapProfiler.collectGarbage")
        return self.heap()

    def shows(self, number: int) -> bool:
        """Whether the page has shown a marker."""
        return any(str(number) in noted["shown"] for noted in self._noted())

    def markers(self, published: Sequence[float]) -> MarkerTimes:
        """When the page got and showed markers; `published` as of `MarkerTimes.of`."""
        return MarkerTimes.of(published, self._noted())

    def _noted(self) -> list[dict[str, Any]]:
        return [frame.evaluate(READ_MARKERS) for frame in self._page.frames]


def start_tracing(browser: Browser) -> None:
    """Record what all threads of the browser do, until `stop_tracing`."""
    browser.start_tracing(categories=list(CATEGORIES))


def stop_tracing(browser: Browser) -> bytes:
    """What has been recorded since `start_tracing`, as JSON."""
    return browser.stop_tracing()
