"""A TCP proxy that fails on demand: it hangs, drops, throttles or resets connections, and recovers."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from scripts.brokers.ports import LOCALHOST

CHUNK = 65536
"""Bytes that are read at once, and at most in flight in one direction when the proxy freezes."""

TICK = 0.05
"""Seconds between portions of a throttled connection."""

OPENING = 1024
"""Bytes at the start of a connection that are searched for a marker."""

EVERYONE = b""
"""The marker that every connection has."""

_RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)

Result = TypeVar("Result")


class TcpProxy:
    """Forwards connections to ``port`` to another port of this machine within its context.

    For protocols in which the client speaks first: only then the proxy connects to the other side. Every
    fault can be limited to the connections whose first bytes contain a marker; MQTT's CONNECT has the client
    id. Faults also apply to connections that are opened meanwhile: those are accepted, and if their client
    has not given up by then, continue when the fault is over. `freeze` and `black_hole` replace each other.

    Attributes:
        port: where to connect to.
    """

    def __init__(self, target_port: int) -> None:
        """Remember where to forward to.

        Args:
            target_port: nothing has to listen there yet; a connection that it refuses is reset.
        """
        self.port = 0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: list[_Connection] = []
        self._frozen: bytes | None = None
        self._dropping = False
        self._thawed = asyncio.Event()
        self._throttled = EVERYONE
        self._rate = math.inf
        self._server: asyncio.Server

    def freeze(self, marker: bytes = EVERYONE) -> None:
        """Go half-open: forward nothing and close nothing; bytes and FINs wait for `thaw`.

        As in a network that delays: both sides can write until their buffers are full.
        """
        self._call(self._freeze(marker, dropping=False))

    def black_hole(self, marker: bytes = EVERYONE) -> None:
        """Go half-open, and drop what is sent; at `thaw` these connections are reset.

        As if a firewall had lost its connection table: neither side notices.
        """
        self._call(self._freeze(marker, dropping=True))

    def thaw(self) -> None:
        """End `freeze`, delivering what was held, or `black_hole`, resetting the connections it swallowed."""
        self._call(self._thaw())

    def cut(self, marker: bytes = EVERYONE) -> int:
        """Reset the open connections; new ones are accepted. Returns how many there were."""
        return self._call(self._cut(marker))

    def throttle(self, bytes_per_second: float = math.inf, marker: bytes = EVERYONE) -> None:
        """Limit the rate of each direction of each connection; infinite for no limit."""
        self._call(self._throttle(bytes_per_second, marker))

    def connections(self, marker: bytes = EVERYONE) -> int:
        """How many connections are open."""
        return sum(connection.is_meant_by(marker) for connection in list(self._connections))

    def delivered(self, marker: bytes = EVERYONE) -> int:
        """How many bytes have been sent to the clients of the open connections."""
        open_now = list(self._connections)
        return sum(connection.delivered for connection in open_now if connection.is_meant_by(marker))

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    # What follows runs in the thread of the loop.

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOCALHOST, 0, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._thaw()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _freeze(self, marker: bytes, *, dropping: bool) -> None:
        await self._thaw()
        self._frozen, self._dropping = marker, dropping
        self._thawed.clear()

    async def _thaw(self) -> None:
        if self._frozen is not None and self._dropping:
            await self._cut(self._frozen)
        self._frozen, self._dropping = None, False
        self._thawed.set()

    async def _cut(self, marker: bytes) -> int:
        struck = [connection for connection in self._connections if connection.is_meant_by(marker)]
        for connection in struck:
            connection.reset()
        return len(struck)

    async def _throttle(self, bytes_per_second: float, marker: bytes) -> None:
        self._rate, self._throttled = bytes_per_second, marker

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.append(connection)
        try:
            with suppress(OSError, asyncio.CancelledError):  # cancelled when the context ends
                opening = await reader.read(CHUNK)
                connection.opening = opening[:OPENING]
                await self._until_thawed(connection)
                if opening and not reader.at_eof():  # no connection for a client that has given up
                    await self._connect(connection, opening, reader)
        finally:
            connection.reset()
            self._connections.remove(connection)

    async def _connect(self, connection: _Connection, opening: bytes, reader: asyncio.StreamReader) -> None:
        answers, target = await asyncio.open_connection(LOCALHOST, self._target_port, limit=CHUNK)
        connection.add(target)
        await self._forward(connection, opening, target)
        pumps = [
            asyncio.create_task(self._pump(connection, reader, target)),
            asyncio.create_task(self._pump(connection, answers, connection.client)),
        ]
        try:
            # A FIN leaves the other direction open; a reset closes both.
            await asyncio.gather(*pumps)
            connection.finish()
        finally:
            for pump in pumps:
                pump.cancel()

    async def _pump(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._forward(connection, data, writer)
        finally:
            await self._until_thawed(connection)  # the end must not be noticed earlier
        writer.write_eof()

    async def _forward(self, connection: _Connection, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            if self._is_frozen(connection) and self._dropping:
                return
            await self._until_thawed(connection)
            rate = self._rate if connection.is_meant_by(self._throttled) else math.inf
            portion = data if rate == math.inf else data[: max(1, int(rate * TICK))]
            writer.write(portion)
            await writer.drain()
            if writer is connection.client:
                connection.delivered += len(portion)
            data = data[len(portion) :]
            await asyncio.sleep(len(portion) / rate)

    async def _until_thawed(self, connection: _Connection) -> None:
        while self._is_frozen(connection):
            await self._thawed.wait()

    def _is_frozen(self, connection: _Connection) -> bool:
        return self._frozen is not None and connection.is_meant_by(self._frozen)


class _Connection:
    """The two sockets of one connection, and its first bytes."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.opening = b""
        self.delivered = 0
        self._writers: list[asyncio.StreamWriter] = []
        self.add(client)

    def is_meant_by(self, marker: bytes) -> bool:
        return marker in self.opening

    def add(self, writer: asyncio.StreamWriter) -> None:
        # Nothing may be buffered here, where a freeze could not hold it back.
        writer.transport.set_write_buffer_limits(0)
        self._writers.append(writer)

    def finish(self) -> None:
        """Close; both sides have sent their FIN."""
        for writer in self._writers:
            writer.close()

    def reset(self) -> None:
        """Close with RST, unless it is closed."""
        for writer in self._writers:
            connected: socket.socket | None = writer.get_extra_info("socket")
            if not writer.is_closing() and connected is not None:
                with suppress(OSError):
                    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_WHEN_CLOSED)
                writer.transport.abort()
