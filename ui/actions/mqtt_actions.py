"""Publishes what people do about alerts over MQTT."""

from __future__ import annotations

import os
import queue
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.mqtt_options import ReportingClient, new_client
from config.settings import Settings
from dataflows.events import AlertAction
from ui.actions.action_desk import ActionPublisher

DEADLINE = 5.0
"""Seconds within which the broker has to confirm: somebody is looking at the button."""

UNREAD = "No matching subscribers"
"""MQTT 5's reason code 16: the broker has accepted the message and passed it to nobody."""


class MqttActions(ActionPublisher):
    """Publishes with QoS 1, over a connection that lasts as long as the attempt.

    A client that stays would deliver an action after the page has said that it was not delivered.
    """

    def __init__(self, settings: Settings) -> None:
        self._mqtt = settings.mqtt
        self._topic = settings.actions_topic

    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        payloads = [msgspec.json.encode(action) for _, action in actions]
        return _Attempt(self._client(), self._topic).run(payloads)

    def _client(self) -> ReportingClient:
        client_id = f"{self._mqtt.client_id}-page-action-{os.getpid()}-{secrets.token_hex(4)}"
        return new_client(ReportingClient, self._mqtt, client_id, persistent=False)


class _Attempt:
    """One connection, from connecting to the last confirmation."""

    def __init__(self, client: ReportingClient, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._answers: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._connected = threading.Event()
        self._trouble = ""
        self._client.on_attempt_failed = self._on_attempt_failed
        self._client.on_crash = self._on_crash
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish

    def run(self, payloads: Sequence[bytes]) -> list[str]:
        """Publish the payloads; returns why each was not confirmed, or an empty text."""
        end = time.monotonic() + DEADLINE
        self._client.loop_start()
        try:
            if not self._connected.wait(DEADLINE):
                self._trouble = f"no answer within {DEADLINE:g} s"
            if self._trouble:
                return [self._trouble] * len(payloads)
            numbers = [self._client.publish(self._topic, payload, qos=1).mid for payload in payloads]
            answers = self._collect(len(numbers), end)
        finally:
            self._client.disconnect()
            self._client.loop_stop()
        late = f"not confirmed within {DEADLINE:g} s, so it may or may not have arrived"
        return [answers.get(number, late) for number in numbers]

    def _collect(self, count: int, end: float) -> dict[int, str]:
        answers: dict[int, str] = {}
        while len(answers) < count and (patience := end - time.monotonic()) > 0:
            try:
                number, reason = self._answers.get(timeout=patience)
            except queue.Empty:
                break
            answers[number] = reason
        return answers

    # What follows runs in paho's thread.

    def _fail(self, reason: str) -> None:
        if not self._connected.is_set():
            self._trouble = reason
            self._connected.set()

    def _on_attempt_failed(self, error: OSError) -> None:
        self._fail(error.strerror or str(error) or "no answer")

    def _on_crash(self, error: Exception) -> bool:
        self._fail(str(error) or type(error).__name__)
        return False

    def _on_connect(
        self, _client: Client, _: Any, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._fail(str(code))
        else:
            self._connected.set()

    def _on_publish(
        self, _client: Client, _: Any, number: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        reason = str(code) if code.is_failure else ""
        if str(code) == UNREAD:
            reason = f"nobody has subscribed to {self._topic}; the dataflow may not be running"
        self._answers.put((number, reason))
