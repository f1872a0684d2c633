"""``[mqtt]`` as paho takes it: the one place where a client is set up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.broker_settings import MqttSettings
from config.errors import SettingsError

PERMANENT_REFUSALS = frozenset(
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
"""Reasons in CONNACK and DISCONNECT (MQTT 5, 2.4) that trying again does not cure. All others may pass."""


def is_permanent(reason: ReasonCode) -> bool:
    """Whether a broker that gives this reason for refusing a client will refuse it again."""
    return str(reason) in PERMANENT_REFUSALS


class ReportingClient(paho.Client):
    """paho's client, which reports from its network thread what paho keeps to itself.

    paho does not say why a connection attempt failed; and an exception that it does not expect, such as that
    of a host name that cannot be encoded or of a callback, silently ends its thread.

    Attributes, to be set before the loop is started:
        on_attempt_failed: called with the reason why an attempt failed; paho makes another one.
        on_crash: called with an unexpected exception; returns whether to connect again.
    """

    on_attempt_failed: Callable[[OSError], None]
    on_crash: Callable[[Exception], bool]

    def reconnect(self) -> MQTTErrorCode:
        try:
            return super().reconnect()
        except OSError as error:
            self.on_attempt_failed(error)
            raise

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        has_crashed = False
        while True:
            try:
                if has_crashed:
                    with suppress(OSError):  # reported already; the loop makes the next attempt
                        self.reconnect()
                return super().loop_forever(timeout, retry_first_connection)
            except Exception as error:
                has_crashed = True
                if not self.on_crash(error):
                    return MQTTErrorCode.MQTT_ERR_UNKNOWN


Client = TypeVar("Client", bound=paho.Client)


def new_client(kind: type[Client], settings: MqttSettings, client_id: str, *, persistent: bool) -> Client:
    """Prepare a client that connects as soon as its loop is started.

    Args:
        kind: the class.
        settings: the section ``[mqtt]``.
        client_id: names the session at the broker.
        persistent: whether the broker keeps the session (subscriptions, unacknowledged messages) while the
            client is away (MQTT 5, 3.1.2.4 and 3.1.2.11.2; MQTT 3.1.1, 3.1.2.4). Such a client acknowledges
            messages itself, and gets at most ``queue_size`` unacknowledged ones (MQTT 5, 3.1.2.11.3).

    Raises:
        SettingsError: a file of ``[mqtt.tls]`` cannot be used.
    """
    version_5 = settings.protocol == "5"
    client = kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if version_5 else not persistent,
        protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
        manual_ack=persistent,
    )
    # Annotated as whole seconds, but only doubled and compared.
    client.reconnect_delay_set(settings.reconnect_min, settings.reconnect_max)  # type: ignore[arg-type]
    if settings.username is not None or settings.password is not None:
        password = None if settings.password is None else settings.password.get_secret_value()
        client.username_pw_set(settings.username, password)
    if settings.tls.enabled:
        _encrypt(client, settings)
    if not version_5:
        client.connect_async(settings.host, settings.port, settings.keepalive)
        return client
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    if persistent:
        properties.SessionExpiryInterval = settings.session_expiry
        properties.ReceiveMaximum = settings.queue_size
    client.connect_async(
        settings.host, settings.port, settings.keepalive, clean_start=not persistent, properties=properties
    )
    return client


def _encrypt(client: paho.Client, settings: MqttSettings) -> None:
    tls = settings.tls
    ca_file, certificate, key = (_text(file) for file in (tls.ca_file, tls.certificate_file, tls.key_file))
    try:
        client.tls_set(ca_certs=ca_file, certfile=certificate, keyfile=key)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"mqtt.tls: expected readable PEM files, got ca_file = {ca_file!r}, "
            f"certificate_file = {certificate!r}, key_file = {key!r}: {error}"
        ) from None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
