"""The page in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from config.broker_settings import MqttSettings
from config.settings import DEFAULT_FILE
from scripts.brokers.ports import free_port
from scripts.waiting import wait_until

PATIENCE = 90.0
"""Seconds: WebGL drawn in software, beside a server on few cores, is slow."""


@contextmanager
def page(mqtt: MqttSettings, topic: str) -> Iterator[str]:
    """Run ``streamlit run ui`` in its own process; yields its address once it answers."""
    port = free_port()
    environment = os.environ | {
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__TOPICS__ENRICHED": f"{topic}/enriched",
        "FLEET__TOPICS__DEAD_LETTER": f"{topic}/dead-letter",
        "FLEET__TOPICS__ALERTS": f"{topic}/alerts",
        "FLEET__TOPICS__ALERT_ACTIONS": f"{topic}/alert-actions",
    }
    command = [sys.executable, "-m", "streamlit", "run", "ui", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1"]
    process = subprocess.Popen(
        command, cwd=DEFAULT_FILE.parents[1], env=environment, stdout=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(f"{address}/_stcore/health"), "the page's server", PATIENCE)
        yield address
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
