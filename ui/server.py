"""What the page's server answers beside Streamlit's own routes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles

import ui.assets
from config.errors import SettingsError
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


MIDDLEWARE = [Middleware(Guard)]

ROUTES: list[BaseRoute] = [
    *login.routes(),
    WebSocketRoute(changes.PATH, changes.endpoint(_versions, _refresh)),
    Mount(f"{ui.assets.PATH}/{{version}}", StaticFiles(directory=ui.assets.DIRECTORY)),
    *base_map_routes.routes(lambda: shared_feed()[0]),
]
