"""The door of the page: who is in, who may come in, and who has left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from uuid import uuid4

import config.settings
from config.errors import SettingsError
from config.page_settings import PageSettings
from config.settings import Settings
from ui.actions import kafka_delivery, mqtt_delivery
from ui.login import oidc, passwords
from ui.login.attempts import (
    LONGEST_WAIT_OF_A_NAME,
    LONGEST_WAIT_OF_AN_ADDRESS,
    OF_A_NAME,
    OF_AN_ADDRESS,
    Attempts,
    network,
)
from ui.login.audit import AuditTrail, Deliver
from ui.login.sessions import COOKIE, Remembered, Seal, Session, fingerprint
from ui.login.user_file import User, UserFile, same_name

LONGEST_NAME_TRIED = 200
"""Characters."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A login that has failed.

    Attributes:
        wait: seconds until the next try is allowed; 0 if name or password were wrong.
    """

    wait: float = 0.0


class Access:
    """Who may see the page; safe to use from several threads.

    Attributes:
        login: the settings.
        is_open: whether it may be reached from elsewhere without a login.
        providers: names of the providers of OpenID Connect.
        users: those with passwords; ``None`` for none.

    Args:
        page: the settings.
        providers: names of the providers of OpenID Connect; empty without any.
        audit: is told who comes and goes.
        clock: seconds since the epoch.
        timer: seconds, of a clock that is never set.
    """

    def __init__(
        self,
        page: PageSettings,
        providers: list[str],
        audit: AuditTrail,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.login = login = page.login
        self.is_open = page.open
        self.providers = providers
        self.users = None if login.users is None else UserFile(login.users)
        self._audit = audit
        self._clock = clock
        self._ended, self._admitted = Remembered(clock), Remembered(clock)
        self._of_names = Attempts(OF_A_NAME, LONGEST_WAIT_OF_A_NAME, timer)
        self._of_addresses = Attempts(OF_AN_ADDRESS, LONGEST_WAIT_OF_AN_ADDRESS, timer)
        # Who gets another role by a change of the settings has to log in again.
        self._provided = f"provider {fingerprint(login.model_dump_json())}"

    @property
    def is_needed(self) -> bool:
        """Whether one has to log in."""
        return self.users is not None or bool(self.providers)

    def session_of(self, cookies: Mapping[str, str]) -> Session | None:
        """The session of a browser; ``None`` if it has none, or none any more.

        A user who is removed or gets another password has none any more, and one who gets another role has it
        at once.
        """
        if COOKIE not in cookies:
            return None
        session = self._users_session(cookies[COOKIE]) or self._provided_session(cookies[COOKIE])
        if session is None or session.expires <= self._clock() or session.id in self._ended:
            return None
        return session

    def log_in(self, name: str, password: str, address: str) -> Session | Refusal:
        """Check a name and a password; takes a tenth of a second, also if the name is nobody's.

        Raises:
            SettingsError: the file of users cannot be read.
        """
        if self.users is None:
            return Refusal()
        key, place = same_name(name[:LONGEST_NAME_TRIED]), network(address)
        user = self.users.find(key)
        known = "" if user is None else user.name
        if wait := max(self._of_names.wait(key), self._of_addresses.wait(place)):
            return Refusal(wait)
        self._of_names.note(key)
        self._of_addresses.note(place)
        is_right = passwords.matches(password, None if user is None else user.password)
        if user is None or not is_right:
            reason = "wrong password" if user is not None else "nobody has this name"
            if wait := max(self._of_names.wait(key), self._of_addresses.wait(place)):
                reason += f"; the next try is allowed in {wait:.0f} s"
            self._audit.note("failed_login", by=known, address=address, reason=reason)
            return Refusal()
        self._of_names.forget(key)
        self._of_addresses.take_back(place)
        session = Session(
            uuid4().hex, user.name, user.role, self._clock() + self.login.session, fingerprint(user.password)
        )
        self._audit.note("login", by=session.name, role=session.role, address=address)
        return session

    def admit(self, cookies: Mapping[str, str], address: str) -> Session | Refusal | None:
        """The session of somebody who comes from a provider; ``None`` if nobody does."""
        ticket = oidc.ticket(cookies, self.login.session) if self.providers else None
        if ticket is None or ticket.id in self._ended:
            return None
        name, role = oidc.name_of(ticket.claims, self.login), oidc.role_of(ticket.claims, self.login)
        if not name or role is None:
            reason = "the provider knows them, and page.login gives them no role"
            self._audit.note("failed_login", by=name, address=address, reason=reason)
            return Refusal()
        now = self._clock()
        issued = ticket.claims.get("iat")
        since = min(now, float(issued)) if isinstance(issued, int | float) else now
        session = Session(ticket.id, name, role, since + self.login.session, self._provided)
        if session.expires <= now:
            return None
        # The cookie of a session may get lost on its way, or be deleted: then the same login comes again.
        if self._admitted.add(session):
            self._audit.note("login", by=name, role=role, address=address)
        return session

    def cookie_of(self, session: Session) -> str:
        """The value of the cookie of a session.

        Raises:
            SettingsError: the file of users cannot be read.
        """
        return self._seal(session.origin).cookie(session)

    def leave(self, session: Session, address: str) -> None:
        """End a session before its time, in all windows of the browser."""
        self._ended.add(session)
        self._audit.note("logout", by=session.name, role=session.role, address=address)

    def _seal(self, origin: str) -> Seal:
        if origin == self._provided or self.users is None:
            return Seal(oidc.key())
        return Seal(bytes.fromhex(self.users.read().key))

    def _users_session(self, cookie: str) -> Session | None:
        try:
            session = None if self.users is None else self._seal("").session(cookie)
            user: User | None = None
            if session is not None and self.users is not None:
                user = self.users.find(session.name)
        except SettingsError:
            # Whoever cannot be looked up is not let in; the page for logging in says why.
            return None
        if session is None or user is None or session.origin != fingerprint(user.password):
            return None
        return replace(session, name=user.name, role=user.role)

    def _provided_session(self, cookie: str) -> Session | None:
        session = Seal(oidc.key()).session(cookie) if self.providers else None
        return session if session is not None and session.origin == self._provided else None


@cache
def shared_access() -> Access:
    """The only door of this process.

    Raises:
        SettingsError: a setting, Streamlit's secrets or the file of users is invalid; nothing is kept.
    """
    settings = config.settings.load()
    access = Access(settings.page, oidc.providers(), AuditTrail(_delivery(settings)))
    if access.users is not None:
        access.users.read()
    return access


def _delivery(settings: Settings) -> Deliver:
    topic = settings.audit_topic
    if settings.sink.kind == "kafka":
        return lambda payloads: kafka_delivery.deliver(
            settings.kafka, "audit", topic, [("", payload) for payload in payloads]
        )
    return lambda payloads: mqtt_delivery.deliver(
        settings.mqtt, "audit", [(topic, payload) for payload in payloads], "dataflows.record"
    )
