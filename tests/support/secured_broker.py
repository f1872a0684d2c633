"""mosquitto with ``config/mosquitto-secure.conf``, and clients that connect to it over TLS."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.broker_settings import MqttSettings
from scripts.brokers.secured_mosquitto import SecuredMosquitto
from scripts.waiting import DEADLINE
from tests.support.mqtt_clients import Inbox
from tests.support.needs import need


@contextmanager
def secured_mosquitto(directory: Path, vehicles: Iterable[str]) -> Iterator[SecuredMosquitto]:
    """A running `SecuredMosquitto`; without mosquitto or openssl the test is skipped."""
    need("mosquitto")
    need("openssl")
    running = SecuredMosquitto(directory, vehicles)
    running.start()
    yield running
    running.stop()


class EncryptedInbox(Inbox):
    """A subscriber over TLS."""

    def __init__(self, settings: MqttSettings, topic_filter: str) -> None:
        super().__init__(settings, topic_filter)
        self._client.tls_set(str(settings.tls.ca_file))
        self._answered = threading.Event()
        self._client.on_unsubscribe = lambda *_: self._answered.set()

    def catch_up(self) -> None:
        """Return when ``messages`` holds everything that the broker has sent so far."""
        self._answered.clear()
        self._client.unsubscribe("nothing")  # the answer arrives after the messages that were sent before it
        assert self._answered.wait(DEADLINE), "no answer to UNSUBSCRIBE"


def answers_to(
    settings: MqttSettings, messages: Iterable[tuple[str, bytes]], *, qos: int = 1, retain: bool = False
) -> list[str]:
    """The reason in the broker's answer to each (topic, payload) pair: ``Success``, ``Not authorized``…"""
    client = encrypted_client(settings)
    reasons: dict[int, str] = {}
    client.on_publish = lambda client, _, number, reason, __: reasons.update({number: str(reason)})
    client.connect(settings.host, settings.port)
    client.loop_start()
    try:
        sent = [client.publish(topic, payload, qos, retain) for topic, payload in messages]
        for information in sent:
            information.wait_for_publish(DEADLINE)
    finally:
        client.disconnect()
        client.loop_stop()
    return [reasons.get(information.mid, "no answer") for information in sent]


def answer_to_connecting(client: paho.Client, settings: MqttSettings, **arguments: Any) -> str:
    """The reason in the broker's answer to CONNECT; the client then disconnects."""
    answered = threading.Event()
    answers: list[str] = []

    def on_connect(client: paho.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        answers.append(str(reason))
        answered.set()

    client.on_connect = on_connect
    client.connect(settings.host, settings.port, **arguments)
    client.loop_start()
    assert answered.wait(DEADLINE), "no answer to CONNECT"
    client.disconnect()
    client.loop_stop()
    return answers[0]


def encrypted_client(settings: MqttSettings, client_id: str = "") -> paho.Client:
    """A plain client with user and password that connects over TLS."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
    )
    client.tls_set(str(settings.tls.ca_file))
    if settings.username is not None and settings.password is not None:
        client.username_pw_set(settings.username, settings.password.get_secret_value())
    return client


def lasting(seconds: int) -> Properties:
    """Properties of CONNECT that make the broker keep the session for ``seconds``."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = seconds
    return properties
