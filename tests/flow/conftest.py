"""Fixtures of the tests that run connectors and flows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.broker_settings import MqttSettings
from dataflows.connectors.mqtt_source import MqttSource, MqttSourcePartition
from tests.mqtt_source import Open


@pytest.fixture
def open_source(topic: str) -> Iterator[Open]:
    """Opens the source on ``topic`` and all below; what a test leaves open is closed."""
    opened: list[MqttSourcePartition] = []

    def open_it(settings: MqttSettings) -> MqttSourcePartition:
        opened.append(MqttSource(settings, [f"{topic}/#"]).build_part("input", "mqtt", None))
        return opened[-1]

    yield open_it
    for partition in opened:
        partition.close()
