"""An MQTT connection that is made again whenever it is lost; `MqttSource` and `MqttSink` share it.

The network runs in paho's thread, and the dataflow's worker asks `MqttSession.check` how it goes. A
broker that is away is waited for, with exponential back-off. A broker that says no (credentials,
rights, a certificate that does not verify) is an error at once: waiting does not cure it.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from config.broker_settings import MqttSettings
from config.errors import BrokerError, DeliveryError
from dataflows.connectors.mqtt.buffered_socket import BufferedSocket
from dataflows.connectors.mqtt.client import new_client
from dataflows.connectors.mqtt.deliveries import Deliveries, Delivery, pubacks
from dataflows.connectors.mqtt.in_flight import PACKET_IDENTIFIERS, Publications

logger = logging.getLogger(__name__)

PACKET_OVERHEAD = 1024
"""Bytes of a PUBLISH beside its payload, at most: the topic, and a few numbers."""

_REFUSALS = frozenset(
    {
        "Bad authentication method",
        "Bad user name or password",
        "Banned",
        "Client identifier not valid",
        "Not authorized",
        "Server moved",
        "Session taken over",
        "Unsupported protocol version",
        "Use another server",
    }
)
"""Reasons in CONNACK and DISCONNECT (MQTT 5, 2.4) against which trying again is no help."""

_FLUSH_SECONDS = 2.0


def _ignore(*_: object) -> None:
    pass


class MqttSession:
    """One client and its connections, one after the other.

    Attributes:
        address: ``host:port``, for messages.
        changed: guards the attributes below and what the owner keeps beside them; notified when the
            connection comes, goes or fails.
        connected: whether the broker has accepted the current connection.
        connection: number of the current connection; a packet identifier is valid within one.
        receive_maximum: how many messages the broker takes before it has confirmed one.
        maximum_packet_size: bytes of the largest packet that the broker takes; ``None`` if it sets no limit.
        stopping: whether `stop` has been called.
        failed: whether `check` will raise.
        trouble: why there is, or last was, no connection.
    """

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        *,
        persistent: bool,
        filters: Sequence[str] = (),
        on_delivered: Callable[[list[Delivery]], None] = _ignore,
        on_confirmed: Callable[[int, ReasonCode | None], None] = _ignore,
    ) -> None:
        """Prepare the client; `start` connects it.

        Args:
            settings: the section ``[mqtt]``.
            client_id: names the session at the broker.
            persistent: whether the broker keeps the session while we are away.
            filters: topic filters, subscribed with QoS 1 on every connection.
            on_delivered: called in the network thread with messages, to be acknowledged later.
            on_confirmed: called in the network thread with the number of messages that were confirmed, and
                the reason if one of them was refused.

        Raises:
            SettingsError: a file of ``[mqtt.tls]`` cannot be used.
        """
        self.address = f"{settings.host}:{settings.port}"
        self.changed = threading.Condition()
        self.connected = False
        self.connection = 0
        self.receive_maximum = PACKET_IDENTIFIERS
        self.maximum_packet_size: int | None = None
        self.stopping = False
        self.trouble = "it does not answer"
        self._settings = settings
        self._client_id = client_id
        self._filters = tuple(filters)
        self._failure: BrokerError | None = None
        self._deadline = float("inf")
        self._session_present = False
        self._was_established = False
        self._trouble_logged = False
        self._publishing = threading.Lock()
        self._client = new_client(settings, client_id, persistent=persistent)
        self._client.before_connecting = self._on_connecting
        self._client.after_failing = self._on_attempt_failed
        self._client.after_dying = self._on_thread_died
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        version_5 = settings.protocol == "5"
        self._publications = Publications(version_5=version_5, on_confirmed=on_confirmed)
        if filters:
            self._client.new_reader = lambda: Deliveries(version_5=version_5, on_delivered=on_delivered)
        else:
            self._client.new_reader = self._publications.acknowledgements

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def start(self) -> None:
        """Begin to connect, in the background; `check` tells how it goes."""
        self._deadline = time.monotonic() + self._settings.connect_timeout
        self._client.loop_start()

    def check(self) -> None:
        """See whether the session is usable or may yet become so; never waits for that.

        Not to be called while holding `changed`.

        Raises:
            BrokerError: the broker refused us, or was not reached within ``connect_timeout`` of the
                start. A connection that is lost later is not an error: it is made again.
        """
        if self._failure is None:
            if self._was_established or time.monotonic() < self._deadline:
                return
            self._fail(
                f"cannot reach the MQTT broker at {self.address} within "
                f"{self._settings.connect_timeout:g} s: {self.trouble}; start it or set [mqtt] host and port"
            )
        self.stop()
        assert self._failure is not None
        raise self._failure

    def wait_until_connected(self) -> None:
        """Block until the broker has accepted the connection.

        Raises:
            BrokerError: as `check`.
        """
        while not self.connected:
            self.check()
            with self.changed:
                remaining = max(0.0, self._deadline - time.monotonic())
                self.changed.wait_for(lambda: self.connected or self.failed, remaining)

    def acknowledge(self, connection: int, packet_identifiers: Sequence[int]) -> None:
        """Send PUBACKs for messages of the given connection, unless that is gone.

        What is not acknowledged on the connection it came by, the broker delivers again on the next.
        """
        with self.changed:
            # A new connection cannot begin under the lock, so no PUBACK slips into one.
            if connection == self.connection:
                self._write(pubacks(packet_identifiers))

    def publish(self, connection: int, messages: Sequence[tuple[str, bytes]], *, retain: bool) -> bool:
        """Send (topic, payload) pairs with QoS 1 by the given connection, and by later ones if it is lost.

        Returns:
            Whether they are on their way; false, and nothing was sent, if that connection is gone.

        Raises:
            DeliveryError: a message is too large, or a packet identifier is still in use.
        """
        # A new connection cannot begin under the lock: what is unconfirmed is first repeated on it,
        # and what is published in the middle of that would overtake.
        with self._publishing:
            if connection != self.connection:
                return False
            self._check_sizes(messages)
            try:
                packets = self._publications.packets(messages, retain=retain)
            except ValueError as error:
                raise DeliveryError(f"cannot publish to {messages[0][0][:80]!r}: {error}") from None
            except OverflowError:
                raise DeliveryError(
                    f"the MQTT broker at {self.address} left a message unconfirmed while "
                    f"{PACKET_IDENTIFIERS} later ones were sent; restart the broker"
                ) from None
            self._write(packets)
        return True

    def _check_sizes(self, messages: Sequence[tuple[str, bytes]]) -> None:
        largest = self.maximum_packet_size
        if largest is None:
            return
        for topic, payload in messages:
            if len(payload) + PACKET_OVERHEAD > largest:
                raise DeliveryError(
                    f"cannot publish {len(payload)} bytes to {topic[:80]!r}: the MQTT broker at "
                    f"{self.address} takes packets of {largest} bytes; raise that limit of the broker"
                )

    def _write(self, packets: Iterable[bytes]) -> None:
        # Without a connection they wait for the next one.
        connection = self._client.socket()
        if isinstance(connection, BufferedSocket):
            connection.write(packets)
            if connection.unsent:
                self._client.wake()

    def stop(self) -> None:
        """Send what is on its way, disconnect, and end the network thread."""
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        self._client.disconnect()
        with self.changed:
            flushed = self.changed.wait_for(lambda: not self.connected, _FLUSH_SECONDS)
        connection = self._client.socket()
        if not flushed and connection is not None:
            connection.close()  # a broker that has stopped reading would hold up the thread, and us
        self._client.loop_stop()

    # What follows runs in the network thread.

    def _on_connecting(self) -> None:
        with self._publishing, self.changed:
            self.connected = False
            self.connection += 1

    def _on_attempt_failed(self, error: OSError) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            self._fail(
                f"the certificate of the MQTT broker at {self.address} does not verify: "
                f"{error.verify_message}; set [mqtt.tls] ca_file to the authority that signed it"
            )
        self._note_trouble(error.strerror or str(error) or type(error).__name__)

    def _on_thread_died(self, error: Exception) -> None:
        self._fail(
            f"the connection to the MQTT broker at {self.address} broke: {type(error).__name__}: {error}"
        )

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            if str(reason) in _REFUSALS:
                self._refused(reason)
            self._note_trouble(str(reason))
            return
        with self._publishing:
            self._write(self._publications.repeated())
        with self.changed:
            self.connected = True
            self.receive_maximum = getattr(properties, "ReceiveMaximum", PACKET_IDENTIFIERS)
            self.maximum_packet_size = getattr(properties, "MaximumPacketSize", None)
            self.changed.notify_all()
        self._session_present = flags.session_present
        if self._filters:
            self._subscribe()
        else:
            self._established()

    def _subscribe(self) -> None:
        # Also in a resumed session, which a broker may have restored from before the subscription.
        try:
            if self._settings.protocol == "5":
                # Retained messages only once, not again with every connection.
                options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
                self._client.subscribe([(topic, options) for topic in self._filters])
            else:
                self._client.subscribe([(topic, 1) for topic in self._filters])
        except ValueError:
            self._fail(f"expected MQTT topic filters such as 'fleet/telemetry/+', got {list(self._filters)}")

    def _on_subscribe(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for topic, reason in zip(self._filters, reasons, strict=True):
            if reason.is_failure or reason.value < 1:
                self._fail(
                    f"the MQTT broker at {self.address} refused {self._client_id!r} the subscription to "
                    f"{topic!r} with QoS 1: {reason}; check the rights of the user and the topic"
                )
                return
        self._established()

    def _established(self) -> None:
        self._was_established = True
        self._trouble_logged = False
        logger.info(
            "%s: connected to the MQTT broker at %s (%s session)%s",
            self._client_id,
            self.address,
            "resumed" if self._session_present else "new",
            f", subscribed to {', '.join(self._filters)}" if self._filters else "",
        )

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self.changed:
            was_connected = self.connected
            self.connected = False
            self.changed.notify_all()
        if flags.is_disconnect_packet_from_server and str(reason) in _REFUSALS:
            self._refused(reason)
        if was_connected and not self.stopping:
            named = flags.is_disconnect_packet_from_server or str(reason) != "Unspecified error"
            # Many brokers just close the connection of the older one of two clients with the same id.
            closed = f"the connection was closed (is another client with the id {self._client_id!r} running?)"
            self._note_trouble(str(reason) if named else closed)

    def _refused(self, reason: ReasonCode) -> None:
        self._fail(
            f"the MQTT broker at {self.address} refused the client {self._client_id!r}: {reason}; check "
            f"[mqtt] username, password, protocol and client_id (no two running programs may share one)"
        )

    def _fail(self, message: str) -> None:
        with self.changed:
            self._failure = self._failure or BrokerError(message)
            self.changed.notify_all()

    def _note_trouble(self, reason: str) -> None:
        self.trouble = reason
        if not self._trouble_logged:
            self._trouble_logged = True  # one line an outage, not one an attempt
            logger.warning(
                "%s: %s the MQTT broker at %s: %s; trying again every %g s, rising to %g s",
                self._client_id,
                "lost" if self._was_established else "waiting for",
                self.address,
                reason,
                self._settings.reconnect_min,
                self._settings.reconnect_max,
            )
