"""One measurement of `benchmarks.page`: broker, page, load and viewers, and what is noted meanwhile."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Error

from benchmarks.brokers import running
from benchmarks.page.acknowledging import ActionArrivals, Click
from benchmarks.page.load import Load, Publisher, publishing
from benchmarks.page.marker_publisher import MarkerPublisher
from benchmarks.page.markers import FIRST, MarkerTimes
from benchmarks.page.measured import PageRun, Plan, ViewerRun
from benchmarks.page.processes import ProcessTree
from benchmarks.page.trace import events_of, main_threads
from benchmarks.page.viewers import TIME_TO_OPEN, Viewer, start_tracing, stop_tracing
from config.broker_settings import MqttSettings
from config.errors import FleetError
from scripts.brokers.embedded import EmbeddedBroker
from scripts.brokers.mosquitto import Mosquitto
from scripts.browser import running_chromium
from scripts.page_server import PageServer, page_server

TRACED = 30.0
"""Seconds of the measurement that are traced, at most: a trace grows by about a MiB a second."""

SAMPLE_EVERY = 2.0
"""Seconds between two looks at memory: a page has to answer each of them."""

LOOK_EVERY = 0.5
"""Seconds between two looks whether the last markers are shown."""

TIME_TO_SHOW = 10.0
"""Seconds after the last marker in which one may still be shown."""

BROKERS: dict[str, Callable[[Path], Mosquitto | EmbeddedBroker]] = {
    "mosquitto": Mosquitto,
    "embedded": EmbeddedBroker,
}

Tick = Callable[[str, float], None]
"""Is called with what is being done, and which share of it is done, 0–1."""


def due_times(seconds: float, count: int) -> list[float]:
    """When something is due, seconds after the beginning, rising: in step with nothing that is periodic."""
    golden = 0.6180339887
    return [seconds / count * (number + 0.9 * (number * golden % 1.0)) for number in range(count)]


def measure(plan: Plan, tick: Tick) -> PageRun:
    """Start everything, measure, and stop everything.

    Raises:
        FleetError: something does not start, or ends early.
    """
    try:
        return _measured(plan, tick)
    except Error as error:
        reason = error.message.splitlines()[0]
        raise FleetError(f"expected Chromium to answer until the end, got {reason}") from None


def _measured(plan: Plan, tick: Tick) -> PageRun:
    topic, run = "benchmark", secrets.token_hex(3)
    with ExitStack() as stack:
        tick("starting", 0.0)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mqtt = stack.enter_context(running(BROKERS[plan.broker](directory), plan.broker)).settings()
        server = stack.enter_context(_page(mqtt, topic, directory / "page.log"))
        publisher = stack.enter_context(publishing(Load(plan.vehicles, plan.rate, topic), mqtt))
        browser = stack.enter_context(running_chromium())
        viewers = []
        for number in range(1, plan.viewers + 1):
            tick("opening pages", number / (plan.viewers + 1))
            address = f"{server.address}{plan.path}{'&' if '?' in plan.path else '?'}name=viewer"
            viewers.append(Viewer(browser, address, run, number, light=number > plan.full))
        markers = stack.enter_context(MarkerPublisher(mqtt, f"{topic}/alerts", run))
        arrivals = stack.enter_context(ActionArrivals(mqtt, f"{topic}/alert-actions"))
        everything = _Measurement(plan, markers, arrivals, server, publisher, browser, viewers)
        everything.warm_up(tick)
        return everything.take(tick)


@contextmanager
def _page(mqtt: MqttSettings, topic: str, log: Path) -> Iterator[PageServer]:
    """The page's server; its log is printed only if it does not start."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        try:
            server = stack.enter_context(page_server(mqtt, topic, output))
        except AssertionError as error:
            said = " ".join(log.read_text(errors="replace")[-500:].split())
            raise FleetError(f"expected the page to start, got: {error}; its log ends with: {said}") from None
        yield server


@dataclass(slots=True)
class _Measurement:
    plan: Plan
    markers: MarkerPublisher
    arrivals: ActionArrivals
    server: PageServer
    publisher: Publisher
    browser: Browser
    viewers: list[Viewer]
    shows_markers: bool = True
    clicks: list[Click] = field(default_factory=list)

    def warm_up(self, tick: Tick) -> None:
        """Return when every viewer shows the first marker, and the warm-up is over.

        A page that shows no alerts is measured without markers.
        """
        self.markers.publish(FIRST)
        deadline = time.monotonic() + TIME_TO_OPEN
        for viewer in self.viewers:
            while self.shows_markers and not viewer.shows(FIRST):
                tick("waiting until all pages are live", 0.0)
                viewer.pass_time(LOOK_EVERY)
                self.shows_markers = time.monotonic() < deadline
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < self.plan.warm_up:
            tick("warming up", passed / self.plan.warm_up)
            self.viewers[0].pass_time(min(SAMPLE_EVERY, self.plan.warm_up - passed))

    def take(self, tick: Tick) -> PageRun:
        found = PageRun(self.plan, self.browser.version)
        tick("measuring", 0.0)
        heaps = [viewer.live_heap() for viewer in self.viewers]
        samples: list[list[int]] = [[] for _ in self.viewers]
        trace: bytes | None = None
        server, everything = ProcessTree(self.server.pid), ProcessTree(os.getpid())
        start_tracing(self.browser)
        psutil.cpu_percent()
        sent, begin = self.publisher.sent, time.monotonic()
        by_server, by_everything = server.processor_seconds(), everything.processor_seconds()
        self.markers.start(due_times(self.plan.seconds, self.plan.markers) if self.shows_markers else ())
        clicks_due = due_times(self.plan.seconds, self.plan.clicks) if self.shows_markers else []
        next_sample = 0.0
        while (passed := time.monotonic() - begin) < self.plan.seconds:
            tick("measuring", passed / self.plan.seconds)
            if passed >= next_sample:
                found.at.append(passed)
                found.server_memory.append(server.memory())
                for viewer, sizes in zip(self.viewers, samples, strict=True):
                    sizes.append(viewer.heap())
                    # More than once: a page that has just been told to trace may miss the first.
                    viewer.mark()
                next_sample += SAMPLE_EVERY
            if clicks_due and passed >= clicks_due[0]:
                clicks_due = self._clicked(clicks_due)
            if trace is None and passed >= TRACED:
                trace = stop_tracing(self.browser)
            pause = min(next_sample, self.plan.seconds, *clicks_due[:1]) - (time.monotonic() - begin)
            self.viewers[0].pass_time(max(0.001, pause))
        found.seconds = time.monotonic() - begin
        busy = psutil.cpu_percent() / 100.0
        found.server_share = (server.processor_seconds() - by_server) / found.seconds
        available = found.seconds * (os.cpu_count() or 1)
        found.own_share = (everything.processor_seconds() - by_everything) / available
        found.others_share = max(0.0, busy - found.own_share)
        found.events_per_second = (self.publisher.sent - sent) / found.seconds
        if trace is None:
            trace = stop_tracing(self.browser)
        tick("waiting for the last markers", 1.0)
        self.markers.wait()
        markers = self._shown(self.markers.published)
        found.acknowledged = self.arrivals.until_arrived(self.clicks)
        threads = main_threads(events_of(trace))
        for viewer, heap, sizes, times in zip(self.viewers, heaps, samples, markers, strict=True):
            thread = threads.get(viewer.number)
            found.viewers.append(ViewerRun(viewer.light, thread, (heap, viewer.live_heap()), sizes, times))
        return found

    def _clicked(self, due: list[float]) -> list[float]:
        """Let the first viewer acknowledge an alert; returns what is due next, soon if there is none."""
        click = self.viewers[0].acknowledge()
        if click is None:
            return [due[0] + LOOK_EVERY, *due[1:]]
        self.clicks.append(click)
        return due[1:]

    def _shown(self, published: list[float]) -> list[MarkerTimes]:
        """The markers of each viewer, as soon as all are shown, or when time is up."""
        deadline = time.monotonic() + TIME_TO_SHOW
        while True:
            found = [viewer.markers(published) for viewer in self.viewers]
            is_shown = all(np.isfinite(times.shown).all() for times in found)
            if (is_shown and self.arrivals.has_all(self.clicks)) or time.monotonic() > deadline:
                return found
            self.viewers[0].pass_time(LOOK_EVERY)
