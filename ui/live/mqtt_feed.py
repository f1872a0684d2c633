"""The page's subscriber over MQTT."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.mqtt_options import ReportingClient, is_permanent, new_client
from config.settings import Settings
from ui.live.feed import Feed

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0
"""Seconds to wait after an unexpected error."""


class MqttFeed(Feed):
    """Subscribes with QoS 0: for a page the latest event is what counts, and alerts are retained.

    Raises:
        SettingsError: a file of ``[mqtt.tls]`` cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        mqtt, topics = settings.mqtt, settings.topics
        self._enriched_topic = topics.enriched
        self._dead_letter_topic = topics.dead_letter
        self._alerts_topic = settings.alerts_topic
        self._alerts_filter = f"{settings.alerts_topic}/#"
        self._subscriptions = [(f"{topics.enriched}/+", 0), (topics.dead_letter, 0), (self._alerts_filter, 0)]
        if self._answers_topic is not None:
            # An answer comes once, and somebody waits for it.
            self._subscriptions.append((self._answers_topic, 1))
        if self._ground_truth_topic is not None:
            self._subscriptions.append((self._ground_truth_topic, 1))
        self._stopping = threading.Event()
        # A broker disconnects the older one of two clients with the same id.
        client_id = f"{mqtt.client_id}-page-{os.getpid()}-{secrets.token_hex(4)}"
        self._client = new_client(ReportingClient, mqtt, client_id, persistent=False)
        self._client.on_attempt_failed = self._on_attempt_failed
        self._client.on_crash = self._on_crash
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self) -> None:
        self._client.loop_start()

    def stop(self) -> None:
        self._stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    # What follows runs in paho's thread.

    def _on_attempt_failed(self, error: OSError) -> None:
        self._enter("unreachable", error.strerror or str(error) or "no answer")

    def _on_crash(self, error: Exception) -> bool:
        log.error("the subscriber of the page failed", exc_info=error)
        self._enter("unreachable", str(error) or type(error).__name__)
        return not self._stopping.wait(RETRY_AFTER)

    def _on_connect(
        self, client: Client, _: Any, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._enter("refused" if is_permanent(code) else "unreachable", str(code))
            return
        self._enter("connected", "")
        self.alerts.expect_all()
        client.subscribe(self._subscriptions)

    def _on_disconnect(
        self,
        _client: Client,
        _: Any,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.alerts.expect_nothing()
        # After a refusal the socket closes as well; the refusal is the reason to show.
        if self._connection.phase == "connected":
            self._enter("lost", str(code))

    def _on_subscribe(
        self, _client: Client, _: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for (topic, _), code in zip(self._subscriptions, codes, strict=False):
            trouble = f"{code} on subscribing to {topic}" if code.is_failure else ""
            if topic == self._alerts_filter:
                self._note_alerts(trouble)
            elif topic == self._answers_topic:
                self._note_answers(trouble)
            elif topic == self._ground_truth_topic:
                self._note_faults(trouble)
            elif trouble:
                self._enter("refused", trouble)

    def _on_message(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        if message.topic == self._dead_letter_topic:
            self.state.record_dead_letter(bytes(message.payload))
        elif f"{message.topic}/".startswith(f"{self._alerts_topic}/"):
            self.alerts.record(message.topic, bytes(message.payload))
        elif message.topic == self._answers_topic:
            self.answers.record(bytes(message.payload))
        elif message.topic == self._ground_truth_topic:
            self.faults.record(bytes(message.payload))
        elif message.topic.startswith(f"{self._enriched_topic}/"):
            # Some brokers, such as amqtt, also send retained messages that nobody here has subscribed to.
            self.state.record(bytes(message.payload), retained=message.retain)
