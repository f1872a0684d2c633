"""OpenID Connect, as Streamlit does it: who has logged in there, read from the cookie that it leaves.

Streamlit's own login would last for 30 days, and guards nothing but what the script asks it about. So its
cookie is only the ticket for a session of ours (`ui.login.sessions`), which begins with the login there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonpointer
from streamlit.auth_util import (
    get_cookie_with_chunks,
    get_origin_from_redirect_uri,
    get_secrets_auth_section,
    is_authlib_installed,
    validate_auth_credentials,
)
from streamlit.errors import StreamlitAuthError
from streamlit.user_info import generate_login_redirect_url
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from config.errors import SettingsError
from config.extras import hint
from config.page_settings import LoginSettings, Role
from ui.login.sessions import fingerprint
from ui.login.user_file import LONGEST_NAME

DEFAULT = "default"
"""Streamlit's name for the provider that ``[auth]`` itself describes."""

SHORTEST_SECRET = 32
"""Characters of ``cookie_secret``: who guesses it can be anybody."""

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ticket:
    """That somebody has logged in at a provider.

    Attributes:
        id: the same for the same login.
        claims: what the provider says of them.
    """

    id: str
    claims: Claims


def providers() -> list[str]:
    """Names of the providers in Streamlit's secrets; empty without any.

    Raises:
        SettingsError: ``[auth]`` is not what Streamlit needs.
    """
    section = get_secrets_auth_section()
    if not section:
        return []
    if not is_authlib_installed():
        missing = hint(ModuleNotFoundError(name="authlib"))
        raise SettingsError(f"[auth] in .streamlit/secrets.toml: {missing}")
    sections = [name for name, value in section.items() if isinstance(value, Mapping)]
    names = [name for name in sections if name != "client_kwargs"] or [DEFAULT]
    try:
        for name in names:
            validate_auth_credentials(name)
    except StreamlitAuthError as error:
        raise SettingsError(f"[auth] in .streamlit/secrets.toml: {' '.join(str(error).split())}") from None
    if len(get_cookie_secret()) < SHORTEST_SECRET:
        raise SettingsError(
            f"[auth] cookie_secret in .streamlit/secrets.toml: expected at least {SHORTEST_SECRET} random "
            'characters; make them with python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return names


def key() -> bytes:
    """What signs the sessions of those who log in there."""
    return get_cookie_secret().encode()


def address_of(provider: str) -> str:
    """Where a browser goes to log in at a provider; good for two minutes."""
    return generate_login_redirect_url(provider)


def ticket(cookies: Mapping[str, str], within: float) -> Ticket | None:
    """The login of a browser, if there is one and it is not older than `within` seconds."""

    def decoded(name: str) -> bytes | None:
        value = cookies.get(name)
        days = within / 86_400.0
        return None if value is None else decode_signed_value(get_cookie_secret(), name, value, days)

    content = get_cookie_with_chunks(decoded, USER_COOKIE_NAME)
    if not content:
        return None
    try:
        claims = json.loads(content)
    except ValueError:
        return None
    if not claims.get("is_logged_in") or claims.get("origin") != get_origin_from_redirect_uri():
        return None
    return Ticket(fingerprint(content.decode()), claims)


def own_cookies(cookies: Mapping[str, str]) -> list[str]:
    """Names of the cookies that Streamlit's login has left."""
    return [name for name in cookies if name.startswith(USER_COOKIE_NAME)]


def name_of(claims: Claims, login: LoginSettings) -> str:
    """Who it is: what the claim of the settings says; else the subject, by which the provider knows them."""
    return (_named(claims, login) or str(claims.get("sub", "")))[:LONGEST_NAME]


def role_of(claims: Claims, login: LoginSettings) -> Role | None:
    """What they may do; ``None`` if they may not even look."""
    found = jsonpointer.resolve_pointer(claims, login.roles, None) if login.roles else None
    groups = {value for value in (found if isinstance(found, list) else [found]) if isinstance(value, str)}
    known = groups | {_named(claims, login)} - {""}
    if known & set(login.operators) or "operator" in groups:
        return "operator"
    if known & set(login.dispatchers) or "dispatcher" in groups:
        return "dispatcher"
    return "viewer" if "viewer" in groups else login.default_role


def _named(claims: Claims, login: LoginSettings) -> str:
    # Anybody can enter somebody else's mail address; only some providers check it, and say so.
    if login.name == "/email" and claims.get("email_verified") is False:
        return ""
    value = jsonpointer.resolve_pointer(claims, login.name, None)
    return value.strip() if isinstance(value, str) else ""
