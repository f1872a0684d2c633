"""``[mqtt]`` as paho takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import SecretStr

from config.broker_settings import MqttSettings, TlsSettings
from config.errors import SettingsError
from config.mqtt_options import PERMANENT_REFUSALS, ReportingClient, is_permanent, new_client
from config.settings import DEFAULT_FILE, load
from tests.support.scripted_broker import CONNECT, HANG_UP, ScriptedBroker


def settings(**changes: Any) -> MqttSettings:
    return load(DEFAULT_FILE).mqtt.model_copy(update=changes)


def connect_packet(persistent: bool, **changes: Any) -> bytes:
    """What a client sends first, without its fixed header."""
    packets: list[bytes] = []

    def keep(packet: bytes) -> bytes:
        packets.append(packet)
        return HANG_UP

    with ScriptedBroker({CONNECT: keep}) as broker:
        client = new_client(
            ReportingClient, settings(port=broker.port, **changes), "fleet-test", persistent=persistent
        )
        client.reconnect()
        while not packets:
            client.loop(0.1)
        client.disconnect()
    return packets[0]


CLEAN, USER, PASSWORD = 0x02, 0x80, 0x40
"""Flags of CONNECT (MQTT 5, 3.1.2.3)."""

SESSION_EXPIRY, RECEIVE_MAXIMUM = b"\x11\x00\x01\x51\x80", b"\x21\x4e\x20"
"""86,400 seconds and 20,000 messages, as config/fleet.toml has them (MQTT 5, 3.1.2.11)."""


def test_a_persistent_session_lasts_and_is_limited() -> None:
    packet = connect_packet(persistent=True)
    assert packet[:7] == b"\x00\x04MQTT\x05"
    assert not packet[7] & CLEAN
    assert packet[8:10] == (30).to_bytes(2, "big")
    assert SESSION_EXPIRY + RECEIVE_MAXIMUM in packet
    assert packet.endswith(b"\x00\x0afleet-test")


def test_any_other_session_starts_clean_and_ends_with_the_connection() -> None:
    packet = connect_packet(persistent=False)
    assert packet[7] & CLEAN
    assert SESSION_EXPIRY not in packet


@pytest.mark.parametrize("persistent", [True, False])
def test_mqtt_3_has_the_same_sessions(persistent: bool) -> None:
    packet = connect_packet(persistent, protocol="3.1.1")
    assert packet[:7] == b"\x00\x04MQTT\x04"
    assert bool(packet[7] & CLEAN) != persistent


def test_user_and_password_are_sent() -> None:
    packet = connect_packet(False, username="fleet", password=SecretStr("secret"))
    assert packet[7] & (USER | PASSWORD) == USER | PASSWORD
    assert packet.endswith(b"\x00\x05fleet\x00\x06secret")


def test_a_file_that_cannot_be_read_is_an_error_that_names_all_of_them() -> None:
    tls = TlsSettings(enabled=True, ca_file=Path("no.pem"), certificate_file=None, key_file=None)
    with pytest.raises(
        SettingsError, match=r"mqtt\.tls: expected readable PEM files, got ca_file = 'no\.pem'"
    ):
        new_client(paho.Client, settings(tls=tls), "fleet-test", persistent=False)


def test_every_permanent_refusal_is_a_reason_of_the_standard() -> None:
    for name in PERMANENT_REFUSALS:
        kind = PacketTypes.DISCONNECT if name == "Session taken over" else PacketTypes.CONNACK
        assert is_permanent(ReasonCode(kind, name))


@pytest.mark.parametrize(
    "name", ["Server unavailable", "Server busy", "Quota exceeded", "Connection rate exceeded"]
)
def test_a_refusal_that_may_pass_is_not_permanent(name: str) -> None:
    assert not is_permanent(ReasonCode(PacketTypes.CONNACK, name))
