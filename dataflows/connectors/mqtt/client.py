"""paho's client, set up from `[mqtt]`, and made to tell what it would keep to itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.broker_settings import MqttSettings
from config.errors import SettingsError
from dataflows.connectors.mqtt.buffered_socket import BufferedSocket
from dataflows.connectors.mqtt.packets import PacketReader

PACKETS_AT_ONCE = 1_000
"""Packets read before those that wait are written."""


class ReportingClient(paho.Client):
    """paho's client, with buffers, and reporting from its network thread what paho drops.

    paho calls nobody with the reason why a connection attempt failed, and an exception it does not
    expect ends its thread, and with it the connection, without a word.

    Attributes:
        before_connecting: called before every attempt, while nothing is on the wire.
        after_failing: called with the reason for which an attempt failed; another one follows.
        after_dying: called with the exception that ended the thread; nothing follows.
        new_reader: makes what takes packets from a new connection that paho is not to see.
    """

    new_reader: Callable[[], PacketReader]
    before_connecting: Callable[[], None]
    after_failing: Callable[[OSError], None]
    after_dying: Callable[[Exception], None]

    def reconnect(self) -> MQTTErrorCode:
        self.before_connecting()
        try:
            return super().reconnect()
        except OSError as error:
            self.after_failing(error)
            raise

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        code = super().loop_read(max_packets)
        connection = self.socket()
        for _ in range(PACKETS_AT_ONCE):
            if code or not (isinstance(connection, BufferedSocket) and connection.pending()):
                break
            code = super().loop_read(max_packets)
        return code

    def loop_write(self) -> MQTTErrorCode:
        connection = self.socket()
        code = super().loop_write()
        if isinstance(connection, BufferedSocket) and connection is self.socket():
            connection.flush()
        return code

    def want_write(self) -> bool:
        connection = self.socket()
        return super().want_write() or (isinstance(connection, BufferedSocket) and connection.unsent)

    def loop_misc(self) -> MQTTErrorCode:
        connection = self.socket()
        if isinstance(connection, BufferedSocket):
            # paho sees only what it is left. Without this it would give up a connection that is busy: the
            # answer to its PINGREQ may wait behind messages for longer than ``keepalive``.
            with self._msgtime_mutex:
                self._last_bytes_received = max(self._last_bytes_received, connection.heard)
            if 0.0 < self._ping_t < connection.heard:
                self._ping_t = 0.0
        return super().loop_misc()

    def wake(self) -> None:
        """Let the network thread see that there is something to write."""
        if self._sockpairW is not None:
            with suppress(OSError):
                self._sockpairW.send(b"0")

    def _create_socket(self) -> BufferedSocket:
        return BufferedSocket(super()._create_socket(), self.new_reader().take)

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception as error:
            self.after_dying(error)
            return MQTTErrorCode.MQTT_ERR_UNKNOWN


def new_client(settings: MqttSettings, client_id: str, *, persistent: bool) -> ReportingClient:
    """Prepare a client that connects as soon as its loop is started.

    Args:
        settings: the section ``[mqtt]``.
        client_id: names the session at the broker.
        persistent: whether the broker keeps the session (subscriptions, unacknowledged messages)
            while the client is away. MQTT 5, 3.1.2.4 and 3.1.2.11.2; MQTT 3.1.1, 3.1.2.4.

    Raises:
        SettingsError: a file of ``[mqtt.tls]`` cannot be used.
    """
    version_5 = settings.protocol == "5"
    client = ReportingClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if version_5 else not persistent,
        protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
        manual_ack=True,
    )
    # Annotated as whole seconds, but only doubled and compared.
    client.reconnect_delay_set(settings.reconnect_min, settings.reconnect_max)  # type: ignore[arg-type]
    if settings.username is not None or settings.password is not None:
        password = None if settings.password is None else settings.password.get_secret_value()
        client.username_pw_set(settings.username, password)
    if settings.tls.enabled:
        _encrypt(client, settings)
    if version_5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        if persistent:
            properties.SessionExpiryInterval = settings.session_expiry
            properties.ReceiveMaximum = settings.queue_size
        client.connect_async(
            settings.host,
            settings.port,
            settings.keepalive,
            clean_start=not persistent,
            properties=properties,
        )
    else:
        client.connect_async(settings.host, settings.port, settings.keepalive)
    return client


def _encrypt(client: paho.Client, settings: MqttSettings) -> None:
    tls = settings.tls
    try:
        client.tls_set(
            ca_certs=_text(tls.ca_file), certfile=_text(tls.certificate_file), keyfile=_text(tls.key_file)
        )
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"mqtt.tls: expected readable PEM files, got ca_file = {_text(tls.ca_file)!r}, "
            f"certificate_file = {_text(tls.certificate_file)!r}, key_file = {_text(tls.key_file)!r}: {error}"
        ) from None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
