"""Sessions begin with a right password, end in time or before, and guessing takes longer and longer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from config.page_settings import LoginSettings, Role
from config.settings import load
from tests.support.logins import HOME, PASSWORD, Door, added, quick_hash
from ui.login import oidc, passwords
from ui.login.access import Refusal
from ui.login.attempts import LONGEST_WAIT_OF_A_NAME, OF_A_NAME, OF_AN_ADDRESS, Attempts, network
from ui.login.sessions import COOKIE, Seal, Session
from ui.login.user_file import User, same_name

WRONG = "wrong horse battery"


@pytest.fixture(autouse=True)
def _hashing_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_nobodys", lambda: quick_hash("nobody knows"))


@pytest.fixture
def door(tmp_path: Path) -> Door:
    users: list[tuple[str, Role]] = [("anna", "dispatcher"), ("ben", "viewer")]
    added(tmp_path / "users.json", *users)
    return Door(tmp_path / "users.json", session=3600.0)


def test_a_right_password_opens_a_session_with_the_role_of_the_user(door: Door) -> None:
    session = door.session_of(door.cookies(door.opened("Anna")))
    assert session is not None
    assert (session.name, session.role, session.expires) == ("anna", "dispatcher", door.now + 3600.0)


def test_a_session_ends_with_its_time_whatever_is_done_meanwhile(door: Door) -> None:
    cookies = door.cookies(door.opened("anna"))
    for _ in range(3599):
        door.now += 1.0
        assert door.session_of(cookies) is not None
    door.now += 1.0
    assert door.session_of(cookies) is None


def test_each_login_is_a_session_of_its_own_and_leaving_ends_only_that(door: Door) -> None:
    here, there = door.opened("anna"), door.opened("anna")
    door.leave(here, HOME)
    assert door.session_of(door.cookies(here)) is None
    assert door.session_of(door.cookies(there)) is not None


def test_who_has_left_is_out_until_the_cookie_would_have_expired_anyway(door: Door) -> None:
    first = door.opened("anna")
    door.leave(first, HOME)
    door.now += 3599.0
    door.leave(door.opened("ben"), HOME)  # what is remembered is looked through
    assert door.session_of(door.cookies(first)) is None


def test_a_cookie_that_was_not_made_here_is_no_session(door: Door, tmp_path: Path) -> None:
    session = door.opened("ben")
    cookie = door.cookie_of(session)
    other = added(tmp_path / "other.json", ("ben", "operator")).read().key
    forged = [
        cookie[:-1] + ("A" if cookie[-1] != "A" else "B"),
        cookie.partition(".")[0],
        "",
        "x" * 5000,
        "\udcff.\x00",
        Seal(bytes.fromhex(other)).cookie(dataclasses.replace(session, role="operator")),
        Seal(b"").cookie(dataclasses.replace(session, role="operator")),
    ]
    assert [door.session_of({COOKIE: text}) for text in forged] == [None] * len(forged)
    assert door.session_of({}) is None
    assert door.session_of({COOKIE: cookie}) is not None


def test_a_role_in_the_cookie_counts_for_nothing(door: Door) -> None:
    """Not even in one that was made here: the file says what a user may do."""
    session = dataclasses.replace(door.opened("ben"), role="operator")
    found = door.session_of(door.cookies(session))
    assert found is not None
    assert found.role == "viewer"


def test_another_role_counts_at_once_and_a_removed_user_or_another_password_ends_the_session(
    door: Door,
) -> None:
    users = door.users
    assert users is not None
    anna, ben = (door.cookies(door.opened(name)) for name in ("anna", "ben"))
    added(users.path, ("anna", "operator"))
    session = door.session_of(anna)
    assert session is not None
    assert session.role == "operator"

    def change(content: dict[str, User]) -> None:
        user = content[same_name("anna")]
        content[same_name("anna")] = User(
            name=user.name, role=user.role, password=f"{user.password} ", changed_at=user.changed_at
        )
        del content["ben"]

    users.change(change)
    assert door.session_of(anna) is None
    assert door.session_of(ben) is None


def test_nobody_is_let_in_while_the_file_of_users_cannot_be_read(door: Door) -> None:
    assert door.users is not None
    cookies = door.cookies(door.opened("anna"))
    door.users.path.write_text("damaged")
    assert door.session_of(cookies) is None


def test_an_unknown_name_is_refused_like_a_wrong_password(door: Door) -> None:
    known = [door.log_in("anna", WRONG, "192.0.2.1") for _ in range(OF_A_NAME + 1)]
    unknown = [door.log_in("nobody", WRONG, "192.0.2.2") for _ in range(OF_A_NAME + 1)]
    assert known == unknown
    assert known[-1] == Refusal(1.0)


def test_a_right_password_does_not_help_while_one_has_to_wait(door: Door) -> None:
    for _ in range(OF_A_NAME):
        assert door.log_in("anna", WRONG, HOME) == Refusal()
    refused = door.log_in("anna", PASSWORD, HOME)
    assert refused == Refusal(1.0)
    door.now += 1.0
    assert isinstance(door.log_in("anna", PASSWORD, HOME), Session)


def test_after_a_login_a_name_has_all_tries_again(door: Door) -> None:
    for _ in range(3):
        for _ in range(OF_A_NAME - 1):
            assert door.log_in("anna", WRONG, HOME) == Refusal()
        door.opened("anna")


def test_an_address_that_tries_many_names_has_to_wait_and_others_do_not(door: Door) -> None:
    for number in range(OF_AN_ADDRESS):
        assert door.log_in(f"name-{number}", WRONG, HOME) == Refusal()
    assert isinstance(door.log_in("anna", PASSWORD, HOME), Refusal)
    assert isinstance(door.log_in("anna", PASSWORD, "198.51.100.1"), Session)


def test_an_own_password_does_not_buy_tries_at_those_of_others(door: Door) -> None:
    tries = 0
    while door.log_in(f"name-{tries}", WRONG, HOME) == Refusal():
        door.opened("ben") if tries < OF_AN_ADDRESS - 1 else None
        tries += 1
        assert tries < 100
    assert tries == OF_AN_ADDRESS


def test_each_failure_doubles_the_wait_up_to_its_limit_and_an_hour_forgets_it() -> None:
    now = 0.0
    attempts = Attempts(2, 60.0, lambda: now)
    waits = []
    for _ in range(12):
        waits.append(attempts.wait("anna"))
        now += waits[-1]
        attempts.note("anna")
    assert waits == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]
    now += 3601.0
    attempts.note("anna")
    assert attempts.wait("anna") == 0.0


def test_a_name_never_waits_long_so_that_nobody_can_be_kept_out_for_long(door: Door) -> None:
    longest = 0.0
    for number in range(40):
        found = door.log_in("anna", WRONG, f"203.0.113.{number}")
        assert isinstance(found, Refusal)
        longest = max(longest, found.wait)
        door.now += found.wait
    assert longest <= LONGEST_WAIT_OF_A_NAME


def test_a_subscribers_addresses_are_one() -> None:
    assert network("2001:db8:1:2::a") == network("2001:db8:1:2:ffff::b") != network("2001:db8:1:3::a")
    assert network("192.0.2.1") != network("192.0.2.2")
    assert network("testclient") == "testclient"


def test_who_comes_and_goes_and_who_fails_is_said_without_what_was_typed(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.log_in("anna", WRONG, HOME)
    door.log_in("my own password", WRONG, HOME)
    door.leave(door.opened("anna"), HOME)
    entries = door.published.entries(4)
    assert [(entry.event, entry.by, entry.role) for entry in entries] == [
        ("failed_login", "anna", ""),
        ("failed_login", "", ""),
        ("login", "anna", "dispatcher"),
        ("logout", "anna", "dispatcher"),
    ]
    assert {entry.address for entry in entries} == {HOME}
    assert len({entry.id for entry in entries}) == 4
    said = caplog.text + "".join(map(str, entries))
    assert "my own password" not in said
    assert WRONG not in said
    assert "failed login of 'anna'" in caplog.text


def test_an_entry_that_the_broker_does_not_take_is_published_later(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.login.audit.FIRST_PAUSE", 0.01)
    door.published.reason = "nobody has subscribed"
    door.opened("anna")
    door.opened("ben")
    door.published.reason = ""
    assert [entry.by for entry in door.published.entries(2)] == ["anna", "ben"]


CLAIMS = {"sub": "42", "email": "anna@example.org", "email_verified": True, "realm": {"roles": ["ops", "x"]}}


@pytest.mark.parametrize(
    ("settings", "claims", "role"),
    [
        ({}, {}, "viewer"),
        ({"default_role": None}, {}, None),
        ({"operators": ("anna@example.org",)}, {}, "operator"),
        ({"dispatchers": ("anna@example.org",)}, {}, "dispatcher"),
        ({"dispatchers": ("ops",), "roles": "/realm/roles"}, {}, "dispatcher"),
        ({"dispatchers": ("ops",)}, {}, "viewer"),
        ({"roles": "/role"}, {"role": "operator"}, "operator"),
        ({"roles": "/role", "default_role": None}, {"role": "viewer"}, "viewer"),
        ({"roles": "/nothing/here"}, {}, "viewer"),
        ({"operators": ("anna@example.org",)}, {"email_verified": False}, "viewer"),
        ({"operators": ("boss@example.org",)}, {"preferred_username": "boss@example.org"}, "viewer"),
        ({"operators": ("",), "name": "/missing"}, {}, "viewer"),
    ],
)
def test_a_role_comes_from_a_claim_or_a_list_and_never_from_what_people_choose_themselves(
    settings: dict[str, object], claims: dict[str, object], role: Role | None
) -> None:
    login: LoginSettings = load().page.login.model_copy(update=settings)
    assert oidc.role_of(CLAIMS | claims, login) == role


def test_a_name_is_that_of_the_claim_or_the_number_of_the_provider() -> None:
    login = load().page.login
    assert oidc.name_of(CLAIMS, login) == "anna@example.org"
    assert oidc.name_of(CLAIMS | {"email_verified": False}, login) == "42"
    assert oidc.name_of({"sub": "42", "name": "Anna"}, login) == "42"
