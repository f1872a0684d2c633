"""A webhook that keeps the notifications it receives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scripts.brokers.ports import LOCALHOST


class Channel:
    """A webhook that is listening.

    Attributes:
        port: where it listens.
        messages: the bodies of all requests, in order of their arrival.
    """

    def __init__(self, port: int, messages: list[str]) -> None:
        self.port = port
        self.messages = messages

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that make the notifier send to it at once."""
        url = f"json://{LOCALHOST}:{self.port}/"
        return {"FLEET__NOTIFY__CHANNELS__STACK__URL": url, "FLEET__NOTIFY__GROUP_WITHIN": "1.0"}


@contextmanager
def channel() -> Iterator[Channel]:
    """Listen on a free port for the duration of the context."""
    messages: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer((LOCALHOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Channel(server.server_port, messages)
        finally:
            server.shutdown()
