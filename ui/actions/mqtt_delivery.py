"""Publishes what people do over MQTT, and says of each message whether the broker has it."""

from __future__ import annotations

import os
import queue
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.broker_settings import MqttSettings
from config.mqtt_options import ReportingClient, new_client

DEADLINE = 5.0
"""Seconds within which the broker has to confirm: somebody is looking at the button."""

UNREAD = "No matching subscribers"
"""MQTT 5's reason code 16: the broker has accepted the message and passed it to nobody."""


def deliver(mqtt: MqttSettings, role: str, messages: Sequence[tuple[str, bytes]], reader: str) -> list[str]:
    """Publish with QoS 1, over a connection that lasts as long as the attempt.

    A client that stays would deliver a message after the page has said that it was not delivered.

    Args:
        mqtt: the broker.
        role: appended to the client id.
        messages: topics and payloads.
        reader: who should have subscribed to the topics, if nobody has.

    Returns:
        for each message why the broker has not confirmed it within `DEADLINE`; empty if it has.
    """
    client_id = f"{mqtt.client_id}-page-{role}-{os.getpid()}-{secrets.token_hex(4)}"
    return _Attempt(new_client(ReportingClient, mqtt, client_id, persistent=False), reader).run(messages)


class _Attempt:
    """One connection, from connecting to the last confirmation."""

    def __init__(self, client: ReportingClient, reader: str) -> None:
        self._client = client
        self._reader = reader
        self._answers: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._connected = threading.Event()
        self._trouble = ""
        self._client.on_attempt_failed = self._on_attempt_failed
        self._client.on_crash = self._on_crash
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish

    def run(self, messages: Sequence[tuple[str, bytes]]) -> list[str]:
        """Publish the messages; returns why each was not confirmed, or an empty text."""
        end = time.monotonic() + DEADLINE
        self._client.loop_start()
        try:
            if not self._connected.wait(DEADLINE):
                self._trouble = f"no answer within {DEADLINE:g} s"
            if self._trouble:
                return [self._trouble] * len(messages)
            numbers = [self._client.publish(topic, payload, qos=1).mid for topic, payload in messages]
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
            reason = f"nobody has subscribed to the topic; {self._reader} may not be running"
        self._answers.put((number, reason))
