"""One measurement of `benchmarks.page`: broker, page, load and viewers, and what is noted meanwhile."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import psutil
from playwright.sync_api import Browser, Error

from benchmarks.brokers import running
from benchmarks.page.load import Load, Publisher, connected, publishing
from benchmarks.page.markers import FIRST, MarkerTimes, message_of
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


def marker_times(plan: Plan) -> list[float]:
    """When markers are due, seconds after the beginning, rising: in step with nothing that is periodic."""
    each, golden = plan.seconds / plan.markers, 0.6180339887
    return [each * (number + 0.9 * (number * golden % 1.0)) for number in range(plan.markers)]


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
            address = f"{server.address}{plan.path}"
            viewers.append(Viewer(browser, address, run, number, light=number > plan.full))
        markers = stack.enter_context(_MarkerPublisher(mqtt, f"{topic}/alerts", run))
        everything = _Measurement(plan, markers, server, publisher, browser, viewers)
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


class _MarkerPublisher:
    """Publishes markers.

    Attributes:
        published: when each of those of `start` was published, milliseconds since the epoch.
    """

    def __init__(self, mqtt: MqttSettings, topic: str, run: str) -> None:
        self.published: list[float] = []
        self._topic, self._run = topic, run
        self._client = connected(mqtt)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def publish(self, number: int) -> float:
        """Open a marker, and return when: milliseconds since the epoch."""
        topic, payload = message_of(self._run, number)
        now = 1000.0 * time.time()
        self._client.publish(f"{self._topic}/{topic}", payload, qos=1, retain=True)
        return now

    def start(self, due: Sequence[float]) -> None:
        """Publish markers 0, 1, 2 … when they are due, seconds from now on.

        In a thread: browsers that do not answer in time must not put off what shows that they do not.
        """

        def publish() -> None:
            begin = time.monotonic()
            for number, at in enumerate(due):
                if self._stopping.wait(max(0.0, begin + at - time.monotonic())):
                    return
                self.published.append(self.publish(number))

        self._thread = threading.Thread(target=publish, name="markers", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when all markers are published."""
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.wait()
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(slots=True)
class _Measurement:
    plan: Plan
    markers: _MarkerPublisher
    server: PageServer
    publisher: Publisher
    browser: Browser
    viewers: list[Viewer]
    shows_markers: bool = True

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
        self.markers.start(marker_times(self.plan) if self.shows_markers else ())
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
            if trace is None and passed >= TRACED:
                trace = stop_tracing(self.browser)
            pause = min(next_sample, self.plan.seconds) - (time.monotonic() - begin)
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
        threads = main_threads(events_of(trace))
        for viewer, heap, sizes, times in zip(self.viewers, heaps, samples, markers, strict=True):
            thread = threads.get(viewer.number)
            found.viewers.append(ViewerRun(viewer.light, thread, (heap, viewer.live_heap()), sizes, times))
        return found

    def _shown(self, published: list[float]) -> list[MarkerTimes]:
        """The markers of each viewer, as soon as all are shown, or when time is up."""
        deadline = time.monotonic() + TIME_TO_SHOW
        while True:
            found = [viewer.markers(published) for viewer in self.viewers]
            if all(np.isfinite(times.shown).all() for times in found) or time.monotonic() > deadline:
                return found
            self.viewers[0].pass_time(LOOK_EVERY)
