"""The file of users with passwords: JSON, written by ``python -m ui.login`` and read by the page."""

from __future__ import annotations

import logging
import secrets
import stat
import threading
import unicodedata
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from config.errors import SettingsError
from config.page_settings import Role
from dataflows.events import JSON_ERRORS

log = logging.getLogger(__name__)

LONGEST_NAME = 100
"""Characters, as in `AlertAction.by`."""

Result = TypeVar("Result")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may log in.

    Attributes:
        name: as it goes with what they do.
        role: what they may do.
        password: its hash.
        changed_at: when the password was set, UTC.
    """

    name: str
    role: Role
    password: str
    changed_at: datetime


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds.

    Attributes:
        key: signs the cookies of sessions, in hexadecimal. Who knows it can be anybody.
        users: by `same_name`.
    """

    key: str
    users: dict[str, User]


def same_name(name: str) -> str:
    """What the spellings of a name have in common; telephones begin it with a capital."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_name(name: str) -> str:
    """The name of a new user.

    Raises:
        SettingsError: it is empty or too long, or has spaces around it or characters that cannot be seen.
    """
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise SettingsError(
            f"expected a name of 1 to {LONGEST_NAME} printable characters without spaces around it, "
            f"got {name!r}"
        )
    return name


class UserFile:
    """The file, which may change at any time; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._content: Content | None = None

    def read(self) -> Content:
        """What it holds now.

        Raises:
            SettingsError: it is missing, cannot be read, is not such a file, or anybody may change it.
        """
        with self._lock:
            try:
                status = self.path.stat()
                seen = status.st_mtime_ns, status.st_size, status.st_ino
                if self._content is None or seen != self._seen:
                    self._content = self._checked(status.st_mode)
                    self._seen = seen
            except OSError as error:
                raise SettingsError(
                    f"cannot read the file of users {self.path}: {error.strerror}; create it with "
                    "`python -m ui.login add`, or correct page.login.users"
                ) from None
            return self._content

    def find(self, name: str) -> User | None:
        """The user with this name, in whatever spelling.

        Raises:
            SettingsError: as `read`.
        """
        return self.read().users.get(same_name(name))

    def change(self, how: Callable[[dict[str, User]], Result]) -> Result:
        """Change the users, and write the file, readable for its owner only; it is created if missing.

        Args:
            how: changes the users in place.

        Raises:
            SettingsError: as `read`, or it cannot be written.
        """
        content = self.read() if self.path.exists() else Content(key=secrets.token_hex(32), users={})
        users = dict(content.users)
        result = how(users)
        text = msgspec.json.format(msgspec.json.encode(Content(key=content.key, users=users)))
        unfinished = self.path.with_name(f"{self.path.name}.new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished.unlink(missing_ok=True)
            unfinished.touch(mode=0o600, exist_ok=False)
            unfinished.write_bytes(text + b"\n")
            unfinished.replace(self.path)
        except OSError as error:
            raise SettingsError(f"cannot write {self.path}: {error.strerror}") from None
        return result

    def _checked(self, mode: int) -> Content:
        if mode & stat.S_IWOTH:
            raise SettingsError(
                f"{self.path}: expected a file that only its owner may write, got one that anybody may; "
                f"correct it with `chmod 600 {self.path}`, and look whether somebody has added users"
            )
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            log.warning("%s holds the key of all sessions, and others may read it: chmod 600", self.path)
        try:
            content = msgspec.json.decode(self.path.read_bytes(), type=Content)
            if len(bytes.fromhex(content.key)) < 32:
                raise ValueError("the key is too short")
        except (*JSON_ERRORS, ValueError) as error:
            raise SettingsError(
                f"{self.path}: expected a file that `python -m ui.login` has written: {error}"
            ) from None
        return content
