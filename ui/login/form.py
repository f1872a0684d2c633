"""The page for logging in: plain HTML, so that it needs no JavaScript and nothing from anywhere else."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

TEMPLATE = Path(__file__).with_name("form.html")
ONWARD = TEMPLATE.with_name("onward.html")

_environment = Environment(
    loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined
)

Why = Literal["", "ended", "left", "refused", "wrong", "wait", "broken"]
"""What the page for logging in says before it asks."""


class Notice(NamedTuple):
    """A sentence above the form.

    Attributes:
        text: what.
        is_trouble: whether something has gone wrong.
    """

    text: str
    is_trouble: bool


NOTICES: dict[Why, Notice] = {
    "ended": Notice("Your session has ended. Log in to go on where you were.", False),
    "left": Notice("You have logged out.", False),
    "refused": Notice("You are known there, but have no role here. Ask who looks after this page.", True),
    "wrong": Notice("Name or password is wrong.", True),
    "wait": Notice("Too many attempts. Try again in {wait}.", True),
    "broken": Notice("Nobody can log in now: the page's log says why.", True),
}


def form(
    action: str,
    *,
    why: Why = "",
    name: str = "",
    onward: str = "/",
    wait: float = 0.0,
    has_passwords: bool,
    providers: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """The page.

    Args:
        action: its own address.
        why: what it says first.
        name: what was typed last.
        onward: address to go to after the login, see `local`.
        wait: seconds until the next try.
        has_passwords: whether there are users with passwords.
        providers: names of providers of OpenID Connect.
        status: of HTTP.
    """
    nonce = secrets.token_urlsafe(16)
    notice = NOTICES.get(why)
    links = [
        (_label(provider), f"{action}/oidc?{urlencode({'provider': provider, 'next': onward})}")
        for provider in providers
    ]
    content = _environment.get_template(TEMPLATE.name).render(
        nonce=nonce,
        action=action,
        notice=None if notice is None else notice._replace(text=notice.text.format(wait=_wait(wait))),
        name=name,
        onward=onward,
        has_passwords=has_passwords,
        links=links,
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "same-origin",
    }
    if wait:
        headers["Retry-After"] = f"{wait:.0f}"
    return HTMLResponse(content, status, headers)


def onward(address: str) -> Response:
    """A page that goes on by itself to an address of ours.

    A cookie that is `SameSite=Strict` does not come with a link of another site, such as one in a mail, nor
    with a redirect that follows it. With what a page of ours asks for it does.
    """
    content = _environment.get_template(ONWARD.name).render(address=address)
    return HTMLResponse(content, headers={"Cache-Control": "no-store"})


def local(address: str, otherwise: str) -> str:
    """An address of this page; `otherwise` for one that leads, or might lead, anywhere else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return otherwise
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/")
    # Browsers take a backslash for a slash, and leave out tabs and line breaks.
    is_plain = address.isprintable() and "\\" not in address and not address.startswith("//")
    return address if is_ours and is_plain else otherwise


def _label(provider: str) -> str:
    return "your organisation" if provider == "default" else provider.capitalize()


def _wait(seconds: float) -> str:
    return f"{max(1.0, seconds):.0f} s" if seconds < 100.0 else f"{seconds / 60.0:.0f} minutes"
