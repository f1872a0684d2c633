"""The users of the page: their passwords, their file, and the program that changes it."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from argon2 import PasswordHasher

from config.errors import SettingsError
from scripts.waiting import wait_until
from tests.support.logins import PASSWORD, added
from tests.support.paths import REPOSITORY
from ui.login import passwords
from ui.login.__main__ import main
from ui.login.user_file import UserFile


def test_a_password_matches_its_own_hash_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_ = passwords.hashed(PASSWORD)
    assert PASSWORD not in hash_
    assert hash_.startswith("$argon2id$")
    assert passwords.hashed(PASSWORD) != hash_, "there is no salt"
    assert passwords.matches(PASSWORD, hash_)
    assert not passwords.matches(PASSWORD + " ", hash_)
    assert not passwords.matches("", hash_)
    assert not passwords.matches(PASSWORD, "no hash")


def test_a_password_matches_however_a_keyboard_composes_its_letters() -> None:
    assert passwords.matches(
        "Stra\u00dfenb\u00e4ume im Mai", passwords.hashed("Stra\u00dfenba\u0308ume im Mai")
    )


def test_a_password_for_nobody_is_checked_like_one_for_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            checked.append(hash)
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    assert not passwords.matches(PASSWORD, None)
    passwords.matches("wrong", passwords.hashed(PASSWORD))
    parameters = {str(each).rpartition("$")[0].rpartition("$")[0] for each in checked}
    assert len(checked) == 2
    assert len(parameters) == 1, "one takes longer than the other"


@pytest.mark.parametrize("password", ["", "short", "x" * 1001, "annaliese-2026"])
def test_a_password_that_is_easy_to_guess_or_absurd_is_refused(password: str) -> None:
    with pytest.raises(SettingsError, match="expected a password"):
        passwords.check("annaliese", password)


def test_a_user_is_found_in_every_spelling_of_the_name(tmp_path: Path) -> None:
    file = added(tmp_path / "users.json", ("Änne", "viewer"))
    for spelling in ("Änne", "änne", " A\u0308NNE "):
        user = file.find(spelling)
        assert user is not None
        assert user.name == "Änne"
    assert file.find("anne") is None


def test_a_change_of_the_file_is_noticed(tmp_path: Path) -> None:
    reading = added(tmp_path / "users.json", ("anna", "viewer"))
    assert reading.find("ben") is None
    added(tmp_path / "users.json", ("ben", "operator"))
    assert reading.find("ben") is not None


def test_the_file_is_its_owners_and_keeps_its_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "users.json"
    key = added(path, ("anna", "viewer")).read().key
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(key)) == 32
    assert added(path, ("ben", "viewer")).read().key == key
    assert added(tmp_path / "other.json", ("anna", "viewer")).read().key != key


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"anna:secret", "expected a file that `python -m ui.login` has written"),
        (b'{"key": "00", "users": {}}', "the key is too short"),
        (None, r"cannot read the file of users .*: No such file"),
    ],
)
def test_what_is_no_file_of_users_is_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=message) as refused:
        UserFile(path).read()
    assert "\n" not in str(refused.value)


def test_a_file_that_anybody_may_change_is_not_used(tmp_path: Path) -> None:
    file = added(tmp_path / "users.json", ("anna", "viewer"))
    file.path.chmod(0o666)
    with pytest.raises(SettingsError, match="chmod 600"):
        UserFile(file.path).read()


def run(*arguments: str, typed: str, file: Path) -> int:
    """Run the program with what comes from a pipe; returns its status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
        try:
            main(["--file", str(file), *arguments])
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def test_users_are_added_listed_changed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "users.json"
    monkeypatch.setenv("FLEET__PAGE__LOGIN__USERS", str(path))
    assert run("add", "anna", "--role", "dispatcher", typed=PASSWORD, file=path) == 0
    file = UserFile(path)
    anna = file.find("anna")
    assert anna is not None
    assert passwords.matches(PASSWORD, anna.password)
    main(["set-role", "Anna", "operator"])
    changed = file.find("anna")
    assert changed == msgspec.structs.replace(anna, role="operator")
    main(["list"])
    assert f"anna  operator    password of {anna.changed_at:%Y-%m-%d}" in capsys.readouterr().out
    main(["remove", "anna"])
    assert file.read().users == {}


@pytest.mark.parametrize(
    ("again", "said"), [("something else entirely", b"nothing has changed"), (PASSWORD, b"added anna")]
)
def test_the_password_is_asked_for_twice_and_not_shown(again: str, said: bytes, tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    ours, theirs = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-m", "ui.login", "--file", str(path), "add", "anna", "--role", "viewer"],
        cwd=REPOSITORY, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = bytearray()

    def shows(text: bytes) -> bool:
        with suppress(OSError):  # it has ended, and what it has said has been read
            seen.extend(os.read(ours, 1000))
        return text in seen

    for question, answer in ((b"Password of anna: ", PASSWORD), (b"Again: ", again)):
        wait_until(partial(shows, question), str(question))
        os.write(ours, f"{answer}\n".encode())
    wait_until(partial(shows, said), "the outcome")
    asking.wait(60)
    os.close(ours)
    assert PASSWORD.encode() not in seen
    assert path.exists() == (again == PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "typed", "message"),
    [
        (["add", "anna", "--role", "viewer"], PASSWORD, "expected a new name, got 'anna', whom there is"),
        (["add", "Anna", "--role", "viewer"], PASSWORD, "expected a new name, got 'anna', whom there is"),
        (["add", " ", "--role", "viewer"], PASSWORD, "expected a name of 1 to 100 printable characters"),
        (["add", "ben", "--role", "viewer"], "short", "expected a password of 12 to 1000 characters, got 5"),
        (["add", "ben", "--role", "king"], PASSWORD, "invalid choice: 'king'"),
        (["set-role", "ben", "viewer"], "", "expected the name of a user, got 'ben'"),
        (["set-password", "ben"], PASSWORD, "expected the name of a user, got 'ben'"),
        (["remove", "ben"], "", "expected the name of a user, got 'ben'"),
    ],
)
def test_a_wrong_request_is_one_line_and_changes_nothing(
    arguments: list[str], typed: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = added(tmp_path / "users.json", ("anna", "viewer"))
    before = file.path.read_bytes()
    assert run(*arguments, typed=typed, file=file.path) != 0
    said = capsys.readouterr().err
    assert message in said
    assert PASSWORD not in said
    assert file.path.read_bytes() == before


def test_without_a_file_in_the_settings_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list"])
    assert "set page.login.users in the settings" in capsys.readouterr().err


def test_the_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m ui.login add anna --role dispatcher" in capsys.readouterr().out
