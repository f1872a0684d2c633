"""The page's server with a login: nothing of the page without a session, and nothing for another site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from config.broker_settings import MqttSettings
from dataflows.events import AuditEntry
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.logins import PASSWORD, added
from tests.support.mqtt_clients import Inbox
from tests.support.page_process import page
from ui.assets import version
from ui.login.attempts import OF_A_NAME
from ui.login.guard import ENDED
from ui.login.sessions import COOKIE
from ui.login.user_file import UserFile

pytestmark = pytest.mark.timeout(300)

FOR_PEOPLE = {"accept": "text/html"}
GUARDED = ["/_stcore/stream", "/changes"]


@dataclass(frozen=True, slots=True)
class Site:
    """A running page.

    Attributes:
        address: of it.
        users: who may log in.
        mqtt: its broker.
        topic: all its topics are below it.
        log: file with what it says.
    """

    address: str
    users: UserFile
    mqtt: MqttSettings
    topic: str
    log: Path

    def browser(self, **headers: str) -> httpx.Client:
        """A client that keeps cookies and follows no redirects."""
        return httpx.Client(base_url=self.address, headers=headers, timeout=DEADLINE)

    @contextmanager
    def logged_in(self, name: str) -> Iterator[httpx.Client]:
        """A client of a user who is in."""
        with self.browser() as browser:
            answer = browser.post("/login", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            yield browser

    def socket(self, path: str, browser: httpx.Client) -> ClientConnection:
        """A WebSocket with the cookies of a client, and where it says that it is of the page."""
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return connect(
            self.address.replace("http", "ws") + path,
            additional_headers={"Cookie": cookies},
            open_timeout=DEADLINE,
        )


@pytest.fixture(scope="module")
def site(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    users = added(
        directory / "users.json",
        ("anna", "dispatcher"), ("ben", "viewer"), ("cleo", "viewer"), ("dora", "viewer"),
    )  # fmt: skip
    mqtt, topic, log = broker.settings(), f"login-{directory.name}", directory / "log"
    with page(mqtt, topic, log, FLEET__PAGE__LOGIN__USERS=str(users.path)) as address:
        yield Site(address, users, mqtt, topic, log)


def end_of(socket: ClientConnection) -> int:
    """The code with which the server closes a WebSocket, whatever it says before."""
    with pytest.raises(ConnectionClosed) as closed:
        list(socket)
    frame = closed.value.rcvd
    return 0 if frame is None else frame.code


def test_without_a_session_there_is_nothing_but_the_page_for_logging_in(site: Site) -> None:
    with site.browser() as browser:
        for path in ("/", "/vehicle?vehicle=V%201", "/alerts", "/index.html", "/logout", "/session"):
            answer = browser.get(path, headers=FOR_PEOPLE)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login"), path
        for path in (
            "/", "/static/js/index.js", "/assets/push.js", "/media/x.png", "/favicon.png", "/app/static/x",
            "/component/x/y.js", "/_stcore/host-config", "/_stcore/metrics", "/_stcore/bidi-components/x/y",
        ):  # fmt: skip
            answer = browser.get(path)
            assert (answer.status_code, answer.text) == (401, "Log in first."), path
        for method in ("PUT", "POST", "DELETE"):
            answer = browser.request(method, "/_stcore/upload_file/a/b", headers=FOR_PEOPLE)
            assert answer.status_code == 401, method
        assert browser.get("/_stcore/health").text == "ok"
        assert "Streamlit" not in browser.get("/login").text
        for path in GUARDED:
            with pytest.raises(InvalidStatus) as refused:
                site.socket(path, browser)
            assert refused.value.response.status_code == 403, path


@pytest.mark.parametrize(
    "path", ["//", "/./alerts", "/login/", "/login/../alerts", "/LOGIN/x", "/_stcore/health/x"]
)
def test_no_spelling_of_a_path_leads_around_the_guard(path: str, site: Site) -> None:
    answer = httpx.get(site.address + path, timeout=DEADLINE)
    assert answer.status_code in (401, 403, 404)
    assert "<script" not in answer.text


def test_with_a_session_there_is_the_page(site: Site) -> None:
    with site.logged_in("anna") as browser:
        assert "<script" in browser.get("/alerts", headers=FOR_PEOPLE).text
        assert browser.get(f"/assets/{version()}/push.js").status_code == 200
        for path in GUARDED:
            site.socket(path, browser).close()


def test_the_cookie_is_kept_from_scripts_other_sites_and_lines_that_can_be_read(site: Site) -> None:
    form = {"name": "anna", "password": PASSWORD}
    plain = httpx.post(f"{site.address}/login", data=form, timeout=DEADLINE).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(plain.split("; "))
    assert "Secure" not in plain
    lasts = re.search(r"Max-Age=(\d+)", plain)
    assert lasts is not None
    assert 43_190 <= int(lasts[1]) <= 43_200
    behind_a_proxy = {"X-Forwarded-Proto": "https"}
    answer = httpx.post(f"{site.address}/login", data=form, headers=behind_a_proxy, timeout=DEADLINE)
    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_a_changed_cookie_opens_nothing(site: Site) -> None:
    with site.logged_in("anna") as browser:
        cookie = browser.cookies[COOKIE]
    with site.browser() as forger:
        forger.cookies.set(COOKIE, cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"))
        assert forger.get("/", headers=FOR_PEOPLE).status_code == 303
        for path in GUARDED:
            with pytest.raises(InvalidStatus):
                site.socket(path, forger)


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: Site) -> None:
    def answer(name: str) -> tuple[int, str]:
        form = {"name": name, "password": "wrong horse battery"}
        got = httpx.post(f"{site.address}/login", data=form, timeout=DEADLINE)
        assert "set-cookie" not in got.headers
        return got.status_code, re.sub(r'nonce="[^"]+"', "", got.text).replace(name, "NAME")

    assert answer("cleo") == answer("clea")
    assert answer("cleo")[0] == 403
    assert "Name or password is wrong." in answer("clea")[1]


def test_after_some_failures_a_right_password_has_to_wait(site: Site) -> None:
    with site.browser() as browser:
        for _ in range(OF_A_NAME):
            browser.post("/login", data={"name": "dora", "password": "wrong horse battery"})
        answer = browser.post("/login", data={"name": "dora", "password": PASSWORD})
        # A machine that is slow enough has waited already.
        if answer.status_code != 303:
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) >= 0
            assert "Too many attempts. Try again in" in answer.text


@pytest.mark.parametrize(
    ("wanted", "gets"),
    [
        ("/vehicle?vehicle=V+1", "/vehicle?vehicle=V+1"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_to_where_one_was_and_to_no_other_site(wanted: str, gets: str, site: Site) -> None:
    form = {"name": "anna", "password": PASSWORD, "next": wanted}
    with site.browser() as browser:
        assert browser.post("/login", data=form).headers["location"] == gets
        # Who is in already is sent on.
        assert browser.get("/login", params={"next": wanted}).headers["location"] == gets


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_another_site_neither_logs_in_nor_out(headers: dict[str, str], site: Site) -> None:
    with site.logged_in("anna") as browser:
        form = {"name": "anna", "password": PASSWORD}
        assert browser.post("/login", data=form, headers=headers).status_code == 403
        assert browser.post("/logout", headers=headers).status_code == 403
        # A link, or what fetches links ahead, does not log out either.
        browser.get("/logout")
        assert browser.get("/", headers=FOR_PEOPLE).status_code == 200


def test_what_was_typed_is_text(site: Site) -> None:
    form = {"name": '"><script>alert(1)</script>', "password": "x", "next": '/"><script>'}
    answer = httpx.post(f"{site.address}/login", data=form, timeout=DEADLINE)
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert httpx.post(f"{site.address}/login", content=b"x" * 20_000, timeout=DEADLINE).status_code == 413


def test_a_link_of_another_site_gets_a_second_chance_with_the_cookie(site: Site) -> None:
    headers = FOR_PEOPLE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    with site.browser() as browser:
        answer = browser.get("/vehicle?vehicle=V1&at=x", headers=headers)
        assert answer.status_code == 200
        assert 'content="0;url=/vehicle?vehicle=V1&amp;at=x"' in answer.text
        # What our own page asks for has the cookie, or there is none.
        own = FOR_PEOPLE | {"Sec-Fetch-Site": "same-origin"}
        assert browser.get("/vehicle", headers=own).status_code == 303


def test_leaving_ends_the_session_in_all_windows(site: Site) -> None:
    with site.logged_in("anna") as browser, site.logged_in("anna") as elsewhere:
        stolen = browser.cookies[COOKIE]
        sockets = [site.socket(path, browser) for path in (*GUARDED, "/session")]
        other = site.socket("/session", elsewhere)
        answer = browser.post("/logout")
        assert answer.headers["location"] == "/login?why=left"
        assert [end_of(socket) for socket in sockets] == [ENDED] * 3
        assert COOKIE not in browser.cookies
        browser.cookies.set(COOKIE, stolen)
        assert browser.get("/", headers=FOR_PEOPLE).status_code == 303
        # The other session of the same user goes on.
        other.ping().wait(DEADLINE)
        assert elsewhere.get("/", headers=FOR_PEOPLE).status_code == 200
        other.close()


def test_a_removed_user_and_one_with_another_role_are_noticed_in_an_open_page(site: Site) -> None:
    added(site.users.path, ("emil", "viewer"), ("fred", "viewer"))
    with site.logged_in("emil") as emil, site.logged_in("fred") as fred:
        sockets = [site.socket(path, browser) for browser in (emil, fred) for path in (*GUARDED, "/session")]
        added(site.users.path, ("fred", "operator"))
        site.users.change(lambda users: users.pop("emil"))
        assert [end_of(socket) for socket in sockets] == [ENDED] * 6
        assert emil.get("/", headers=FOR_PEOPLE).status_code == 303
        assert fred.get("/", headers=FOR_PEOPLE).status_code == 200


def test_without_a_session_a_browser_is_told_so_at_once(site: Site) -> None:
    with site.browser() as browser:
        assert end_of(site.socket("/session", browser)) == ENDED


def test_who_logs_in_fails_to_and_leaves_is_on_the_topic_for_the_history(site: Site) -> None:
    with Inbox(site.mqtt, f"{site.topic}/audit") as inbox:

        def of_ben() -> list[tuple[str, str]]:
            found = [msgspec.json.decode(payload, type=AuditEntry) for _, payload in inbox.messages]
            return [(entry.event, entry.role) for entry in found if entry.by == "ben"]

        with site.logged_in("ben") as browser:
            browser.post("/login", data={"name": "ben", "password": "wrong horse battery"})
            browser.post("/logout")
        expected = [("login", "viewer"), ("failed_login", ""), ("logout", "viewer")]
        wait_until(lambda: of_ben() == expected, "all entries")
    said = site.log.read_text()
    assert "login of 'ben' (viewer) from 127.0.0.1" in said
    assert "wrong horse battery" not in said
    assert PASSWORD not in said


def test_a_session_expires_in_an_open_page(broker: Broker, topic: str, tmp_path: Path) -> None:
    users = added(tmp_path / "users.json", ("anna", "viewer"))
    with page(
        broker.settings(),
        topic,
        tmp_path / "log",
        FLEET__PAGE__LOGIN__USERS=str(users.path),
        FLEET__PAGE__LOGIN__SESSION="5",
    ) as address:
        site = Site(address, users, broker.settings(), topic, tmp_path / "log")
        with site.logged_in("anna") as browser:
            cookie = browser.cookies[COOKIE]
            assert end_of(site.socket("/_stcore/stream", browser)) == ENDED
        with site.browser() as later:
            later.cookies.set(COOKIE, cookie)
            assert later.get("/", headers=FOR_PEOPLE).status_code == 303
            # The page for logging in takes the cookie away.
            assert f'{COOKIE}=""' in later.get("/login?why=ended").headers["set-cookie"]
