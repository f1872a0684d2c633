"""The page's subscriber over MQTT."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
)
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.broker_settings import MqttSettings, TlsSettings
from config.errors import SettingsError
from config.settings import Settings
from ui.feed import Feed

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0
"""Seconds to wait after an error that nobody expected."""


class MqttFeed(Feed):
    """Subscribes with QoS 0: for a page the latest event is what counts."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        mqtt, topics = settings.mqtt, settings.topics
        self._mqtt = mqtt
        self._dead_letter_topic = topics.dead_letter
        self._subscriptions = [(f"{topics.enriched}/+", 0), (topics.dead_letter, 0)]
        self._client = _client(mqtt)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.after_failing = self._after_failing
        self._client.stopping = threading.Event()

    def start(self) -> None:
        self._client.connect_async(self._mqtt.host, self._mqtt.port, keepalive=self._mqtt.keepalive)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: Client, _: Any, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._enter("refused", str(code))
            return
        self._enter("connected", "")
        client.subscribe(self._subscriptions)

    def _on_connect_fail(self, _client: Client, _: Any) -> None:
        # paho calls this while it handles the error, which it does not hand over.
        error = sys.exception()
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else ""
        self._enter("unreachable", reason or "no answer")

    def _after_failing(self, error: Exception) -> None:
        log.exception("the subscriber of the page failed", exc_info=error)
        self._enter("unreachable", str(error) or type(error).__name__)

    def _on_disconnect(
        self,
        _client: Client,
        _: Any,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # After a refusal the socket closes as well; the refusal is the reason to show.
        if self._connection.phase == "connected":
            self._enter("lost", str(code))

    def _on_subscribe(
        self, _client: Client, _: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for (topic, _), code in zip(self._subscriptions, codes, strict=False):
            if code.is_failure:
                self._enter("refused", f"{code} on subscribing to {topic}")

    def _on_message(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        if message.topic == self._dead_letter_topic:
            self.state.record_dead_letter(bytes(message.payload))
        else:
            self.state.record(bytes(message.payload), retained=message.retain)


class _LastingClient(Client):
    """paho's client, which connects again after an error that paho does not expect.

    Such as a host name that cannot be encoded: paho's thread would end without a word.

    Attributes:
        after_failing: called with such an error.
        stopping: set when there is nothing left to try.
    """

    after_failing: Callable[[Exception], None]
    stopping: threading.Event

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        failed = False
        while True:
            try:
                if failed:
                    self.reconnect()
                return super().loop_forever(timeout, retry_first_connection)
            except Exception as error:
                failed = True
                self.after_failing(error)
                if self.stopping.wait(RETRY_AFTER):
                    return MQTTErrorCode.MQTT_ERR_SUCCESS


def _client(mqtt: MqttSettings) -> _LastingClient:
    client = _LastingClient(
        CallbackAPIVersion.VERSION2,
        # Two subscribers of one id would throw each other out.
        client_id=f"{mqtt.client_id}-page-{os.getpid()}-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5 if mqtt.protocol == "5" else MQTTProtocolVersion.MQTTv311,
    )
    client.reconnect_delay_set(mqtt.reconnect_min, mqtt.reconnect_max)  # type: ignore[arg-type]
    if mqtt.username is not None or mqtt.password is not None:
        password = mqtt.password.get_secret_value() if mqtt.password is not None else None
        client.username_pw_set(mqtt.username, password)
    if mqtt.tls.enabled:
        _encrypt(client, mqtt.tls)
    return client


def _encrypt(client: Client, tls: TlsSettings) -> None:
    ca, certificate, key = (
        str(file) if file else None for file in (tls.ca_file, tls.certificate_file, tls.key_file)
    )
    try:
        client.tls_set(ca, certificate, key)
    except (OSError, ValueError) as error:
        named = ", ".join(file for file in (ca, certificate, key) if file) or "none"
        raise SettingsError(f"mqtt.tls: expected readable PEM files, got {named}: {error}") from None
