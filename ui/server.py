"""What the page's server answers beside Streamlit's own routes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles

import ui.assets
from config.errors import SettingsError
from ui.log import PROGRAM
from ui.login import routes as login
from ui.login.guard import Guard
from ui.map import base_map_routes
from ui.push import changes
from ui.push.versions import Versions, clock_version
from ui.shared import shared_feed

REFRESH = 0.5
"""Seconds between looks while the settings are invalid: the page says so, and tries again when reloaded."""


async def _versions() -> Callable[[], Versions]:
    try:
        _, feed = await run_in_threadpool(shared_feed)
    except SettingsError:
        return lambda: {"clock": clock_version()}
    return feed.versions


def _refresh() -> float:
    try:
        settings, _ = shared_feed()
    except SettingsError:
        return REFRESH
    return settings.page.refresh


@asynccontextmanager
async def life(_: object) -> AsyncIterator[None]:
    """The time in which the server answers: what comes meanwhile is taken in, whether somebody looks or not.

    Logs when it ends, which an interpreter that a signal ends cannot.
    """
    with suppress(SettingsError):  # the page says what is wrong with them
        await run_in_threadpool(shared_feed)
    yield
    logging.getLogger(PROGRAM).info("stopped")


MIDDLEWARE = [Middleware(Guard)]

ROUTES: list[BaseRoute] = [
    *login.routes(),
    WebSocketRoute(changes.PATH, changes.endpoint(_versions, _refresh)),
    Mount(f"{ui.assets.PATH}/{{version}}", StaticFiles(directory=ui.assets.DIRECTORY)),
    *base_map_routes.routes(lambda: shared_feed()[0]),
]
