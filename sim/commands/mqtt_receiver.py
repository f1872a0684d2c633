"""Commands over MQTT."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.broker_settings import MqttSettings
from config.errors import BrokerError
from config.mqtt_options import ReportingClient, is_permanent, new_client
from config.stop_request import StopRequest
from sim.commands.receivers import MOST_WAITING, Delivery

logger = logging.getLogger(__name__)

_SLICE = 0.1  # seconds until a request to stop is noticed


class MqttCommandReceiver:
    """Subscribes to the topic of commands and to that of each vehicle, with QoS 1.

    The session ends with the connection, so that no command is obeyed long after it was sent: what is sent
    while there is no connection is not received, and not answered. A retained command, which the broker
    would deliver again at every start, is not obeyed; one line in the log says so.

    Args:
        settings: the section ``[mqtt]``.
        topic: of commands to all vehicles; that of one has its id appended.
        answers_topic: lies between those of the vehicles, and is no command.
        stop: ends the wait for the broker.

    Raises:
        SettingsError: a file of ``[mqtt.tls]`` cannot be used.
        BrokerError: on entering: there was no subscription within ``connect_timeout``. At any time: the
            broker refuses us.
    """

    def __init__(self, settings: MqttSettings, *, topic: str, answers_topic: str, stop: StopRequest) -> None:
        self._address = f"{settings.host}:{settings.port}"
        self._timeout = settings.connect_timeout
        self._topic = topic
        self._answers_topic = answers_topic
        self._stop = stop
        self._waiting: deque[Delivery] = deque()
        self._dropped = 0
        self._refusal: BrokerError | None = None
        self._trouble = "it does not answer"
        self._subscribed = threading.Event()
        self._client = new_client(
            ReportingClient, settings, f"{settings.client_id}-sim-commands", persistent=False
        )
        self._client.on_attempt_failed = self._on_attempt_failed
        self._client.on_crash = self._on_crash
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def take(self) -> list[Delivery]:
        """What has come since the last call."""
        if self._refusal is not None:
            raise self._refusal
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        if self._dropped:
            logger.error("%d commands were dropped: more than %d were waiting", self._dropped, MOST_WAITING)
            self._dropped = 0
        return taken

    def __enter__(self) -> Self:
        self._client.loop_start()
        deadline = time.monotonic() + self._timeout
        try:
            while not self._subscribed.wait(_SLICE) and not self._stop.requested:
                if self._refusal is not None:
                    raise self._refusal
                if time.monotonic() > deadline:
                    raise BrokerError(
                        f"cannot subscribe to {self._topic} at the MQTT broker at {self._address} within "
                        f"{self._timeout:g} s: {self._trouble}; check the broker, or use --no-commands"
                    )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    # What follows runs in paho's thread.

    def _on_attempt_failed(self, error: OSError) -> None:
        self._trouble = error.strerror or str(error) or type(error).__name__

    def _on_crash(self, error: Exception) -> bool:
        self._refuse(f"the connection failed: {type(error).__name__}: {error}")
        return False

    def _on_connect(
        self, client: Client, _: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.subscribe([(self._topic, 1), (f"{self._topic}/+", 1)])
        elif is_permanent(reason):
            self._refuse(str(reason))
        else:
            self._trouble = str(reason)

    def _on_disconnect(
        self,
        _client: Client,
        _: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # A lost connection is reported by the publisher, which has one to the same broker.
        if flags.is_disconnect_packet_from_server and is_permanent(reason):
            self._refuse(str(reason))

    def _on_subscribe(
        self, _client: Client, _: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._refuse(f"{reason} on subscribing to {self._topic} and {self._topic}/+")
                return
        self._subscribed.set()

    def _on_message(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        topic = message.topic
        if topic == self._answers_topic:
            return
        if message.retain:
            logger.warning(
                "a retained command on %s was not obeyed; remove it: mosquitto_pub -r -n -t %s", topic, topic
            )
        elif len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
        else:
            vehicle_id = None if topic == self._topic else topic.removeprefix(f"{self._topic}/")
            self._waiting.append(Delivery(vehicle_id, bytes(message.payload)))

    def _refuse(self, reason: str) -> None:
        self._refusal = BrokerError(
            f"the MQTT broker at {self._address} does not let the simulator receive commands: {reason}; "
            "check user, password and permissions (config/mosquitto.acl), or use --no-commands"
        )
