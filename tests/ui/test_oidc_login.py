"""A login by OpenID Connect, with a provider of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE
from tests.support.oidc_provider import Provider, running_provider
from tests.support.page_process import page
from ui.login.sessions import COOKIE

pytestmark = pytest.mark.timeout(300)

FOR_PEOPLE = {"accept": "text/html"}


@dataclass(frozen=True, slots=True)
class Site:
    """A running page whose users are those of a provider."""

    address: str
    provider: Provider
    log: Path

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=FOR_PEOPLE, timeout=DEADLINE)

    def logs_in(self, browser: httpx.Client, onward: str = "/") -> httpx.Response:
        """From the link on the page for logging in to the first answer of the page itself."""
        answer = browser.get("/login/oidc", params={"provider": "default", "next": onward})
        while answer.is_redirect and urlsplit(answer.headers["location"]).path != "/":
            answer = browser.get(answer.headers["location"])
        return browser.get("/")


@pytest.fixture(scope="module")
def site(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("oidc")
    secrets, log, port = directory / "secrets.toml", directory / "log", free_port()
    with running_provider() as provider:
        secrets.write_text(provider.secrets(f"http://127.0.0.1:{port}"), encoding="utf-8")
        variables = {
            "STREAMLIT_SECRETS_FILES": str(secrets),
            "FLEET__PAGE__LOGIN__ROLES": "/groups",
            "FLEET__PAGE__LOGIN__OPERATORS": '["fleet-operations"]',
            "FLEET__PAGE__LOGIN__DISPATCHERS": '["anna@example.org"]',
            "FLEET__PAGE__LOGIN__DEFAULT_ROLE": "",
        }
        with page(broker.settings(), directory.name, log, port, **variables) as address:
            yield Site(address, provider, log)


def test_the_page_for_logging_in_leads_to_the_provider_and_asks_for_no_password(site: Site) -> None:
    with site.browser() as browser:
        text = browser.get("/login", params={"next": "/alerts"}).text
        assert "Log in with your organisation" in text
        assert "/login/oidc?provider=default&amp;next=%2Falerts" in text
        assert "password" not in text.partition("</style>")[2].lower()
        to_provider = browser.get("/login/oidc", params={"provider": "another"})
        assert to_provider.headers["location"] == "/login"


def test_who_comes_from_the_provider_gets_a_session_and_goes_on(site: Site) -> None:
    site.provider.claims = {"email": "anna@example.org", "email_verified": True}
    with site.browser() as browser:
        answer = site.logs_in(browser, "/vehicle?vehicle=V1")
        assert "url=/vehicle?vehicle=V1" in answer.text
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        assert "<script" in browser.get("/vehicle?vehicle=V1").text
    assert "login of 'anna@example.org' (dispatcher)" in site.log.read_text()


def test_a_group_of_the_provider_gives_a_role(site: Site) -> None:
    site.provider.claims = {"email": "ben@example.org", "groups": ["staff", "fleet-operations"]}
    with site.browser() as browser:
        site.logs_in(browser)
        assert COOKIE in browser.cookies
    assert "login of 'ben@example.org' (operator)" in site.log.read_text()


def test_who_has_no_role_is_told_so_and_stays_out(site: Site) -> None:
    site.provider.claims = {"email": "eve@example.org"}
    with site.browser() as browser:
        answer = site.logs_in(browser)
        assert answer.headers["location"] == "/login?why=refused"
        assert "Ask who looks after this page" in browser.get("/login?why=refused").text
        assert COOKIE not in browser.cookies
        # The way back is not closed: another account may be tried.
        assert browser.get("/").headers["location"] == "/login"
    assert "failed login of 'eve@example.org'" in site.log.read_text()


def test_who_has_left_does_not_come_back_with_what_streamlit_keeps(site: Site) -> None:
    site.provider.claims = {"email": "anna@example.org"}
    with site.browser() as browser:
        site.logs_in(browser)
        kept = dict(browser.cookies)
        assert browser.post("/logout").headers["location"] == "/auth/logout"
        browser.cookies.clear()
        for name, value in kept.items():
            browser.cookies.set(name, value)
        assert browser.get("/").headers["location"] == "/login"


def test_a_cookie_of_streamlits_that_was_made_elsewhere_opens_nothing(site: Site) -> None:
    with site.browser() as browser:
        browser.cookies.set("_streamlit_user", "eyJlbWFpbCI6ImFubmFAZXhhbXBsZS5vcmcifQ.aaaa.bbbb")
        assert browser.get("/").headers["location"] == "/login"
