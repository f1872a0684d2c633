"""Encrypted connections: the certificate is verified, and what is wrong with it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import BrokerError, SettingsError
from dataflows.connectors.mqtt.sink import MqttSink
from dataflows.messages import OutgoingBatch
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from tests.support.certificates import tls


@pytest.fixture
def encrypted(mosquitto: StartMosquitto, certificate: Path) -> Mosquitto:
    return mosquitto(lines=[f"certfile {certificate}", f"keyfile {certificate.with_suffix('.key')}"])


def test_messages_go_over_an_encrypted_connection(encrypted: Mosquitto, certificate: Path) -> None:
    settings = encrypted.settings(tls=tls(certificate))
    sink = MqttSink(settings, "test", role="sink").build("output", 0, 1)
    sink.write_batch([OutgoingBatch(keys=[""], payloads=[b"1"])])
    sink.close()


def test_a_certificate_of_an_unknown_authority_is_an_error_at_once(encrypted: Mosquitto) -> None:
    settings = encrypted.settings(tls=tls(None))
    with pytest.raises(BrokerError, match=r"does not verify: self-signed certificate; set .* ca_file"):
        MqttSink(settings, "test", role="sink").build("output", 0, 1)


def test_an_authority_file_that_is_not_there_is_an_error_that_names_it(encrypted: Mosquitto) -> None:
    settings = encrypted.settings(tls=tls(Path("nowhere.pem")))
    with pytest.raises(SettingsError, match=r"mqtt\.tls: .* ca_file = 'nowhere.pem'"):
        MqttSink(settings, "test", role="sink").build("output", 0, 1)
