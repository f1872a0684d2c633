"""The WebSocket that tells a browser that something has changed; what, the session finds out by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from ui.push.versions import Topic, Versions

PATH = "/changes"

LOOK_EVERY = 0.05
"""Seconds between two looks at the versions: what is urgent is told at once."""

URGENT: tuple[Topic, ...] = ("alerts", "connection", "replay", "commands")
"""Topics that are told at once; events of vehicles come all the time and wait for `page.refresh`."""


def endpoint(
    versions: Callable[[], Awaitable[Callable[[], Versions]]], refresh: Callable[[], float]
) -> Callable[[WebSocket], Awaitable[None]]:
    """The endpoint of the WebSocket at `PATH`: an empty message for each change, several changes are one.

    Args:
        versions: gives the function that says what has changed; called once for each browser.
        refresh: seconds between messages about what is not urgent.
    """

    async def tell(socket: WebSocket) -> None:
        await socket.accept()
        current = await versions()
        told = current()
        told_at = 0.0
        try:
            while True:
                now = asyncio.get_running_loop().time()
                seen = current()
                urgent = any(seen[topic] != told[topic] for topic in URGENT if topic in seen)
                if urgent or (seen != told and now - told_at >= refresh()):
                    await socket.send_text("")
                    told, told_at = seen, now
                await asyncio.sleep(LOOK_EVERY)
        except WebSocketDisconnect:
            return

    return tell
