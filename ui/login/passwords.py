"""Passwords: what is accepted as one, and their hashes."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from config.errors import SettingsError

SHORTEST, LONGEST = 12, 1000
"""Characters. Length is what counts (NIST SP 800-63B, 3.1.1.2); the longest keeps hashing cheap."""

_HASHER = PasswordHasher()
"""Argon2id with the parameters of RFC 9106, 4, for little memory: 64 MiB and about 50 ms."""


def check(name: str, password: str) -> str:
    """A password that somebody wants.

    Raises:
        SettingsError: it is too short or too long, or is the name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingsError(
            f"expected a password of {SHORTEST} to {LONGEST} characters, got {len(password)}; several words "
            "are easy to remember"
        )
    if name.casefold() in password.casefold() and len(password) < len(name) + SHORTEST:
        raise SettingsError("expected a password that is more than the name and a few characters")
    return password


def hashed(password: str) -> str:
    """The hash of a password with its parameters and salt, in PHC format."""
    return _HASHER.hash(_normal(password))


def matches(password: str, hash_: str | None) -> bool:
    """Whether the hash is of this password. Takes as long for ``None``, which is of no password."""
    try:
        return _HASHER.verify(_nobodys() if hash_ is None else hash_, _normal(password)) and hash_ is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe())


def _normal(password: str) -> str:
    # Keyboards differ in how they compose what looks the same (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
