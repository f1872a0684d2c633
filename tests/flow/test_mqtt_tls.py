"""Encrypted connections: the certificate is verified, and errors say what is wrong with it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from config.errors import BrokerError, SettingsError
from dataflows.connectors.mqtt.sink import MqttSink
from dataflows.connectors.mqtt.source import MqttSource
from dataflows.messages import OutgoingBatch
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from scripts.waiting import wait_until
from tests.support.certificates import tls
from tests.support.mqtt_source import take


@pytest.fixture
def encrypted(mosquitto: StartMosquitto, certificate: Path) -> Mosquitto:
    return mosquitto(lines=[f"certfile {certificate}", f"keyfile {certificate.with_suffix('.key')}"])


def test_messages_go_over_an_encrypted_connection(encrypted: Mosquitto, certificate: Path) -> None:
    settings = encrypted.settings(tls=tls(certificate))
    sink = MqttSink(settings, "test", role="sink").build("output", 0, 1)
    sink.write_batch([OutgoingBatch(keys=[""], payloads=[b"1"])])
    sink.close()


def test_more_than_a_connection_buffers_goes_both_ways_encrypted_and_in_order(
    encrypted: Mosquitto, certificate: Path
) -> None:
    settings = encrypted.settings(tls=tls(certificate))
    source = MqttSource(settings, ["test/#"]).build_part("input", "mqtt", None)
    sink = MqttSink(settings, "test", role="sink").build("output", 0, 1)
    subscribed: list[bytes] = []

    def is_subscribed() -> bool:
        sink.write_batch([OutgoingBatch(keys=[""], payloads=[b"subscribed"])])
        subscribed.extend(payload for batch in source.next_batch() for payload in batch.payloads)
        return bool(subscribed)

    wait_until(is_subscribed, "the subscription")
    payloads = [b"%d " % number + bytes(2_000) for number in range(10_000)]
    writing = threading.Thread(target=sink.write_batch, args=([OutgoingBatch([""] * 10_000, payloads)],))
    writing.start()
    received: list[bytes] = []
    while len(received) < len(payloads):
        new = [payload for payload in take(source, 1) if payload != b"subscribed"]
        received += new
        source.snapshot()
    writing.join()
    assert received == payloads
    source.close()
    sink.close()


def test_a_certificate_of_an_unknown_authority_is_an_error_at_once(encrypted: Mosquitto) -> None:
    settings = encrypted.settings(tls=tls(None))
    with pytest.raises(BrokerError, match=r"does not verify: self-signed certificate; set .* ca_file"):
        MqttSink(settings, "test", role="sink").build("output", 0, 1)


def test_an_authority_file_that_is_not_there_is_an_error_that_names_it(encrypted: Mosquitto) -> None:
    settings = encrypted.settings(tls=tls(Path("nowhere.pem")))
    with pytest.raises(SettingsError, match=r"mqtt\.tls: .* ca_file = 'nowhere.pem'"):
        MqttSink(settings, "test", role="sink").build("output", 0, 1)
