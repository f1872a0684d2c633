"""What the page's server answers to those who come, and to those who leave."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import anyio
import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.url_util import make_url_path

from config.errors import SettingsError
from ui.login import oidc
from ui.login.access import Access, Refusal, shared_access
from ui.login.form import NOTICES, Why, form, local
from ui.login.sessions import COOKIE, Session

log = logging.getLogger(__name__)

LOGIN, LOGOUT, WATCH = "/login", "/logout", "/session"
"""Paths: the form; where a form is sent to leave; a WebSocket that is closed when the session ends."""

PROVIDER = f"{LOGIN}/oidc"
"""Path: off to a provider of OpenID Connect."""

NEXT = "fleet_next"
"""Cookie with the address to go to when a browser comes back from a provider."""

NEXT_FOR = 600
"""Seconds that this may take."""

MOST_BYTES = 10_000
"""Bytes of a form."""

_HASHING = anyio.CapacityLimiter(2)
"""Each takes 64 MiB: a flood of forms must not fill the memory."""


def at(path: str) -> str:
    """The path under which browsers find a path of ours."""
    return make_url_path(str(st.get_option("server.baseUrlPath")), path)


def is_own_form(request: Request) -> bool:
    """Whether a form was sent from a page of ours: no other site may log somebody in, or out.

    Browsers say so in Sec-Fetch-Site, over HTTPS and on this machine; elsewhere Origin has to fit Host.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def give(response: Response, access: Access, session: Session, request: Request) -> Response:
    """The response with the cookie of the session."""
    response.set_cookie(
        COOKIE,
        access.cookie_of(session),
        max_age=max(1, round(session.expires - time.time())),
        path=at("/"),
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


def is_secure(request: Request) -> bool:
    """Whether the browser uses HTTPS, perhaps as far as a proxy. Who lies about it harms only themselves."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def address_of(request: Request) -> str:
    """The browser's address, as far as it is known: uvicorn believes a proxy on this machine."""
    return "" if request.client is None else request.client.host


async def _login(request: Request) -> Response:
    try:
        access = await anyio.to_thread.run_sync(shared_access)
    except SettingsError as error:
        return _broken(error)
    if not access.is_needed:
        return RedirectResponse(at("/"), 303)
    if request.method == "POST":
        return await _try(request, access)
    onward = local(request.query_params.get("next", ""), at("/"))
    if access.session_of(request.cookies) is not None:
        return RedirectResponse(onward, 303)
    found = request.query_params.get("why", "")
    why: Why = found if found in NOTICES else ""
    answer = _form(access, why=why, onward=onward)
    if COOKIE in request.cookies:
        answer.delete_cookie(COOKIE, at("/"), httponly=True, samesite="strict", secure=is_secure(request))
    return answer


async def _try(request: Request, access: Access) -> Response:
    if not is_own_form(request):
        return _foreign()
    fields = await _fields(request)
    if fields is None:
        return PlainTextResponse("expected a form of at most 10 kB", 413)
    name, onward = fields.get("name", ""), local(fields.get("next", ""), at("/"))
    try:
        found = await anyio.to_thread.run_sync(
            access.log_in, name, fields.get("password", ""), address_of(request), limiter=_HASHING
        )
    except SettingsError as error:
        log.error("nobody can log in: %s", error)
        return _form(access, why="broken", name=name, onward=onward, status=503)
    if isinstance(found, Refusal):
        why: Why = "wait" if found.wait else "wrong"
        status = 429 if found.wait else 403
        return _form(access, why=why, name=name, onward=onward, wait=found.wait, status=status)
    return give(RedirectResponse(onward, 303), access, found, request)


async def _to_provider(request: Request) -> Response:
    try:
        access = await anyio.to_thread.run_sync(shared_access)
    except SettingsError as error:
        return _broken(error)
    provider = request.query_params.get("provider", "")
    if provider not in access.providers:
        return RedirectResponse(at(LOGIN), 303)
    answer = RedirectResponse(oidc.address_of(provider), 303)
    onward = local(request.query_params.get("next", ""), at("/"))
    # Lax: it has to come with the redirect from the provider.
    answer.set_cookie(
        NEXT, onward, max_age=NEXT_FOR, path=at("/"), secure=is_secure(request), httponly=True, samesite="lax"
    )
    return answer


async def _logout(request: Request) -> Response:
    if not is_own_form(request):
        return _foreign()
    try:
        access = await anyio.to_thread.run_sync(shared_access)
    except SettingsError as error:
        return _broken(error)
    session = access.session_of(request.cookies)
    if session is not None:
        access.leave(session, address_of(request))
    has_provider = bool(oidc.own_cookies(request.cookies)) and bool(access.providers)
    # Streamlit's own route forgets its cookies, and has the provider end its session where it can.
    answer = RedirectResponse(at("/auth/logout") if has_provider else f"{at(LOGIN)}?why=left", 303)
    answer.delete_cookie(COOKIE, at("/"), httponly=True, samesite="strict", secure=is_secure(request))
    return answer


async def _watch(socket: WebSocket) -> None:
    """Stay open until the guard closes it, or the browser does."""
    await socket.accept()
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        return


async def _fields(request: Request) -> Mapping[str, str] | None:
    """The fields of a form; ``None`` if it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return None
    return {name: values[0] for name, values in found.items()}


def _form(
    access: Access, *, why: Why, name: str = "", onward: str, wait: float = 0.0, status: int = 200
) -> Response:
    return form(
        at(LOGIN),
        why=why,
        name=name,
        onward=onward,
        wait=wait,
        has_passwords=access.users is not None,
        providers=access.providers,
        status=status,
    )


def _broken(error: SettingsError) -> Response:
    log.error("nobody can log in: %s", error)
    return form(at(LOGIN), why="broken", has_passwords=False, status=503)


def _foreign() -> Response:
    return PlainTextResponse("This form was sent from another site, and is not accepted.", 403)


def routes() -> list[BaseRoute]:
    """Everything here."""
    return [
        Route(at(LOGIN), _login, methods=["GET", "POST"]),
        Route(at(PROVIDER), _to_provider, methods=["GET"]),
        Route(at(LOGOUT), _logout, methods=["POST"]),
        WebSocketRoute(at(WATCH), _watch),
    ]
