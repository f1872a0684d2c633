"""A provider of OpenID Connect in this process, where whoever comes is logged in at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import wait_until

CLIENT, SECRET = "fleet-page", "a secret of client and provider"


@dataclass
class Provider:
    """A running provider.

    Attributes:
        address: of it.
        claims: what it says of whoever logs in next.
    """

    address: str
    claims: dict[str, Any] = field(default_factory=dict)

    def secrets(self, page: str) -> str:
        """Streamlit's secrets for a page at this address, as TOML."""
        return (
            f'[auth]\nredirect_uri = "{page}/oauth2callback"\n'
            f'cookie_secret = "{"only of this test " * 3}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.address}/.well-known/openid-configuration"\n'
        )


@contextmanager
def running_provider() -> Iterator[Provider]:
    """The provider, until the context ends."""
    port = free_port()
    provider = Provider(f"http://{LOCALHOST}:{port}")
    server = uvicorn.Server(
        uvicorn.Config(_app(provider), host=LOCALHOST, port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the provider")
        yield provider
    finally:
        server.should_exit = True
        thread.join()


def _app(provider: Provider) -> Starlette:
    key = RSAKey.generate_key(2048, parameters={"kid": "1"})
    nonces: dict[str, str] = {}

    async def metadata(_: Request) -> Response:
        at = provider.address
        return JSONResponse(
            {
                "issuer": at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def authorize(request: Request) -> Response:
        asked = request.query_params
        code = f"code-{len(nonces)}"
        nonces[code] = asked.get("nonce", "")
        answer = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 302)

    async def token(request: Request) -> Response:
        form = await request.form()
        now = int(time.time())
        claims = {
            "iss": provider.address,
            "aud": CLIENT,
            "sub": "42",
            "iat": now,
            "exp": now + 300,
            "nonce": nonces.pop(str(form["code"])),
            **provider.claims,
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": id_token})

    async def keys(_: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False)]})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", metadata),
            Route("/authorize", authorize),
            Route("/token", token, methods=["POST"]),
            Route("/keys", keys),
        ]
    )
