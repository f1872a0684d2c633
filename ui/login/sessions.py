"""Sessions: what a login is remembered as, in a signed cookie of the browser."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from config.page_settings import Role

COOKIE = "fleet_session"
"""Name of the cookie."""

_PURPOSE = "fleet.page.session.1"
"""Goes into the signature: what is signed for another purpose, or with another layout, is no session."""


@dataclass(frozen=True, slots=True)
class Session:
    """A login that has not ended.

    Attributes:
        id: unique.
        name: of the person.
        role: what they may do.
        expires: seconds since the epoch; whatever is done meanwhile, it does not become later.
        origin: what has to stay as it is for the session to last: the hash of a password, for example.
    """

    id: str
    name: str
    role: Role
    expires: float
    origin: str


class Seal:
    """Makes cookies of sessions and reads them, with a key that nobody else knows."""

    def __init__(self, key: bytes) -> None:
        self._serializer = URLSafeSerializer(
            key, salt=_PURPOSE, signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        )

    def cookie(self, session: Session) -> str:
        """The value of the cookie."""
        fields = [session.id, session.name, session.role, session.expires, session.origin]
        text = self._serializer.dumps(fields)
        return text if isinstance(text, str) else text.decode()

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie; ``None`` if it was not made with this key."""
        try:
            id_, name, role, expires, origin = self._serializer.loads(cookie)
        except (BadData, TypeError, ValueError):
            return None
        return Session(id_, name, role, expires, origin)


class Remembered:
    """Ids of sessions, each until its session would end anyway; safe to use from several threads.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def add(self, session: Session) -> bool:
        """Remember a session; whether it was not remembered before."""
        with self._lock:
            now = self._clock()
            self._until = {id_: until for id_, until in self._until.items() if until > now}
            is_new = session.id not in self._until
            self._until[session.id] = session.expires
            return is_new

    def __contains__(self, id_: object) -> bool:
        return id_ in self._until


def fingerprint(text: str) -> str:
    """A short text that changes with another text and says nothing about it."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
