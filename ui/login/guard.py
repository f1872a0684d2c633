"""Guards all that the page's server gives out: without a session there is only the page for logging in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlencode

import anyio
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from config.errors import SettingsError
from ui.login import oidc
from ui.login.access import Access, Refusal, shared_access
from ui.login.form import local, onward
from ui.login.listening import is_meant_for
from ui.login.routes import LOGIN, LOGOUT, NEXT, PROVIDER, WATCH, address_of, at, give
from ui.login.sessions import Session

READ = ("GET", "HEAD")

OPEN: dict[str, Sequence[str]] = {
    LOGIN: (*READ, "POST"),
    PROVIDER: READ,
    LOGOUT: ("POST",),
    # Streamlit's, between a provider and us.
    "/auth/login": READ,
    "/auth/logout": READ,
    "/oauth2callback": READ,
    "/_stcore/health": READ,
}
"""Paths that need no session, and HTTP's methods there; what has no route of its own there is the page."""

ENDED = 4401
"""Code with which a WebSocket is closed when there is no session any more (RFC 6455, 7.4.2; HTTP's 401)."""

LOOK_EVERY = 1.0
"""Seconds between two looks whether a session lasts: a user may be removed at any time."""

HEADERS = {
    # What shows buttons must not be inside of another site's page, which would be clicked at in its place.
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """Middleware around everything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer in place of the page; as ASGI describes it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            access: Access | None = await anyio.to_thread.run_sync(shared_access)
        except SettingsError:
            # The page says so, and has nothing else to show.
            access = None
        if access is None or not access.is_needed:
            if is_meant_for(access, connection.headers.get("host", "")):
                await self._app(scope, receive, _with_headers(send))
            else:
                await _refuse_host(scope, receive, send)
            return
        session = access.session_of(connection.cookies)
        if scope["type"] == "http":
            if session is None and not _is_open(scope):
                await _without_session(Request(scope, receive), access)(scope, receive, send)
            else:
                await self._app(scope, receive, _with_headers(send))
        elif session is None:
            socket = WebSocket(scope, receive, send)
            if scope["path"] == at(WATCH):
                # A browser is told the code only of a connection that was accepted.
                await socket.accept()
            await socket.close(ENDED)
        else:
            await self._while_it_lasts(session, access, connection.cookies, (scope, receive, send))

    async def _while_it_lasts(
        self,
        session: Session,
        access: Access,
        cookies: Mapping[str, str],
        connection: tuple[Scope, Receive, Send],
    ) -> None:
        scope, receive, send = connection
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        lasting = asyncio.ensure_future(_end_of(session, access, cookies))
        try:
            await asyncio.wait({serving, lasting}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
                return
            await _cancelled(serving)
            # It may have been closed just now.
            with suppress(RuntimeError, OSError):
                await send({"type": "websocket.close", "code": ENDED})
        finally:
            await _cancelled(lasting)
            await _cancelled(serving)


def _is_open(scope: Scope) -> bool:
    return any(scope["path"] == at(path) and scope["method"] in methods for path, methods in OPEN.items())


async def _end_of(session: Session, access: Access, cookies: Mapping[str, str]) -> None:
    """Return when the session has ended, or its role is another one."""
    while (current := access.session_of(cookies)) is not None and current.role == session.role:
        await asyncio.sleep(LOOK_EVERY)


async def _cancelled(task: asyncio.Future[None]) -> None:
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _without_session(request: Request, access: Access) -> Response:
    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse("Log in first.", 401, {"Cache-Control": "no-store"})
    here = local(request.url.path + (f"?{request.url.query}" if request.url.query else ""), at("/"))
    came = access.admit(request.cookies, address_of(request))
    if isinstance(came, Session):
        answer = onward(local(request.cookies.get(NEXT, ""), here))
        answer.delete_cookie(NEXT, at("/"))
        return give(answer, access, came, request)
    if isinstance(came, Refusal):
        answer = RedirectResponse(f"{at(LOGIN)}?why=refused", 303)
        for name in oidc.own_cookies(request.cookies):
            answer.delete_cookie(name, at("/"))
        return answer
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        # Perhaps there is a session, whose cookie does not come with a link of another site.
        return onward(here)
    query = "" if here == at("/") else "?" + urlencode({"next": here})
    return RedirectResponse(at(LOGIN) + query, 303, {"Cache-Control": "no-store"})


async def _refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).close(1008)
        return
    text = (
        "This page has no login, and answers only under the names of this machine: localhost, 127.0.0.1 or "
        "[::1]. Set up a login, or set page.open = true if it is meant to be reached under another name."
    )
    await PlainTextResponse(text, 403)(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
