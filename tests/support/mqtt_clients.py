"""Plain MQTT clients that play the vehicles and the consumers in tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.broker_settings import MqttSettings
from scripts.waiting import DEADLINE, wait_until


def publish(
    settings: MqttSettings, messages: Iterable[tuple[str, bytes]], qos: int = 1, *, retain: bool = False
) -> None:
    """Publish (topic, payload) pairs, and return when the broker has all of them."""
    client = _client(settings)
    client.max_inflight_messages_set(0)
    client.connect(settings.host, settings.port)
    client.loop_start()
    try:
        for information in [client.publish(topic, payload, qos, retain) for topic, payload in messages]:
            information.wait_for_publish(DEADLINE)
    finally:
        client.disconnect()
        client.loop_stop()


def create_session(settings: MqttSettings, client_id: str, topic_filter: str) -> None:
    """Subscribe in a persistent session and disconnect: from now on the broker keeps what is published."""
    client = _client(settings, client_id)
    subscribed = threading.Event()
    client.on_connect = lambda client, *_: client.subscribe(topic_filter, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    if settings.protocol == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry
        client.connect(settings.host, settings.port, clean_start=False, properties=properties)
    else:
        client.connect(settings.host, settings.port)
    client.loop_start()
    assert subscribed.wait(DEADLINE), f"no answer to the subscription to {topic_filter}"
    client.disconnect()
    client.loop_stop()


class Inbox:
    """A subscriber that keeps what it receives; ``messages`` are (topic, payload) in order of arrival."""

    def __init__(self, settings: MqttSettings, topic_filter: str) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._settings = settings
        self._filter = topic_filter
        self._subscribed = threading.Event()
        self._client = _client(settings)
        self._client.on_connect = lambda client, *_: client.subscribe(topic_filter, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def wait_for(self, count: int) -> list[bytes]:
        """The payloads, as soon as there are ``count`` of them."""
        wait_until(lambda: len(self.messages) >= count, f"{count} messages on {self._filter}")
        return [payload for _, payload in self.messages]

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload)))

    def __enter__(self) -> Self:
        self._client.connect(self._settings.host, self._settings.port)
        self._client.loop_start()
        assert self._subscribed.wait(DEADLINE), f"no answer to the subscription to {self._filter}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _client(settings: MqttSettings, persistent_id: str = "") -> paho.Client:
    version_5 = settings.protocol == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=persistent_id,
        clean_session=None if version_5 else persistent_id == "",
        protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
    )
    if settings.username is not None and settings.password is not None:
        client.username_pw_set(settings.username, settings.password.get_secret_value())
    return client
