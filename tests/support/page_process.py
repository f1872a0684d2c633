"""The page in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.broker_settings import MqttSettings
from scripts.page_server import page_server

PATIENCE = 90.0
"""Seconds: WebGL drawn in software, beside a server on few cores, is slow."""


@contextmanager
def page(
    mqtt: MqttSettings,
    topic: str,
    log: Path | None = None,
    port: int | None = None,
    app: str = "ui",
    **variables: str,
) -> Iterator[str]:
    """Run ``streamlit run ui`` in its own process; yields its address once it answers.

    Args:
        mqtt: the broker.
        topic: all topics are below it.
        log: file for its log.
        port: that it listens on; by default a free one.
        app: what is run; another script than that of the page.
        variables: more of its environment.
    """
    with (
        Path(os.devnull if log is None else log).open("ab") as output,
        page_server(
            mqtt, topic, None if log is None else output, port=port, variables=variables, app=app
        ) as server,
    ):
        yield server.address
