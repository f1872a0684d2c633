"""A server that speaks S3, as a process on this machine: that of moto."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.brokers.ports import free_port
from scripts.waiting import wait_until

BUCKET = "fleet-history"


def environment_of(endpoint: str) -> dict[str, str]:
    """The environment variables that a program needs for it; docs/history.md names them."""
    return {
        "AWS_ACCESS_KEY_ID": "test-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """The running server with an empty bucket; yields its URL."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=output,
            stderr=output,
            env=os.environ | environment_of(endpoint),
        )
    try:

        def creates_bucket() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(
                    urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=5
                )
            except (urllib.error.URLError, ConnectionError):
                return False
            return True

        wait_until(creates_bucket, "the S3 server")
        yield endpoint
    finally:
        process.kill()
        process.wait()
