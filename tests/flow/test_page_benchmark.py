"""The benchmark of the page, with a real broker, server and Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page

from benchmarks.page.markers import READ_MARKERS, text_of, watching_script
from benchmarks.page.measured import Plan
from benchmarks.page.report import report
from benchmarks.page.run import measure
from scripts.browser import chromium
from tests.support.needs import has, need

RUN = "0a1b2c"
EMPTY = "<p id=place></p>"


@pytest.fixture
def watched() -> Iterator[Page]:
    """A page that records markers; its WebSocket delivers messages immediately."""
    need("chromium")
    with chromium(640, 480) as page:
        page.route_web_socket("ws://localhost/echo", lambda socket: socket.on_message(socket.send))
        page.add_init_script(watching_script(RUN))
        page.route("http://localhost/", lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
        page.goto("http://localhost/")
        yield page


def wait_until_shown(page: Page, number: int) -> None:
    page.wait_for_function("(number) => markers.shown[number]", arg=str(number))


@pytest.mark.parametrize(
    "write",
    [
        "(text) => { place.innerHTML = `<b>before ${text} after</b>` }",
        "(text) => { place.textContent = 'before'; place.firstChild.data = text }",
        "(text) => { place.attachShadow({ mode: 'open' }).innerHTML = `<i>${text}</i>` }",
    ],
)
def test_a_marker_is_noted_wherever_its_text_comes_into_the_document(watched: Page, write: str) -> None:
    watched.evaluate(write, text_of(RUN, 12))
    wait_until_shown(watched, 12)
    assert list(watched.evaluate(READ_MARKERS)["shown"]) == ["12"]


def test_the_text_of_another_run_or_number_is_not_taken_for_a_marker(watched: Page) -> None:
    watched.evaluate("(text) => { place.textContent = text }", text_of("ffffff", 1))
    watched.evaluate("(text) => { place.textContent = text }", text_of(RUN, 21))
    wait_until_shown(watched, 21)
    assert list(watched.evaluate(READ_MARKERS)["shown"]) == ["21"]


@pytest.mark.parametrize("sent", ["text", "new TextEncoder().encode(text)"])
def test_the_message_with_a_marker_is_noted_before_the_page_handles_it(watched: Page, sent: str) -> None:
    come = watched.evaluate(
        f"""(text) => new Promise((resolve) => {{
            const socket = new WebSocket("ws://localhost/echo");
            socket.binaryType = "arraybuffer";
            socket.onopen = () => socket.send({sent});
            socket.onmessage = () => resolve({{ ...markers.came }});
        }})""",
        f"before {text_of(RUN, 3)} after",
    )
    assert list(come) == ["3"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_benchmark_measures_a_page_that_full_and_light_viewers_look_at() -> None:
    need("chromium")
    plan = Plan(
        broker="mosquitto" if has("mosquitto") else "embedded",
        path="/",
        vehicles=20,
        rate=1.0,
        viewers=2,
        full=1,
        warm_up=0.0,
        seconds=10.0,
        markers=4,
        clicks=2,
    )
    said: list[str] = []
    found = measure(plan, lambda what, _: said.append(what))
    assert {"opening pages", "measuring"} <= set(said)
    assert [viewer.light for viewer in found.viewers] == [False, True]
    for viewer in found.viewers:
        assert np.isfinite(viewer.markers.until_shown).any()
        assert (viewer.markers.until_shown > 0).all()
        assert viewer.thread is not None
        assert 0 < viewer.thread.busy <= 1
        assert viewer.thread.messages > 0
    assert found.server_share > 0
    assert found.events_per_second > 0
    assert len(found.acknowledged) == 2
    assert np.isfinite(found.acknowledged).all()
    assert (found.acknowledged > 0).all()
    assert report(found)["figures"]["refresh_p95_ms"]["verdict"] != "not measured"
