"""The page's server as a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from config.broker_settings import MqttSettings
from config.settings import DEFAULT_FILE
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import wait_until

TIME_TO_START = 90.0
"""Seconds within which it must answer."""


class PageServer(NamedTuple):
    """A running server.

    Attributes:
        address: of the start page, without a slash at its end.
        pid: of its process.
    """

    address: str
    pid: int


@contextmanager
def page_server(
    mqtt: MqttSettings,
    topic: str,
    log: IO[bytes] | None = None,
    *,
    port: int | None = None,
    variables: Mapping[str, str] | None = None,
    app: str = "ui",
) -> Iterator[PageServer]:
    """Run ``streamlit run ui`` for the duration of the context.

    Args:
        mqtt: the broker that it reads from.
        topic: what the names of all topics begin with, as in ``TOPIC/enriched``.
        log: where its log goes; by default to our standard error.
        port: that it listens on; by default a free one.
        variables: more of its environment.
        app: what is run; another script than that of the page.

    Raises:
        AssertionError: it ended, or did not answer in time.
    """
    port = port or free_port()
    environment = os.environ | {
        "STREAMLIT_SERVER_ADDRESS": LOCALHOST,
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__TOPICS__ENRICHED": f"{topic}/enriched",
        "FLEET__TOPICS__DEAD_LETTER": f"{topic}/dead-letter",
        "FLEET__TOPICS__ALERTS": f"{topic}/alerts",
        "FLEET__TOPICS__ALERT_ACTIONS": f"{topic}/alert-actions",
        "FLEET__TOPICS__COMMAND": f"{topic}/command",
        "FLEET__TOPICS__AUDIT": f"{topic}/audit",
        **(variables or {}),
    }
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=DEFAULT_FILE.parents[1],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    address = f"http://{LOCALHOST}:{port}"

    def is_up() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the page's server ended with status {process.returncode}")
        return _answers(f"{address}/_stcore/health")

    try:
        wait_until(is_up, "the page's server", TIME_TO_START)
        yield PageServer(address, process.pid)
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
