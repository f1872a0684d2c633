"""Fixtures of the tests that run connectors and flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.broker_settings import MqttSettings
from dataflows.connectors.mqtt.source import MqttSource, MqttSourcePartition
from dataflows.stored_state import Stored
from tests.support.certificates import make_certificate
from tests.support.mqtt_source import Open
from tests.support.needs import need


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the broker's address that is its own authority; its key is beside it."""
    need("openssl")
    return make_certificate(tmp_path / "certificate.pem")


@pytest.fixture
def open_source(topic: str) -> Iterator[Open]:
    """Opens the source on ``topic`` and all below; what a test leaves open is closed."""
    opened: list[MqttSourcePartition] = []

    def open_it(settings: MqttSettings, state: Stored | None = None) -> MqttSourcePartition:
        opened.append(MqttSource(settings, [f"{topic}/#"]).build_part("input", "mqtt", state))
        return opened[-1]

    yield open_it
    for partition in opened:
        partition.close()
