"""Publishing to an MQTT broker: confirmed, in order, with back-pressure, also over reconnections."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.broker_settings import MqttSettings
from config.errors import BrokerError, DeliveryError, SettingsError
from config.stop_request import StopRequest
from dataflows.events import InjectedFault
from dataflows.messages import MessageBatch

logger = logging.getLogger(__name__)

_IN_FLIGHT = 2000  # messages sent but not yet confirmed; more is not faster
_PATIENCE_WHEN_STOPPED = 5.0  # seconds for the last confirmations, if somebody wants us gone
_CLOSING = 2.0  # seconds until a connection that does not close is cut
_SOON = 3.0  # seconds: a connection that lasts no longer is suspicious
_TRANSIENT = {"Server unavailable", "Server busy", "Quota exceeded", "Connection rate exceeded"}
_TAKEN_OVER = "Session taken over"


class MqttPublisher:
    """Publishes with QoS 1, with a bounded number of unconfirmed messages; in order also over reconnections.

    A broker that goes away is waited for, and what it has not confirmed is sent again.

    Args:
        settings: the section ``[mqtt]``.
        role: appended to the client id.
        ground_truth: topic of `announce`.
        stop: ends every wait.

    Attributes:
        confirmed: messages that the broker has confirmed.

    Raises:
        BrokerError: on entering: the broker cannot be reached within ``connect_timeout``. Any time: it
            refuses the connection, or another client has taken its place.
        DeliveryError: the broker refuses a message, or on leaving has not confirmed all of them
            within ``delivery_timeout``.
        SettingsError: a file of ``[mqtt.tls]`` cannot be read.
    """

    def __init__(self, settings: MqttSettings, *, role: str, ground_truth: str, stop: StopRequest) -> None:
        self.confirmed = 0
        self._settings = settings
        self._address = f"{settings.host}:{settings.port}"
        self._ground_truth = ground_truth
        self._stop = stop
        self._changed = threading.Condition()
        self._connected = False
        self._was_connected = False
        self._connected_at = 0.0
        self._sent = 0
        self._window = _IN_FLIGHT
        self._resending = False
        self._trouble = "no answer"
        self._failure: BrokerError | DeliveryError | None = None
        self._client_id = f"{settings.client_id}-{role}"
        self._client = _client(settings, self._client_id)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    def publish(self, batch: MessageBatch) -> int:
        for done, (topic, payload) in enumerate(zip(batch.topics, batch.payloads, strict=True)):
            if not self._publish(topic, payload):
                return done
        return len(batch)

    def announce(self, fault: InjectedFault) -> None:
        self._publish(self._ground_truth, msgspec.json.encode(fault))

    def __enter__(self) -> Self:
        self._client.loop_start()
        timeout = self._settings.connect_timeout
        if not self._wait(lambda: self._connected, timeout) and not self._stop.requested:
            self._disconnect()
            raise BrokerError(
                f"cannot reach the MQTT broker at {self._address} within {timeout:g} s: {self._trouble}; "
                "start it or set [mqtt] host and port"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._was_connected:
                self._wait_for_confirmations()
        finally:
            self._disconnect()

    def _publish(self, topic: str, payload: bytes) -> bool:
        if not self._wait(self._may_publish) or self._stop.requested:
            return False
        with self._changed:
            self._sent += 1
        # Outside the lock: paho confirms with a lock held that publishing needs.
        try:
            code = self._client.publish(topic, payload, qos=1).rc
        except ValueError as error:
            raise DeliveryError(f"cannot publish {len(payload)} bytes to {topic[:80]!r}: {error}") from None
        if code == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise DeliveryError(f"the MQTT broker at {self._address} left a message unconfirmed for too long")
        return True

    def _may_publish(self) -> bool:
        # After a reconnection paho first repeats what is unconfirmed; new messages must not overtake it.
        return self._connected and not self._resending and self._sent - self.confirmed < self._window

    def _wait(self, condition: Callable[[], bool], timeout: float = float("inf")) -> bool:
        """Wait for a condition; false after the timeout or a request to stop."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not condition():
                if self._failure is not None:
                    break
                if self._stop.requested or time.monotonic() >= deadline:
                    return False
                self._changed.wait(0.1)  # a signal handler cannot notify
        if self._failure is not None:
            self._disconnect()
            raise self._failure
        return True

    def _wait_for_confirmations(self) -> None:
        timeout = self._settings.delivery_timeout
        if self._stop.requested:
            timeout = min(timeout, _PATIENCE_WHEN_STOPPED)
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._sent > self.confirmed and self._failure is None and time.monotonic() < deadline:
                self._changed.wait(0.1)
        if self._failure is not None:
            raise self._failure
        if self._sent > self.confirmed:
            raise DeliveryError(
                f"the MQTT broker at {self._address} has not confirmed {self._sent - self.confirmed:,} of "
                f"{self._sent:,} messages within {timeout:g} s"
            )

    def _disconnect(self) -> None:
        self._client.disconnect()
        deadline = time.monotonic() + _CLOSING
        with self._changed:
            while self._connected and time.monotonic() < deadline:
                self._changed.wait(0.1)
            connection = self._client.socket() if self._connected else None
        if connection is not None:
            connection.close()  # a broker that has stopped reading would hold up paho's thread, and us
        self._client.loop_stop()

    # What follows runs in paho's thread.

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self._changed:
            if reason.is_failure:
                self._trouble = str(reason)
                if self._trouble not in _TRANSIENT:
                    self._failure = BrokerError(
                        f"the MQTT broker at {self._address} refused the connection: {reason}; "
                        "check [mqtt] username, password, protocol and client_id"
                    )
            else:
                if self._was_connected:
                    logger.info("connected again to the MQTT broker at %s", self._address)
                self._window = min(_IN_FLIGHT, getattr(properties, "ReceiveMaximum", _IN_FLIGHT))
                self._resending = self._sent > self.confirmed
                self._connected = self._was_connected = True
                self._connected_at = time.monotonic()
            self._changed.notify_all()

    def _on_connect_fail(self, client: paho.Client, userdata: Any) -> None:
        # paho calls this while it handles the exception, and tells the reason no other way.
        error = sys.exc_info()[1]
        with self._changed:
            self._trouble = str(getattr(error, "strerror", None) or error or "no answer")

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self._changed:
            if self._connected and reason.is_failure:
                self._warn_of_loss(
                    str(reason) if flags.is_disconnect_packet_from_server else "connection closed"
                )
            if flags.is_disconnect_packet_from_server and str(reason) == _TAKEN_OVER:
                self._failure = BrokerError(
                    f"another program with the same client id has connected to {self._address}; "
                    "stop it, or set FLEET__MQTT__CLIENT_ID"
                )
            self._connected = False
            self._changed.notify_all()

    def _warn_of_loss(self, reason: str) -> None:
        # Not every broker says why it drops the older of two clients with the same id.
        soon = time.monotonic() - self._connected_at < _SOON
        hint = f"; does another program use the client id {self._client_id!r}?" if soon else ""
        logger.warning("lost the MQTT broker at %s (%s); reconnecting%s", self._address, reason, hint)

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Properties | None
    ) -> None:
        with self._changed:
            if reason.is_failure:
                self._failure = self._failure or DeliveryError(
                    f"the MQTT broker at {self._address} refused a message: {reason}; "
                    "check the rights of [mqtt] username and [topics]"
                )
            self.confirmed += 1
            if self._sent == self.confirmed:
                self._resending = False
            self._changed.notify_all()


def _client(settings: MqttSettings, client_id: str) -> paho.Client:
    version_5 = settings.protocol == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if version_5 else True,
        protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
    )
    client.max_inflight_messages_set(
        0
    )  # bounded here; paho would queue, and search its queue at every PUBACK
    # Annotated as whole seconds, but only doubled and compared.
    client.reconnect_delay_set(settings.reconnect_min, settings.reconnect_max)  # type: ignore[arg-type]
    if settings.username is not None or settings.password is not None:
        password = None if settings.password is None else settings.password.get_secret_value()
        client.username_pw_set(settings.username, password)
    if settings.tls.enabled:
        tls = settings.tls
        ca, certificate, key = (
            None if file is None else str(file) for file in (tls.ca_file, tls.certificate_file, tls.key_file)
        )
        try:
            client.tls_set(ca, certificate, key)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"mqtt.tls: expected readable PEM files, got {ca=}, {certificate=}, {key=}: {error}"
            ) from None
    client.connect_async(settings.host, settings.port, settings.keepalive)
    return client
