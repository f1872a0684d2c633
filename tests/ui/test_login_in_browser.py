"""Logging in to the page, and out of it, in a real Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from scripts.brokers.process import Broker
from scripts.browser import new_page, reported_errors, running_chromium
from tests.support.logins import PASSWORD, added
from tests.support.needs import need
from tests.support.page_process import PATIENCE, page
from ui.login.user_file import UserFile

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

SOON = 1000 * PATIENCE


@dataclass(frozen=True, slots=True)
class Site:
    """A running page, its users, and a browser."""

    address: str
    users: UserFile
    browser: Browser

    def logged_in(self, name: str, path: str = "/") -> Page:
        """A window in which somebody has logged in with the keyboard only."""
        window = self.browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        window.goto(self.address + path)
        expect(window.get_by_label("Name")).to_be_focused(timeout=SOON)
        window.keyboard.type(name)
        window.keyboard.press("Tab")
        window.keyboard.type(PASSWORD)
        # The page learns over this WebSocket that the session has ended.
        with window.expect_websocket(lambda socket: socket.url.endswith("/session"), timeout=SOON):
            window.keyboard.press("Enter")
        expect(window.get_by_text(name).first).to_be_visible(timeout=SOON)
        return window


@pytest.fixture(scope="module")
def site(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    need("chromium")
    directory = tmp_path_factory.mktemp("site")
    users = added(directory / "users.json", ("anna", "dispatcher"), ("ben", "viewer"), ("emil", "viewer"))
    variables = {"FLEET__PAGE__LOGIN__USERS": str(users.path)}
    with (
        page(broker.settings(), directory.name, None, None, **variables) as address,
        running_chromium() as browser,
    ):
        yield Site(address, users, browser)


@contextmanager
def other_site(link: str) -> Iterator[str]:
    """A site with a link to the page; its host has another name than the page's."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<a href="{link}">the alert</a>'.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_one_logs_in_with_the_keyboard_and_is_where_one_wanted_to_be(site: Site) -> None:
    window = site.logged_in("anna", "/alerts?x=1")
    assert urlsplit(window.url).path == "/alerts"
    (cookie,) = [each for each in window.context.cookies() if each.get("name") == "fleet_session"]
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
    assert "fleet_session" not in window.evaluate("document.cookie")
    window.context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_for_logging_in_can_be_read_and_reached_by_everybody_and_needs_nothing_else(
    width: int, dark: bool, site: Site
) -> None:
    window = new_page(site.browser, width, 800, dark=dark)
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.goto(f"{site.address}/login?why=ended")
    expect(window.get_by_label("Name")).to_be_focused()
    window.get_by_label("Name").fill("anna")
    window.get_by_label("Password").fill("wrong horse battery")
    assert Axe().run(window).violations_count == 0
    window.get_by_role("button", name="Log in").click()
    expect(window.get_by_role("alert")).to_contain_text("Name or password is wrong.")
    expect(window.get_by_label("Password")).to_be_focused()
    assert Axe().run(window).violations_count == 0
    assert {urlsplit(url).path for url in asked} <= {"/login", "/favicon.ico"}
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    window.close()


def test_one_logs_in_without_javascript(site: Site) -> None:
    context = site.browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto(f"{site.address}/alerts")
    window.get_by_label("Name").fill("Anna")
    window.get_by_label("Password").fill(PASSWORD)
    window.get_by_role("button", name="Log in").click()
    assert urlsplit(window.url).path == "/alerts"
    context.close()


def test_one_logs_out_in_all_windows(site: Site) -> None:
    window = site.logged_in("anna")
    beside = window.context.new_page()
    beside.goto(f"{site.address}/pipeline")
    expect(beside.get_by_text("anna").first).to_be_visible(timeout=SOON)
    window.get_by_text("anna").first.click()
    window.get_by_role("button", name="Log out").click(timeout=SOON)
    expect(window.get_by_role("status")).to_contain_text("You have logged out.", timeout=SOON)
    expect(beside.get_by_role("status")).to_contain_text("Your session has ended.", timeout=SOON)
    assert "next=%2Fpipeline" in beside.url
    window.context.close()


def test_an_open_page_leads_to_the_login_when_its_user_is_removed(site: Site) -> None:
    window = site.logged_in("emil")
    site.users.change(lambda users: users.pop("emil"))
    expect(window.get_by_role("status")).to_contain_text("Your session has ended.", timeout=SOON)
    expect(window.get_by_label("Name")).to_be_focused()
    window.context.close()


def test_a_link_of_another_site_leads_to_the_page_without_another_login(site: Site) -> None:
    window = site.logged_in("ben")
    with other_site(f"{site.address}/alerts?alert=1") as elsewhere:
        window.goto(elsewhere)
        window.get_by_text("the alert").click()
        expect(window.get_by_text("ben").first).to_be_visible(timeout=SOON)
    assert window.url == f"{site.address}/alerts?alert=1"
    window.context.close()


def test_a_name_without_a_login_goes_with_the_viewer_from_page_to_page(
    site: Site, broker: Broker, topic: str
) -> None:
    with page(broker.settings(), topic) as address:
        window = new_page(site.browser, 1280, 800)
        window.goto(address)
        window.get_by_label("Your name").fill("Kim", timeout=SOON)
        expect(window).to_have_url(f"{address}/?name=Kim", timeout=SOON)
        window.get_by_text("No login is set up").wait_for(timeout=SOON)
        window.get_by_role("link", name="Pipeline").click(timeout=SOON)
        expect(window).to_have_url(f"{address}/pipeline?name=Kim", timeout=SOON)
        expect(window.get_by_label("Your name")).to_have_value("Kim", timeout=SOON)
        assert reported_errors(window) == []
        window.close()
