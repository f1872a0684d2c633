"""The routes of the page's server that give out the base map: once, since browsers keep what they get."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from config.errors import SettingsError
from config.settings import Settings
from ui.assets import below_base
from ui.map.base_map import BaseMap, opened

PATH = "/base-map"

KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
"""The version is in the address."""


def address_of(base_map: BaseMap) -> str:
    """Where the browser finds a base map; ends with a slash."""
    return below_base(f"{PATH}/{base_map.version}/")


def routes(settings: Callable[[], Settings]) -> list[BaseRoute]:
    """The routes.

    Args:
        settings: `page.base_map` is used; called for each request, in a thread.
    """

    def wanted(request: Request) -> BaseMap:
        try:
            file = settings().page.base_map
            base_map = opened(file) if file is not None else None
        except SettingsError:
            base_map = None
        if base_map is None or base_map.version != request.path_params["version"]:
            raise HTTPException(404)
        return base_map

    async def description(request: Request) -> Response:
        base_map = await run_in_threadpool(wanted, request)
        return JSONResponse(base_map.description(), headers=KEPT)

    async def file(request: Request) -> Response:
        base_map = await run_in_threadpool(wanted, request)
        return _sent(base_map.content(), "application/geo+json", 404)

    async def tile(request: Request) -> Response:
        base_map = await run_in_threadpool(wanted, request)
        place = [request.path_params[name] for name in ("zoom", "column", "row")]
        return _sent(
            await run_in_threadpool(base_map.tile, *place), "application/vnd.mapbox-vector-tile", 204
        )

    return [
        Mount(
            f"{PATH}/{{version}}",
            routes=[
                Route("/description", description),
                Route("/file", file),
                Route("/tiles/{zoom:int}/{column:int}/{row:int}", tile),
            ],
        )
    ]


def _sent(compressed: bytes | None, media_type: str, without: int) -> Response:
    if compressed is None:
        return Response(status_code=without, headers=KEPT if without == 204 else None)
    return Response(compressed, media_type=media_type, headers=KEPT | {"Content-Encoding": "gzip"})
