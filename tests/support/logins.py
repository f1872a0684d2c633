"""Users of the page, and the door that they come through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from argon2 import PasswordHasher

from config.page_settings import Role
from config.settings import load
from dataflows.events import AuditEntry
from scripts.waiting import wait_until
from ui.login.access import Access
from ui.login.audit import AuditTrail
from ui.login.sessions import COOKIE, Session
from ui.login.user_file import User, UserFile, same_name

PASSWORD = "correct horse battery"
"""Of every user."""

NOW = 1_800_000_000.0
"""Seconds since the epoch."""

HOME = "192.0.2.7"
"""An address."""


def added(path: Path, *users: tuple[str, Role]) -> UserFile:
    """A file of users, with these besides those that are in it."""
    file = UserFile(path)

    def put(content: dict[str, User]) -> None:
        for name, role in users:
            content[same_name(name)] = User(
                name=name, role=role, password=quick_hash(), changed_at=datetime.now(UTC)
            )

    file.change(put)
    return file


@cache
def quick_hash(password: str = PASSWORD) -> str:
    """A hash that is checked in no time."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(password)


class Published:
    """Keeps what is published, and answers with `reason`."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.reason = ""

    def deliver(self, payloads: Sequence[bytes]) -> list[str]:
        if not self.reason:
            self.payloads += payloads
        return [self.reason] * len(payloads)

    def entries(self, count: int) -> list[AuditEntry]:
        """The first entries, as soon as there are `count`."""
        wait_until(lambda: len(self.payloads) >= count, f"{count} entries")
        return [msgspec.json.decode(payload, type=AuditEntry) for payload in self.payloads]


class Door(Access):
    """A door whose clocks the test sets.

    Attributes:
        now: seconds since the epoch, and of the clock that is never set.
        published: what the audit trail has published.
    """

    def __init__(self, users: Path | None, providers: Sequence[str] = (), **settings: Any) -> None:
        self.now = NOW
        self.published = Published()
        page = load().page
        login = page.login.model_copy(update={"users": users, **settings})
        super().__init__(
            page.model_copy(update={"login": login}),
            list(providers),
            AuditTrail(self.published.deliver),
            lambda: self.now,
            lambda: self.now,
        )

    def opened(self, name: str) -> Session:
        """The session of a user with the right password."""
        session = self.log_in(name, PASSWORD, HOME)
        assert isinstance(session, Session), session
        return session

    def cookies(self, session: Session) -> dict[str, str]:
        """What the browser of this session sends."""
        return {COOKIE: self.cookie_of(session)}
