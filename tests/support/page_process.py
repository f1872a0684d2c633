"""The page in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.broker_settings import MqttSettings
from scripts.page_server import page_server

PATIENCE = 90.0
"""Seconds: WebGL drawn in software, beside a server on few cores, is slow."""


@contextmanager
def page(mqtt: MqttSettings, topic: str, app: str = "ui") -> Iterator[str]:
    """Run ``streamlit run ui``, or another app, in its own process; yields its address once it answers."""
    with page_server(mqtt, topic, app=app) as server:
        yield server.address
