"""A running `python -m sim` that a test commands over MQTT."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from config.broker_settings import MqttSettings
from dataflows.events import CommandAnswer
from scripts.waiting import wait_until
from tests.support.mqtt_clients import Inbox, publish
from tests.support.paths import REPOSITORY


@contextmanager
def live_fleet(environment: Mapping[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """A live fleet without random faults, killed when the context ends."""
    command = [sys.executable, "-m", "sim", "--faults-per-hour", "0", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


class Sender:
    """Sends commands over MQTT, and sees what becomes of them.

    Attributes:
        settings: of the broker.
        topic: of all vehicles.
        inbox: telemetry, commands and answers.
    """

    def __init__(self, settings: MqttSettings, topic: str, inbox: Inbox) -> None:
        self.settings = settings
        self.topic = f"{topic}/command"
        self.inbox = inbox
        self._telemetry = f"{topic}/telemetry/"

    @property
    def answers(self) -> list[CommandAnswer]:
        payloads = [p for t, p in list(self.inbox.messages) if t == f"{self.topic}/ack"]
        return [msgspec.json.decode(payload, type=CommandAnswer) for payload in payloads]

    def events(self, vehicle: str) -> list[dict[str, Any]]:
        return [json.loads(p) for t, p in list(self.inbox.messages) if t == self._telemetry + vehicle]

    def send(self, vehicle: str | None, payload: bytes, *, retain: bool = False) -> None:
        topic = self.topic if vehicle is None else f"{self.topic}/{vehicle}"
        publish(self.settings, [(topic, payload)], retain=retain)

    def wait_for(self, **wanted: str) -> CommandAnswer:
        """The first answer with these fields."""

        def found() -> list[CommandAnswer]:
            return [a for a in self.answers if all(getattr(a, n) == v for n, v in wanted.items())]

        wait_until(found, f"the answer {wanted}")
        return found()[0]
