"""A scoring service that is called over HTTP for every event: FastAPI with an autoencoder.

The autoencoder (8–4–8, tanh) is trained in advance, by scikit-learn, and does not learn while it scores; it
is computed by numpy alone. uvicorn runs with uvloop and httptools; an asynchronous client, on uvloop too, has
up to 64 requests in flight on persistent connections. Service and client share one core, like everything that
is measured.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import Any

import aiohttp
import numpy as np
import orjson
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from sklearn.neural_network import MLPRegressor

from benchmarks.throughput.peers.clock import Clock, Task
from benchmarks.throughput.peers.scorers import names_of_signals

TRAINING_ROWS = 2_000
REQUESTS = 64


def service(payloads: list[bytes]) -> FastAPI:
    """The service, with its autoencoder trained on the first events."""
    events = [orjson.loads(payload) for payload in payloads[:TRAINING_ROWS]]
    names = names_of_signals(events[0])
    rows = np.array([[event[name] for name in names] for event in events])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    model = MLPRegressor(
        hidden_layer_sizes=(len(names) // 2,), activation="tanh", max_iter=20, tol=0.01, random_state=0
    )
    standard = (rows - mean) / deviation
    model.fit(standard, standard)
    (encode, decode), (encode_bias, decode_bias) = model.coefs_, model.intercepts_
    app = FastAPI()

    async def score(request: Request) -> Response:
        event: dict[str, Any] = orjson.loads(await request.body())
        row = (np.array([event[name] for name in names]) - mean) / deviation
        error = row - (np.tanh(row @ encode + encode_bias) @ decode + decode_bias)
        return Response(orjson.dumps({"score": float(error @ error)}), media_type="application/json")

    app.post("/score")(score)
    return app


async def call(port: int, payloads: list[bytes], clock: Clock) -> None:
    """Send every event, and add its score to it."""
    waiting = iter(payloads)
    url = f"http://127.0.0.1:{port}/score"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=REQUESTS)) as session:

        async def caller() -> None:
            for payload in waiting:
                async with session.post(url, data=payload) as response:
                    score = orjson.loads(await response.read())
                orjson.dumps(orjson.loads(payload) | score)
                clock.tick()

        await asyncio.gather(*(caller() for _ in range(REQUESTS)))


def main() -> None:
    """Run the service in a separate process, and call it."""
    task = Task.from_command_line()
    payloads = task.payloads()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(REQUESTS)
        port = listener.getsockname()[1]
        server = os.fork()
        if server == 0:
            config = uvicorn.Config(
                service(payloads), log_level="error", access_log=False, loop="uvloop", http="httptools"
            )
            uvicorn.Server(config).run([listener])
            sys.exit()
    # Only the service listens now: if it fails, calls fail too, instead of waiting forever.
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(call(port, payloads, Clock(task)))
    finally:
        os.kill(server, signal.SIGTERM)
        os.waitpid(server, 0)


if __name__ == "__main__":
    main()
