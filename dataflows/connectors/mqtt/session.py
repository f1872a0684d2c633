"""An MQTT connection that is restored whenever it is lost; sources and publishers share it.

The network runs in paho's thread, and the owner calls `MqttSession.check` to learn of errors. A broker that
is away is waited for, with exponential back-off. A broker that refuses us (credentials, permissions, a
certificate that does not verify) is an error at once: waiting does not cure it.

Nothing here knows Bytewax.
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
from config.errors import BrokerError
from config.mqtt_options import is_permanent, new_client
from dataflows.connectors.mqtt.buffered_socket import BufferedSocket
from dataflows.connectors.mqtt.in_flight import PACKET_IDENTIFIERS
from dataflows.connectors.mqtt.packets import PacketReader
from dataflows.connectors.mqtt.paho_internals import PacketClient, check_paho
from dataflows.health import HEALTH

logger = logging.getLogger(__name__)

SLICE = 0.1
"""Seconds: how soon a thread that waits notices a signal, whose handler cannot notify it."""

_DISCONNECT_SECONDS = 2.0
"""Time for the broker to take a DISCONNECT before the connection is cut."""


def _nothing() -> Iterable[bytes]:
    return ()


def _never() -> bool:
    return False


class MqttSession:
    """One client and its successive connections.

    Attributes:
        address: ``host:port``, for messages.
        condition: guards the attributes below and what the owner keeps beside them; notified when the
            connection is accepted, lost or failed.
        connected: whether the broker has accepted the current connection.
        connection_generation: number of the current connection; a packet identifier is valid within one.
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
        new_reader: Callable[[], PacketReader],
        filters: Sequence[str] = (),
        on_message: Callable[[paho.MQTTMessage], None] | None = None,
        to_repeat: Callable[[], Iterable[bytes]] = _nothing,
        announced: bool = True,
    ) -> None:
        """Prepare the client; `start` connects it.

        Args:
            settings: the section ``[mqtt]``.
            client_id: names the session at the broker.
            persistent: whether the broker keeps the session while we are away.
            new_reader: creates what takes packets out of a new connection; it runs in the network thread.
            filters: topic filters, subscribed with QoS 1 on every connection.
            on_message: called in the network thread with messages that the reader leaves to paho.
            to_repeat: packets that a new connection starts with; called in the network thread.
            announced: whether the first connection is logged; later ones always are.

        Raises:
            SettingsError: a file of ``[mqtt.tls]`` cannot be used, or the installed paho does not fit.
        """
        check_paho()
        self.address = f"{settings.host}:{settings.port}"
        self.condition = threading.Condition()
        self.connected = False
        self.connection_generation = 0
        self.receive_maximum = PACKET_IDENTIFIERS
        self.maximum_packet_size: int | None = None
        self.stopping = False
        self.trouble = "it does not answer"
        self._settings = settings
        self._client_id = client_id
        self._filters = tuple(filters)
        self._to_repeat = to_repeat
        self._announced = announced
        self._failure: BrokerError | None = None
        self._deadline = float("inf")
        self._session_present = False
        self._was_established = False
        self._trouble_logged = False
        self._writing = threading.Lock()  # no new connection starts while it is held
        self._client = new_client(PacketClient, settings, client_id, persistent=persistent)
        self._client.new_reader = new_reader
        self._client.write_timeout = settings.delivery_timeout
        self._client.on_attempt_failed = self._on_attempt_failed
        self._client.on_crash = self._on_crash
        self._client.on_pre_connect = self._on_pre_connect
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        if on_message is not None:
            self._client.on_message = lambda client, userdata, message: on_message(message)

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def start(self) -> None:
        """Start to connect, in the background; `check` reports errors."""
        self._deadline = time.monotonic() + self._settings.connect_timeout
        HEALTH.watch(self._client_id, lambda: "" if self.connected else self.trouble)
        self._client.loop_start()

    def check(self) -> None:
        """Return at once if the session is usable, or may still become so.

        Not to be called while holding `condition`.

        Raises:
            BrokerError: the broker refused us, or was not reached within ``connect_timeout`` of the start.
                Losing the connection later is not an error: it is restored.
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

    def wait_until_connected(self, stopped: Callable[[], bool] = _never) -> bool:
        """Block until the broker has accepted the connection and, the first time, the subscriptions.

        What is published afterwards can be answered without the answer being missed.

        Args:
            stopped: ends the wait when it returns true.

        Returns:
            whether there is a connection; false only after `stopped`.

        Raises:
            BrokerError: as `check`.
        """
        while not self._is_usable():
            self.check()
            if stopped():
                return False
            with self.condition:
                self.condition.wait_for(lambda: self._is_usable() or self.failed, SLICE)
        return True

    def _is_usable(self) -> bool:
        return self.connected and self._was_established

    def write(self, connection_generation: int, packets: Callable[[], Iterable[bytes]]) -> bool:
        """Send packets on a connection, unless that is gone.

        Returns when they are sent or the connection is lost, which may be only after ``delivery_timeout`` if
        the broker accepts no bytes. What is lost with the connection, the owner or the broker repeats.

        Args:
            connection_generation: of the connection that they are for.
            packets: called if that is the current one, before another one can start.

        Returns:
            whether it is the current one.
        """
        with self._writing:
            if connection_generation != self.connection_generation:
                return False
            self._send(packets())
        return True

    def stop(self) -> None:
        """Disconnect, and end the network thread."""
        HEALTH.forget(self._client_id)
        with self.condition:
            self.stopping = True
            self.condition.notify_all()
        self._client.disconnect()
        with self.condition:
            disconnected = self.condition.wait_for(lambda: not self.connected, _DISCONNECT_SECONDS)
        connection = self._client.socket()
        if not disconnected and connection is not None:
            connection.close()  # a broker that has stopped reading would block the network thread, and us
        self._client.loop_stop()

    def _send(self, packets: Iterable[bytes]) -> None:
        connection = self._client.socket()
        if isinstance(connection, BufferedSocket):
            connection.write(packets)

    # What follows runs in the network thread.

    def _on_pre_connect(self, client: paho.Client, userdata: Any) -> None:
        with self._writing, self.condition:
            self.connected = False
            self.connection_generation += 1

    def _on_attempt_failed(self, error: OSError) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            self._fail(
                f"the certificate of the MQTT broker at {self.address} does not verify: "
                f"{error.verify_message}; set [mqtt.tls] ca_file to the authority that signed it"
            )
        self._note_trouble(error.strerror or str(error) or type(error).__name__)

    def _on_crash(self, error: Exception) -> bool:
        self._fail(
            f"the connection to the MQTT broker at {self.address} failed: {type(error).__name__}: {error}"
        )
        return False

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            if is_permanent(reason):
                self._refused(reason)
            self._note_trouble(str(reason))
            return
        with self._writing:
            self._send(self._to_repeat())
        with self.condition:
            self.connected = True
            self.receive_maximum = getattr(properties, "ReceiveMaximum", PACKET_IDENTIFIERS)
            self.maximum_packet_size = getattr(properties, "MaximumPacketSize", None)
            self.condition.notify_all()
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
                    f"{topic!r} with QoS 1: {reason}; check the topic and the permissions of the user"
                )
                return
        self._established()

    def _established(self) -> None:
        logger.log(
            logging.INFO if self._announced or self._was_established else logging.DEBUG,
            "%s: connected to the MQTT broker at %s (%s session)%s",
            self._client_id,
            self.address,
            "resumed" if self._session_present else "new",
            f", subscribed to {', '.join(self._filters)}" if self._filters else "",
            extra={"client": self._client_id, "broker": self.address, "topics": list(self._filters)},
        )
        self._trouble_logged = False
        with self.condition:
            self._was_established = True
            self.condition.notify_all()

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self.condition:
            was_connected = self.connected
            self.connected = False
            self.condition.notify_all()
        if flags.is_disconnect_packet_from_server and is_permanent(reason):
            self._refused(reason)
        if was_connected and not self.stopping:
            named = flags.is_disconnect_packet_from_server or str(reason) != "Unspecified error"
            # Many brokers just close the connection of the older one of two clients with the same id.
            closed = (
                f"the connection was closed (does another program use the client id {self._client_id!r}?)"
            )
            self._note_trouble(str(reason) if named else closed)

    def _refused(self, reason: ReasonCode) -> None:
        self._fail(
            f"the MQTT broker at {self.address} refused the client {self._client_id!r}: {reason}; check "
            f"[mqtt] username, password, protocol and client_id (no two running programs may share one)"
        )

    def _fail(self, message: str) -> None:
        with self.condition:
            self._failure = self._failure or BrokerError(message)
            self.condition.notify_all()

    def _note_trouble(self, reason: str) -> None:
        self.trouble = reason
        if not self._trouble_logged:
            self._trouble_logged = True  # one line per outage, not one per attempt
            logger.warning(
                "%s: %s the MQTT broker at %s: %s; retrying after %g s, backing off to %g s",
                self._client_id,
                "lost" if self._was_established else "waiting for",
                self.address,
                reason,
                self._settings.reconnect_min,
                self._settings.reconnect_max,
                extra={"client": self._client_id, "broker": self.address, "reason": reason},
            )
