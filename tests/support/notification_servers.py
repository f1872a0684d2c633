"""Servers that notifications are sent to: a webhook and a mail server, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from scripts.brokers.ports import LOCALHOST, free_port

USER, PASSWORD = "ada", "s3cr3t-pa55word"
"""What the servers accept."""


@dataclass
class Webhook:
    """A web server that keeps what is posted to it.

    Attributes:
        port: that it listens on.
        status: that it answers with.
        requests: path, ``Authorization`` and body of each request, also of those that it refused.
        accepted: bodies of the requests that it accepted.
        blocked: while this is set, requests are not answered.
    """

    port: int = 0
    status: int = 200
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    blocked: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "", query: str = "") -> str:
        """The URL of Apprise for it, with user and password."""
        return f"json://{USER}:{PASSWORD}@{LOCALHOST}:{self.port}/{path}{query and f'?{query}'}"

    @property
    def titles(self) -> list[str]:
        """Titles of the accepted messages, in order."""
        return [body["title"] for body in self.accepted]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A running webhook."""
    state = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append((self.path, self.headers.get("Authorization", ""), body))
            if state.blocked:
                state.released.wait()
            if state.status == 200:
                state.accepted.append(body)
            self.send_response(state.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed while it waited."""

    with Server((LOCALHOST, 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield state
        state.released.set()
        server.shutdown()
        thread.join()


@dataclass
class MailServer:
    """A mail server that keeps what it gets.

    Attributes:
        port: that it listens on.
        mails: what it accepted.
        logins: user names and passwords.
    """

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL of Apprise for it, with user and password."""
        return (
            f"mailto://{USER}:{PASSWORD}@{LOCALHOST}:{self.port}"
            "?from=fleet@example.com&to=dispatch@example.com&mode=insecure"
        )

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, EmailMessage, policy=policy.default))
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD))


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running mail server that can be logged in to."""
    state = MailServer(free_port())
    controller = Controller(
        state,
        LOCALHOST,
        state.port,
        authenticator=state.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    yield state
    controller.stop()
